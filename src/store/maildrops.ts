import { createHash } from "node:crypto";
import type { KeptMessages, MaildropKey } from "../mail/maildrop.ts";
import { canKeep, maildropKeyText, maxKeptHeaders } from "../mail/maildrop.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { done, groups } from "./handle.ts";
import { keptFlags } from "./maildrop-flags.ts";
import { keptHeaders } from "./maildrop-headers.ts";
import type { Store } from "./store.ts";

/** How long a message is missing before its flags are forgotten. */
const missingMs = 86_400_000;
/** How long an account's rows are taken to be those of messages that are there, when none has gone meanwhile. */
const trustedMs = 3_600_000;
const accountsRemembered = 10_000;
const groupsAtOnce = 10;

/**
 * What a maildrop held when it was last told: so many keys, and the digest of all; when its rows were last gone through, and
 * whether some were of messages that are missing.
 */
type Seen = { length: number; digest: string; at: number; missing: boolean };

export function maildropsRepository(store: Handle): Store["maildrops"] {
  const headers = keptHeaders(store);
  const flags = keptFlags(store);
  /** By account. Only saves reading rows: without it, or where it is old, they are read. */
  const seen = new Map<string, Seen>();

  function remember(accountId: string, now: Seen): void {
    seen.delete(accountId);
    seen.set(accountId, now);
    const [oldest] = seen.keys();
    if (seen.size > accountsRemembered && oldest !== undefined) seen.delete(oldest);
  }

  /** Runs what `build` makes of the rows' keys, in groups of up to 90, of which some are one atomic. */
  async function each(rows: { key: string }[], build: (db: Db, keys: string[]) => Query): Promise<void> {
    for (let rest = groups(rows.map(({ key }) => key)); rest.length > 0; rest = rest.slice(groupsAtOnce)) {
      const [first = [], ...more] = rest.slice(0, groupsAtOnce);
      await done(store.atomic((db) => [build(db, first), ...more.map((some) => build(db, some))]));
    }
  }

  /** True when some flags are kept of messages that are missing; `kind`: of that kind, the others don't count. */
  async function goThrough(
    accountId: string,
    texts: string[],
    now: number,
    kind: MaildropKey["kind"] | undefined,
  ): Promise<boolean> {
    const newest = new Set(texts.slice(-maxKeptHeaders));
    for await (const page of pages((after) => headers.keys(accountId, after))) {
      const surplus = page.filter(({ key }) => !newest.has(key));
      await each(surplus, (db, keys) => headers.remove(db, accountId, keys));
    }
    const live = new Set(texts);
    const expired = now - missingMs;
    let someMissing = false;
    for await (const page of pages((after) => flags.messages(accountId, after))) {
      const there = page.filter(({ key }) => live.has(key));
      const away = page.filter(({ key }) => !live.has(key) && (kind === undefined || key.startsWith(`${kind}:`)));
      someMissing ||= away.length > 0;
      const back = there.filter(({ missing }) => missing > 0);
      const gone = away.filter(({ set, missing }) => missing < set);
      const lost = away.filter(({ since }) => since !== null && since <= expired);
      await each(back, (db, keys) => flags.back(db, accountId, keys));
      await each(gone, (db, keys) => flags.missing(db, accountId, keys, now));
      await each(lost, (db, keys) => flags.remove(db, accountId, keys, expired));
    }
    return someMissing;
  }

  const of = (accountId: string): KeptMessages => ({
    headers: {
      get: (keys) => headers.get(accountId, keys),
      async keys() {
        const found = new Set<string>();
        for await (const page of pages((after) => headers.keys(accountId, after))) {
          for (const { key } of page) found.add(key);
        }
        return found;
      },
      async put(kept) {
        const all = await headers.put(accountId, kept);
        // The next `keepOnly` makes room.
        if (!all) seen.delete(accountId);
      },
    },

    flags: {
      get: (keys) => flags.get(accountId, keys),
      async having(flag) {
        const found = new Set<string>();
        for await (const page of pages((after) => flags.having(accountId, flag, after))) {
          for (const { key } of page) found.add(key);
        }
        return found;
      },
      change: (keys, change) => flags.change(accountId, keys, change),
    },

    async forget(keys) {
      const rows = keys.filter(canKeep).map((key) => ({ key: maildropKeyText(key) }));
      await each(rows, (db, some) => headers.remove(db, accountId, some));
      await each(rows, (db, some) => flags.remove(db, accountId, some, null));
    },

    async keepOnly(keys, now, kind) {
      const texts = keys.map(maildropKeyText);
      const last = seen.get(accountId);
      const trusted = last !== undefined && Math.abs(now - last.at) < trustedMs && nothingToDo(texts, last);
      if (trusted && texts.length === last.length) return;
      const missing = trusted ? last.missing : await goThrough(accountId, texts, now, kind);
      remember(accountId, { length: texts.length, digest: digestOf(texts), at: trusted ? last.at : now, missing });
    },
  });
  return { of };
}

/** All pages, each `read` from where the last one ended. */
async function* pages<T extends { key: string }>(read: (after: string) => Promise<T[]>): AsyncGenerator<T[]> {
  for (let page = await read(""); page.length > 0; page = await read(page.at(-1)?.key ?? "")) {
    yield page;
    // SQLite reads on this thread: whoever waits for it gets a turn.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/**
 * Whether what was seen is still there, at the start: new messages come at the end (RFC 1939 §5: numbers ascend). Where some
 * were missing, what comes at the end may be one of those.
 */
function nothingToDo(texts: string[], { length, digest, missing }: Seen): boolean {
  const onlyNew = missing ? texts.length === length : texts.length >= length;
  return onlyNew && digestOf(texts.slice(0, length)) === digest;
}

function digestOf(texts: string[]): string {
  return createHash("sha256").update(texts.join("\n")).digest("base64");
}
