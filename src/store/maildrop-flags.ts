import { and, asc, count, eq, gt, inArray, isNotNull, isNull, lte, min, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { type FlagChange, type Flags, systemFlags } from "../mail/flags.ts";
import type { MaildropKey } from "../mail/maildrop.ts";
import { canKeep, maildropKeyText, maxKeptFlags } from "../mail/maildrop.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { groups, ofAccount } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";

/** Messages that one page has at most. */
const pageLength = 2_000;
const systemNames = Object.entries(systemFlags) as [keyof Flags, string][];

/**
 * The rows of `maildrop_flags`: one for each flag and keyword that is set, so that a change only adds and takes off rows, and
 * none reads what it writes.
 */
export function keptFlags(store: Handle) {
  const { accounts, maildropFlags: rows } = store.tables;

  const among = preparedAmong(store, ["accountId"], (db, { accountId }, keys) =>
    db
      .select({ key: rows.key, name: rows.name })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), inArray(rows.key, keys)))
      .orderBy(asc(rows.key), asc(rows.flag)),
  );
  const account = prepared(store, ["id"], (db, { id }) =>
    db.select({ id: accounts.id }).from(accounts).where(eq(accounts.id, id)),
  );
  const messagesOf = prepared(store, ["accountId", "after"], (db, { accountId, after }) =>
    db
      .select({ key: rows.key, set: count(), missing: count(rows.missingSince), since: min(rows.missingSince) })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), gt(rows.key, after)))
      .groupBy(rows.key)
      .orderBy(asc(rows.key))
      .limit(pageLength),
  );
  const flagged = prepared(store, ["accountId", "flag", "after"], (db, { accountId, flag, after }) =>
    db
      .select({ key: rows.key })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), eq(rows.flag, flag), gt(rows.key, after)))
      .orderBy(asc(rows.key))
      .limit(pageLength),
  );
  const ofThese = (accountId: string, keys: string[]) => and(eq(rows.accountId, accountId), inArray(rows.key, keys));

  function set(db: Db, accountId: string, keys: string[], names: string[]): Query[] {
    const values = keys.flatMap((key) => names.map((name) => ({ accountId, key, flag: name.toLowerCase(), name })));
    return groups(values, 4).map((group) => db.insert(rows).values(group).onConflictDoNothing());
  }

  function clear(db: Db, accountId: string, keys: string[], names: string[]): Query[] {
    return names.map((name) => db.delete(rows).where(and(ofThese(accountId, keys), eq(rows.flag, name.toLowerCase()))));
  }

  /** The account, unless one of these messages has too many. */
  const withoutTooMany = (accountId: string, keys: string[]) =>
    and(
      eq(accounts.id, accountId),
      sql`not exists (select 1 from ${rows} where ${ofThese(accountId, keys)} group by ${rows.key} having count(*) > ${maxKeptFlags})`,
    );

  async function changeSome(accountId: string, keys: string[], { on, off }: Names): Promise<void> {
    const results = await store.atomic((db, require) => [
      // One change of an account at a time, so that what is counted below is all there is.
      require(accounts, eq(accounts.id, accountId), "unchanged"),
      ...clear(db, accountId, keys, off),
      ...set(db, accountId, keys, on),
      require(accounts, withoutTooMany(accountId, keys), "exists"),
    ]);
    if (results === "refused" && (await account({ id: accountId })).length > 0) {
      throw new Failure("unsupported-by-server", `A message can have ${maxKeptFlags} flags and keywords at most.`, {
        fix: "Take off keywords that are not needed any more.",
      });
    }
    await ofAccount(Promise.resolve(results));
  }

  return {
    async get(accountId: string, keys: MaildropKey[]) {
      const found = await among({ accountId }, new Set(keys.filter(canKeep).map(maildropKeyText)));
      const names = Map.groupBy(found, ({ key }) => key);
      return new Map([...names].map(([key, of]) => [key, flagsOf(of.map(({ name }) => name))]));
    },

    /** The keys on which a flag is set, a page of them ascending from `after`, from "" on. */
    having: (accountId: string, flag: keyof Flags, after: string) =>
      flagged({ accountId, flag: systemFlags[flag].toLowerCase(), after }),

    async change(accountId: string, keys: MaildropKey[], change: FlagChange): Promise<void> {
      const names = namesOf(change);
      if (names.on.length + names.off.length === 0) return;
      if (!keys.every(canKeep)) {
        throw new Failure("unsupported-by-server", "The mail server's id of this message is none to keep flags by.");
      }
      for (const some of groups(new Set(keys.map(maildropKeyText)))) await changeSome(accountId, some, names);
    },

    /**
     * The messages of which something is set, a page of them ascending by key from `after`, from "" on: how much is set, how
     * much of that is marked as missing, and since when (the first of it).
     */
    messages: (accountId: string, after: string) => messagesOf({ accountId, after }),

    /** Marks what is set on up to 90 keys as missing since `now`, where it is not marked already. */
    missing: (db: Db, accountId: string, keys: string[], now: number): Query =>
      db
        .update(rows)
        .set({ missingSince: now })
        .where(and(ofThese(accountId, keys), isNull(rows.missingSince))),

    /** Takes that mark off up to 90 keys. */
    back: (db: Db, accountId: string, keys: string[]): Query =>
      db
        .update(rows)
        .set({ missingSince: null })
        .where(and(ofThese(accountId, keys), isNotNull(rows.missingSince))),

    /** Forgets what is set on up to 90 keys and has been missing since `before` or longer; null: whether missing or not. */
    remove: (db: Db, accountId: string, keys: string[], before: number | null): Query =>
      db
        .delete(rows)
        .where(and(ofThese(accountId, keys), before === null ? undefined : lte(rows.missingSince, before))),
  };
}

type Names = { on: string[]; off: string[] };

function namesOf({ flags, keywords }: FlagChange): Names {
  const system = (value: boolean) => systemNames.flatMap(([flag, name]) => (flags[flag] === value ? [name] : []));
  return { on: [...system(true), ...keywords.add], off: [...system(false), ...keywords.remove] };
}

function flagsOf(names: string[]): { flags: Flags; keywords: string[] } {
  const has = (flag: keyof Flags): boolean => names.includes(systemFlags[flag]);
  return {
    flags: { seen: has("seen"), flagged: has("flagged"), answered: has("answered"), draft: has("draft") },
    keywords: names.filter((name) => !name.startsWith("\\")),
  };
}
