import type { SQL } from "drizzle-orm";
import { and, eq, getTableColumns, sql } from "drizzle-orm";
import { bound } from "./bound.ts";
import { givenRows } from "./given.ts";
import type { Db, Handle, Query } from "./handle.ts";
import type { ThreadChange, ThreadMessageRow } from "./rows.ts";

/** How long a thread without messages is remembered: what has gone may be on its way to another folder, milliseconds. */
const rememberedMs = 86_400_000;

/** Above any UID. */
export const everyUid = Number.MAX_SAFE_INTEGER;

/** The queries that change the index of an account's threads; `at` is the time now, milliseconds. A few, whatever is in the change, and two for each winner of a merge. */
export function changeThreads(
  { tables, dialect }: Pick<Handle, "tables" | "dialect">,
  db: Db,
  accountId: string,
  { remove, merges, links, put }: ThreadChange,
  at: number,
): Query[] {
  const { threads, threadLinks, threadMessages } = tables;
  const { accountId: _account, ...columns } = getTableColumns(threadMessages);
  const given = givenRows(columns);
  const account = bound(accountId);
  const newest = (which: SQL): SQL =>
    sql`(select max(m.at) from thread_messages m where m.account_id = ${account} and m.thread = ${which})`;

  /** Messages of a folder that meet a condition on `uid`. */
  function removeWhere(folder: number, condition: SQL): Query[] {
    const gone = sql`m.account_id = ${account} and m.folder = ${bound(folder)} and ${condition}`;
    return [
      db
        .update(threads)
        .set({
          latestAt: sql`(select max(m.at) from thread_messages m where m.account_id = ${account} and m.thread = threads.id
            and not (m.folder = ${bound(folder)} and ${condition}))`,
          emptiedAt: at,
        })
        .where(
          sql`threads.account_id = ${account} and threads.id in (select m.thread from thread_messages m where ${gone})`,
        ),
      // Without the alias, which a delete can't have in drizzle: `condition` says `uid` only.
      db
        .delete(threadMessages)
        .where(and(eq(threadMessages.accountId, accountId), eq(threadMessages.folder, folder), condition)),
    ];
  }

  const removals = remove.flatMap(({ folder, uids, below }) => [
    ...(below > 0 ? removeWhere(folder, sql`uid < ${bound(below)}`) : []),
    ...(uids.length > 0
      ? removeWhere(
          folder,
          sql`uid in (select gone.uid from ${dialect.rows(
            uids.map((uid) => ({ uid })),
            { uid: "bigint" },
          )} as gone)`,
        )
      : []),
  ]);

  const merged = sql`${dialect.rows(merges, { loser: "text", winner: "text" })} as merged`;
  // For each winner its own: to look its losers' one up for every row costs SQLite as many steps as there are merges.
  const moves = [...Map.groupBy(merges, ({ winner }) => winner)].flatMap(([winner, some]) => {
    const losers = dialect.rows(
      some.map(({ loser }) => ({ loser })),
      { loser: "text" },
    );
    return [threadLinks, threadMessages].map((table) =>
      db
        .update(table)
        .set({ thread: winner })
        .where(and(eq(table.accountId, accountId), sql`${table.thread} in (select loser from ${losers} as merged)`)),
    );
  });
  const isLoser = sql`${threads.id} in (select merged.loser from ${merged})`;

  const distinctLinks = [...new Map(links.map((link) => [link.node, link])).values()];
  const rows = [...new Map(put.map((row) => [placeOf(row), row])).values()];
  const touched = [...new Set([...merges.map(({ winner }) => winner), ...put.map(({ thread }) => thread)])];
  const isForgotten = sql`account_id = ${account} and latest_at is null and emptied_at < ${bound(at - rememberedMs)}`;

  return [
    ...removals,
    ...(merges.length > 0 ? [...moves, db.delete(threads).where(and(eq(threads.accountId, accountId), isLoser))] : []),
    // The columns in the tables' order; `where true`, lest SQLite take "on" for a join's.
    ...(distinctLinks.length > 0
      ? [
          db
            .insert(threadLinks)
            .select(
              sql`select ${account}, given.node, given.thread
                from ${dialect.rows(distinctLinks, { node: "text", thread: "text" })} as given where true`,
            )
            .onConflictDoUpdate({
              target: [threadLinks.accountId, threadLinks.node],
              set: { thread: sql`excluded.thread` },
            }),
        ]
      : []),
    ...(rows.length > 0
      ? [
          db
            .insert(threadMessages)
            .select(
              sql`select ${account}, given.folder, given.uid, given.uid_validity, given.key, given.own, given.thread, given.at
                from ${given.from(
                  dialect,
                  rows.map((row) => given.of(row)),
                )} where true`,
            )
            .onConflictDoUpdate({
              target: [threadMessages.accountId, threadMessages.folder, threadMessages.uid],
              set: {
                uidValidity: sql`excluded.uid_validity`,
                key: sql`excluded.key`,
                own: sql`excluded.own`,
                thread: sql`excluded.thread`,
                at: sql`excluded.at`,
              },
            }),
        ]
      : []),
    ...(touched.length > 0
      ? [
          db
            .insert(threads)
            .select(
              sql`select ${account}, given.id, ${newest(sql`given.id`)}, null
                from ${dialect.rows(
                  touched.map((id) => ({ id })),
                  { id: "text" },
                )} as given where true`,
            )
            .onConflictDoUpdate({
              target: [threads.accountId, threads.id],
              set: { latestAt: sql`excluded.latest_at`, emptiedAt: null },
            }),
        ]
      : []),
    // Last: what has been emptied and has got messages again is not forgotten.
    ...(removals.length > 0
      ? [
          db
            .delete(threadLinks)
            .where(
              and(eq(threadLinks.accountId, accountId), sql`thread in (select id from threads where ${isForgotten})`),
            ),
          db.delete(threads).where(isForgotten),
        ]
      : []),
  ];
}

function placeOf({ folder, uid }: ThreadMessageRow): string {
  return `${folder} ${uid}`;
}
