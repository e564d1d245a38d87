import { eq } from "drizzle-orm";
import type { FlagChange } from "../../src/mail/flags.ts";
import type { MaildropKey } from "../../src/mail/maildrop.ts";
import type { Handle } from "../../src/store/handle.ts";
import type { Subject } from "./contract.ts";
import { bytesOf } from "./helpers.ts";
import { accountRow } from "./rows.ts";

/** A store with a new account, and what it keeps of that account's maildrop. */
export async function freshMaildrop(subject: () => Promise<Subject>) {
  const { handle, store } = await subject();
  const account = accountRow();
  await store.accounts.insert(account);
  return { handle, store, account, maildrop: store.maildrops.of(account.id) };
}

export const uidl = (value: string | number): MaildropKey => ({ kind: "uidl", value: String(value) });
export const keysOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => uidl(`m${from + i}`));
export const kept = (key: MaildropKey, header: Uint8Array = bytesOf(3)) => ({ key, header, size: 4_294_967_296 });
export const set = (keywords: string[], flags: FlagChange["flags"] = {}): FlagChange => ({
  flags,
  keywords: { add: keywords, remove: [] },
});
export const clear = (keywords: string[], flags: FlagChange["flags"] = {}): FlagChange => ({
  flags,
  keywords: { add: [], remove: keywords },
});
export const none = { seen: false, flagged: false, answered: false, draft: false };

/** What nothing is kept under. */
export const unkeepable = [uidl(""), uidl("x".repeat(265)), uidl("a\u0000"), uidl("a\tb"), uidl("\ud800")];

export const headerCount = (handle: Handle, accountId: string) => countOf(handle, "maildropHeaders", accountId);
export const flagCount = (handle: Handle, accountId: string) => countOf(handle, "maildropFlags", accountId);

async function countOf(handle: Handle, name: "maildropHeaders" | "maildropFlags", accountId: string): Promise<number> {
  const rows = handle.tables[name];
  const found = await handle.read((db) => db.select({ key: rows.key }).from(rows).where(eq(rows.accountId, accountId)));
  return found.length;
}
