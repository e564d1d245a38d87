import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import type { SubmitterLimits } from "../../src/mail/submitter.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, appRow } from "../store/rows.ts";

export type SendingHouse = Awaited<ReturnType<typeof openSendingHouse>>;

const day = 86_400_000;

/** What accepts messages and uploads, on a real SQLite file; nothing sends them. */
export async function openSendingHouse(options: { maxMessage?: number } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "postern-sending-"));
  const handle = openSqlite(join(directory, "postern.db"));
  const store = createStore(handle);
  const clock = createFakeClock();
  const app = appRow();
  await store.apps.insert(app);
  const caller: AppCaller = {
    kind: "app",
    appId: app.id,
    keyId: "key_1",
    scopes: ["messages:send"],
    accountIds: null,
  };
  let limits: SubmitterLimits | null = null;
  const needs = {
    ...store,
    clock,
    wake: createInProcessWake(clock),
    submitters: { limitsOf: () => limits },
    maxMessage: options.maxMessage ?? 50 * 1024 * 1024,
  };
  return {
    needs,
    store,
    clock,
    caller,
    /** An account that can send, of the app. */
    async account(change: Partial<AccountRow> = {}): Promise<AccountRow> {
      const outgoing = accountRow().incoming && { ...accountRow().incoming, protocol: "smtp", port: 465 };
      const row = accountRow({
        appId: app.id,
        email: "alice@example.org",
        outgoing: outgoing as AccountRow["outgoing"],
        ...change,
      });
      await store.accounts.insert(row);
      return row;
    },
    /** What the server announced when somebody last logged in. */
    announce(told: Partial<SubmitterLimits>): void {
      limits = { size: null, smtpUtf8: true, eightBitMime: true, recipients: null, ...told };
    },
    submissions: (account: AccountRow) => store.submissions.list(account.id, { before: null, limit: 200 }),
    /** How many blobs are there that nothing refers to. They are gone then. */
    strays: () => store.blobs.sweep(clock.now() + day),
    async octetsStored(): Promise<number> {
      const { blobs } = handle.tables;
      const sizes = await handle.read((db) => db.select({ size: blobs.size }).from(blobs));
      return sizes.reduce((sum, { size }) => sum + size, 0);
    },
    async close(): Promise<void> {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The octets in pieces of one size; `end` comes behind them. */
export async function* cut(octets: Uint8Array, size: number, end?: () => never): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
  end?.();
}
