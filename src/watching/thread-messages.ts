import type { Place, Summary } from "../mail/message.ts";
import { maildropKeyText } from "../mail/maildrop.ts";
import { nodesOf, type ThreadNodes, threadOf } from "../mail/thread.ts";
import type { AccountRow, NewEvent, ThreadChange, ThreadMessageRow } from "../store/rows.ts";
import type { LookNeeds } from "./turn.ts";

/** Of what a folder holds before it is watched, how many of the newest messages come into the index of threads. */
export const indexedBefore = 500;

/** A message that comes into the index of threads: what ties it to others, and its row but for the thread. */
export type Threaded = { nodes: ThreadNodes; row: Omit<ThreadMessageRow, "thread"> };

/** The nodes of a message of the account. */
export function threadNodes(needs: Pick<LookNeeds, "idKey">, account: AccountRow, summary: Summary): ThreadNodes {
  return nodesOf(needs.idKey(account), summary);
}

/** A message as it comes into the index; `at` is its folder's number and its UID, or what stands for one in a maildrop. */
export function threaded<P extends Place>(
  needs: Pick<LookNeeds, "idKey" | "clock">,
  account: AccountRow,
  summary: Summary<P>,
  { folder, uidValidity, uid }: Pick<ThreadMessageRow, "folder" | "uidValidity" | "uid">,
): Threaded {
  const { place, receivedAt, envelope } = summary;
  const nodes = threadNodes(needs, account, summary);
  const key = "key" in place ? maildropKeyText(place.key) : null;
  // Of a date that its sender has made up, nobody believes that it is yet to come.
  const now = needs.clock.now();
  const at = receivedAt ?? Math.min(now, envelope.date ?? now);
  return { nodes, row: { folder, uidValidity, uid, key, own: nodes.own, at } };
}

/**
 * What messages that come into the index make of the threads that are `known` by their nodes: those that share a node are one. It
 * keeps the name of that whose first message is the oldest, of several the smallest name, and of new ones any.
 */
async function join(
  { threads }: Pick<LookNeeds, "threads">,
  accountId: string,
  messages: Threaded[],
  known: ReadonlyMap<string, string>,
): Promise<Omit<ThreadChange, "remove">> {
  const links = new Map<string, string>();
  /** Threads that have turned out to be others. */
  const same = new Map<string, string>();
  const last = (thread: string): string => {
    let found = thread;
    for (let next = same.get(found); next !== undefined; next = same.get(found)) found = next;
    return found;
  };
  const joined = messages.map(({ nodes, row }) => {
    const [thread = nodes.all[0], ...others] = new Set(
      nodes.all.flatMap((node) => known.get(node) ?? links.get(node) ?? []).map(last),
    );
    for (const node of nodes.all) if (!known.has(node) && !links.has(node)) links.set(node, thread);
    for (const other of others) same.set(other, thread);
    return { row, thread };
  });

  const standing = Map.groupBy(new Set(known.values()), last);
  const several = [...standing.values()].filter((group) => group.length > 1).flat();
  const ages = several.length === 0 ? new Map<string, number>() : await threads.earliest(accountId, several);
  const ageOf = (thread: string): number => ages.get(thread) ?? Infinity;
  const names = new Map<string, string>();
  for (const [thread, group] of standing) {
    const [oldest = thread] = group.toSorted((a, b) =>
      ageOf(a) < ageOf(b) || (ageOf(a) === ageOf(b) && a < b) ? -1 : 1,
    );
    names.set(thread, oldest);
  }
  const nameOf = (thread: string): string => names.get(last(thread)) ?? last(thread);
  return {
    merges: several.filter((loser) => nameOf(loser) !== loser).map((loser) => ({ loser, winner: nameOf(loser) })),
    links: [...links].map(([node, thread]) => ({ node, thread: nameOf(thread) })),
    put: joined.map(({ row, thread }) => ({ ...row, thread: nameOf(thread) })),
  };
}

/** What is told of a message, and what comes into the index with it, or else only ties it to others. */
type Tied = { event: NewEvent | null; arrival?: Threaded; nodes?: ThreadNodes };

/**
 * The events of pieces with the `threadId` of their messages, and what becomes of the index: what is new somewhere comes in, and
 * what is gone from the places of `remove` goes. To be written before anything else is.
 */
export async function tieThreads<P extends Tied>(
  needs: Pick<LookNeeds, "threads">,
  accountId: string,
  pieces: P[],
  remove: ThreadChange["remove"] = [],
): Promise<{ pieces: P[]; threads: ThreadChange }> {
  const arrivals = pieces.flatMap(({ arrival }) => arrival ?? []);
  const nodes = pieces.flatMap(nodesIn).flatMap(({ all }) => all);
  const known = nodes.length === 0 ? new Map<string, string>() : await needs.threads.of(accountId, nodes);
  const change = await join(needs, accountId, arrivals, known);
  const winners = new Map(change.merges.map(({ loser, winner }) => [loser, winner]));
  const links = new Map([...known].map(([node, thread]) => [node, winners.get(thread) ?? thread]));
  for (const { node, thread } of change.links) links.set(node, thread);
  const tied = pieces.map((piece) => {
    const [named] = nodesIn(piece);
    if (piece.event === null || named === undefined) return piece;
    return { ...piece, event: inThread(piece.event, threadOf(named, links)) };
  });
  return { pieces: tied, threads: { ...change, remove } };
}

function nodesIn({ event, arrival, nodes }: Tied): ThreadNodes[] {
  return arrival === undefined ? (event === null || nodes === undefined ? [] : [nodes]) : [arrival.nodes];
}

function inThread(event: NewEvent, threadId: string): NewEvent {
  return { ...event, data: { ...event.data, threadId } };
}
