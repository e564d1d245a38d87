import { createHash } from "node:crypto";
import { type KeptMaildrop, type MaildropKey, maildropKeyText } from "../mail/maildrop.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { noServer } from "./login-of.ts";

/**
 * Tells by host and username whose maildrop the account's is, as 8 characters: a message's name in one says nothing in another.
 * Fails `no-incoming`.
 */
export function maildropLogin({ incoming }: Pick<AccountRow, "incoming">): string {
  if (incoming === null) throw noServer("incoming");
  const whose = JSON.stringify([incoming.host.toLowerCase(), incoming.auth.username]);
  return createHash("sha256").update(whose).digest().subarray(0, 6).toString("base64url");
}

/**
 * What is kept of the maildrop that the account names now. What was kept of one that it named before is not seen, and goes as
 * what is kept of missing messages does.
 */
export function keptMaildrop(
  { maildrops, splitKeys }: Pick<Store, "maildrops"> & { splitKeys: Pick<Store["splitKeys"], "all" | "add"> },
  account: Pick<AccountRow, "id" | "incoming">,
): KeptMaildrop {
  const kept = maildrops.of(account.id);
  const login = `${maildropLogin(account)}/`;
  const owned = ({ kind, value }: MaildropKey): MaildropKey => ({ kind, value: login + value });
  const kinds = (["uidl", "fingerprint"] as const).map((kind) => ({
    kind,
    start: maildropKeyText({ kind, value: login }),
  }));

  /** The text as the maildrop's own messages have it; none for another maildrop's. */
  const ownText = (text: string): string[] =>
    kinds
      .filter(({ start }) => text.startsWith(start))
      .map(({ kind, start }) => maildropKeyText({ kind, value: text.slice(start.length) }));
  const storedText = (text: string): string[] =>
    kinds
      .filter(({ kind }) => text.startsWith(`${kind}:`))
      .map(({ kind, start }) => start + text.slice(kind.length + 1));
  const ownTexts = (texts: Set<string>): Set<string> => new Set([...texts].flatMap(ownText));

  return {
    headers: {
      async get(keys) {
        const found = await kept.headers.get(keys.map(owned));
        return new Map(
          keys.flatMap((key) => {
            const header = found.get(maildropKeyText(owned(key)));
            return header === undefined ? [] : [[maildropKeyText(key), { ...header, key }]];
          }),
        );
      },
      keys: async () => ownTexts(await kept.headers.keys()),
      put: (headers) => kept.headers.put(headers.map((header) => ({ ...header, key: owned(header.key) }))),
    },
    flags: {
      async get(keys) {
        const found = await kept.flags.get(keys.map(owned));
        return new Map([...found].flatMap(([text, flags]) => ownText(text).map((own) => [own, flags] as const)));
      },
      having: async (flag) => ownTexts(await kept.flags.having(flag)),
      change: (keys, change) => kept.flags.change(keys.map(owned), change),
    },
    duplicates: {
      all: async () => ownTexts(await splitKeys.all(account.id)),
      add: (texts) => splitKeys.add(account.id, texts.flatMap(storedText)),
    },
    forget: (keys) => kept.forget(keys.map(owned)),
    keepOnly: (keys, now, kind) => kept.keepOnly(keys.map(owned), now, kind),
  };
}
