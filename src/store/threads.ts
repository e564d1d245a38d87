import { and, asc, desc, eq, getTableColumns, inArray, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";
import type { Store } from "./store.ts";

/** Nodes that are looked up in one query. */
const mostNodes = 10_000;

/** Where a list of threads begins: behind all. */
const newest = { at: Number.MAX_SAFE_INTEGER, id: "" };

export function threadsRepository(store: Handle): Store["threads"] {
  const { threadMessages } = store.tables;
  const { accountId: _account, ...columns } = getTableColumns(threadMessages);

  const linksOf = prepared(store, ["accountId", "nodes"], (db, { accountId, nodes }) =>
    db
      .select({ node: sql<string>`links.node`, thread: sql<string>`links.thread` })
      // SQLite keeps the order of a cross join.
      .from(sql`${store.dialect.rows(nodes, { node: "text" })} as given cross join thread_links as links`)
      .where(sql`links.account_id = cast(${accountId} as text) and links.node = given.node`),
  );
  const earliestOf = preparedAmong(store, ["accountId"], (db, { accountId }, ids) =>
    db
      .select({ thread: threadMessages.thread, at: sql`min(${threadMessages.at})`.mapWith(threadMessages.at) })
      .from(threadMessages)
      .where(and(eq(threadMessages.accountId, accountId), inArray(threadMessages.thread, ids)))
      .groupBy(threadMessages.thread),
  );
  const messagesOf = preparedAmong(store, ["accountId"], (db, { accountId }, ids) =>
    db
      .select(columns)
      .from(threadMessages)
      .where(and(eq(threadMessages.accountId, accountId), inArray(threadMessages.thread, ids)))
      .orderBy(asc(threadMessages.at)),
  );

  const newestOf = prepared(store, ["accountId", "thread", "limit"], (db, { accountId, thread, limit }) =>
    db
      .select({
        messages: sql`(select count(distinct counted.own) from thread_messages as counted
            where counted.account_id = cast(${accountId} as text) and counted.thread = cast(${thread} as text))`.mapWith(
          threadMessages.at,
        ),
        ...columns,
      })
      .from(threadMessages)
      .where(and(eq(threadMessages.accountId, accountId), eq(threadMessages.thread, thread)))
      .orderBy(desc(threadMessages.at), desc(threadMessages.folder), desc(threadMessages.uid))
      .limit(limit),
  );
  const newestOfEach = preparedAmong(store, ["accountId", "limit"], (db, { accountId, limit }, ids) => {
    const nth = sql`row_number() over (partition by thread order by at desc, folder desc, uid desc)`
      .mapWith(threadMessages.at)
      .as("nth");
    const ranked = db
      .select({ ...columns, nth })
      .from(threadMessages)
      .where(and(eq(threadMessages.accountId, accountId), inArray(threadMessages.thread, ids)))
      .as("ranked");
    return db
      .select()
      .from(ranked)
      .where(sql`${ranked.nth} <= cast(${limit} as bigint)`)
      .orderBy(asc(ranked.thread), asc(ranked.nth));
  });
  const foldersOf = preparedAmong(store, ["accountId"], (db, { accountId }, ids) =>
    db
      .select({ thread: threadMessages.thread, folder: threadMessages.folder })
      .from(threadMessages)
      .where(and(eq(threadMessages.accountId, accountId), inArray(threadMessages.thread, ids)))
      .groupBy(threadMessages.thread, threadMessages.folder),
  );
  const countsOf = prepared(store, ["accountId"], (db, { accountId }) =>
    db
      .select({ folder: threadMessages.folder, messages: sql`count(*)`.mapWith(threadMessages.at) })
      .from(threadMessages)
      .where(eq(threadMessages.accountId, accountId))
      .groupBy(threadMessages.folder),
  );

  /** A page, each thread with the message that arrived last, of several at one time that of the greatest place. */
  function listed(isInFolder: boolean) {
    return prepared(store, ["accountId", "at", "id", "limit", "folder"], (db, { accountId, at, id, limit, folder }) => {
      const account = sql`cast(${accountId} as text)`;
      const inFolder = sql`and id in (select thread from thread_messages where account_id = ${account} and folder = cast(${folder} as bigint))`;
      const page = sql`select id, latest_at from threads
          where account_id = ${account} and latest_at is not null and (latest_at, id) < (cast(${at} as bigint), cast(${id} as text))
            ${isInFolder ? inFolder : sql``}
          order by latest_at desc, id desc limit cast(${limit} as bigint)`;
      // One column at a time: Postgres looks up no pair by an index.
      const ofLatest = (
        column: "folder" | "uid",
      ) => sql`(select latest.${sql.raw(column)} from thread_messages as latest
          where latest.account_id = ${account} and latest.thread = page.id and latest.at = page.latest_at
          order by latest.folder desc, latest.uid desc limit 1)`;
      return (
        db
          .select({
            messages: sql`(select count(distinct counted.own) from thread_messages as counted
              where counted.account_id = ${account} and counted.thread = page.id)`.mapWith(threadMessages.at),
            ...columns,
          })
          .from(sql`(${page}) as page`)
          // SQLite keeps the order.
          .crossJoin(threadMessages)
          .where(
            sql`${threadMessages.accountId} = ${account}
              and ${threadMessages.folder} = ${ofLatest("folder")} and ${threadMessages.uid} = ${ofLatest("uid")}`,
          )
          .orderBy(sql`page.latest_at desc, page.id desc`)
      );
    });
  }
  const ofAll = listed(false);
  const ofFolder = listed(true);

  return {
    async of(accountId, nodes) {
      const found = new Map<string, string>();
      const all = [...new Set(nodes)];
      for (let n = 0; n < all.length; n += mostNodes) {
        const some = all.slice(n, n + mostNodes).map((node) => ({ node }));
        const text = store.dialect.rowsText(some, { node: "text" });
        for (const { node, thread } of await linksOf({ accountId, nodes: text })) found.set(node, thread);
      }
      return found;
    },

    async earliest(accountId, threads) {
      const rows = await earliestOf({ accountId }, new Set(threads));
      return new Map(rows.map(({ thread, at }) => [thread, at]));
    },

    async list(accountId, { after, limit, folder }) {
      const { at, id } = after ?? newest;
      const page = { accountId, at, id, limit, folder: folder ?? 0 };
      const rows = await (folder === null ? ofAll(page) : ofFolder(page));
      return rows.map(({ messages, ...latest }) => ({ id: latest.thread, latestAt: latest.at, messages, latest }));
    },

    async messages(accountId, threads) {
      const rows = await messagesOf({ accountId }, new Set(threads));
      return rows.toSorted((a, b) => a.at - b.at || a.folder - b.folder || a.uid - b.uid);
    },

    async newest(accountId, thread, limit) {
      const rows = await newestOf({ accountId, thread, limit });
      return { messages: rows[0]?.messages ?? 0, rows: rows.map(({ messages: _messages, ...row }) => row) };
    },

    async newestOfEach(accountId, threads, limit) {
      const rows = await newestOfEach({ accountId, limit }, new Set(threads));
      return rows.map(({ nth: _nth, ...row }) => row);
    },

    async folders(accountId, threads) {
      const rows = await foldersOf({ accountId }, new Set(threads));
      const byThread = Map.groupBy(rows, ({ thread }) => thread);
      return new Map([...byThread].map(([thread, some]) => [thread, some.map(({ folder }) => folder)]));
    },

    async counts(accountId) {
      return new Map((await countsOf({ accountId })).map(({ folder, messages }) => [folder, messages]));
    },
  };
}
