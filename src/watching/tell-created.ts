import type { Actor } from "../mail/event.ts";
import type { ImapPlace, Summary } from "../mail/message.ts";
import { viewMessage } from "../operations/view-message.ts";
import type { AccountRow, FolderRow, HeldRow, IntentRow, WatchFolderRow } from "../store/rows.ts";
import { entryOf } from "./entry.ts";
import { type Bounce, bouncedEvent } from "./find-bounces.ts";
import { identify, namedIn } from "./identify.ts";
import { textOf, type Elsewhere } from "./keys.ts";
import { type At, isMovedByUs, pathTo, placedBy, placeKey } from "./own-doing.ts";
import type { Piece } from "./piece.ts";
import { threaded } from "./thread-messages.ts";
import { newEvent } from "../store/new-event.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

export type Arrivals = {
  folder: FolderRow;
  row: WatchFolderRow;
  intents: IntentRow[];
  held: HeldRow[];
  /** Where messages that are known for life stand besides, by their keys. */
  elsewhere: Map<string, Elsewhere[]>;
  lasting: Set<string>;
  /** Places, as held keys, on the paths of our moves that lie below the windows of their folders. */
  forgotten: Set<string>;
  bounces: Map<Summary<ImapPlace>, Bounce>;
};

/**
 * What messages mean that are new in a folder: created, moved here, or here as well as elsewhere. Those that Postern itself
 * has stored mean nothing to anybody.
 */
export async function tellCreated(
  needs: LookNeeds,
  turn: FolderTurn,
  created: Summary<ImapPlace>[],
  about: Arrivals,
): Promise<Piece[]> {
  const ids = await identify(needs, turn, namedIn(about.folder.number, created));
  return created.map((summary, index) => ({
    ...tellOne(needs, turn, { summary, id: ids[index] ?? "" }, about),
    arrival: threaded(needs, turn.account, summary, { folder: about.folder.number, ...summary.place }),
  }));
}

function tellOne(
  needs: LookNeeds,
  turn: FolderTurn,
  { summary, id }: { summary: Summary<ImapPlace>; id: string },
  { folder, row, intents, held, elsewhere, lasting, forgotten, bounces }: Arrivals,
): Piece {
  const { account } = turn;
  const now = needs.clock.now();
  const { uid, uidValidity } = summary.place;
  const key = textOf(summary.key);
  const put = entryOf({ ...summary, uid });
  const view = (folderIds: string[]) => viewMessage(summary, { id, accountId: account.id, folderIds });
  const idOf = (number: number): string | null => turn.folders.find((one) => one.number === number)?.id ?? null;
  const copies = lasting.has(key) ? (elsewhere.get(key) ?? []) : [];
  const folderIds = [folder.id, ...copies.map((copy) => copy.folder.id)];
  const moved = (from: number, actor: Actor) =>
    newEvent(account, "message.moved", now, {
      ...view(folderIds),
      fromFolderId: idOf(from),
      toFolderId: folder.id,
      actor,
    });

  const here = { folder: folder.number, uidValidity, uid };
  const ours = placedBy(intents, here);
  if (ours !== null && ours.source === null) return { put, event: null };
  const path = pathTo(intents, here);
  const heldKeys = new Set([...(lasting.has(key) ? [key] : []), ...path.map(placeKey)]);
  const before = held.find((one) => heldKeys.has(one.key));
  const unhold = before === undefined ? {} : { unhold: before.key, heldFrom: before };
  // Out of a folder that nobody watches, or from below a window: whoever knows it knows it from there.
  const isUnseen = (at: At): boolean =>
    !turn.watched.some(({ number }) => number === at.folder) || forgotten.has(placeKey(at));
  const unseen = before === undefined ? path.find(isUnseen) : undefined;
  if ((before ?? unseen)?.folder === folder.number) {
    // It was away and is back; what else may have happened to it meanwhile is told as well.
    const data = { ...view(folderIds), changes: ["flags", "keywords", "folderIds"], actor: "external" };
    return { put, event: newEvent(account, "message.updated", now, data), ...unhold };
  }
  if (before !== undefined) {
    const actor = isMovedByUs(intents, before, here) ? "api" : "external";
    return { put, event: moved(before.folder, actor), ...unhold };
  }
  if (unseen !== undefined) return { put, event: moved(unseen.folder, "api") };
  if (copies.length > 0) {
    const data = { ...view(folderIds), changes: ["folderIds"], actor: "external" };
    return { put, event: newEvent(account, "message.updated", now, data) };
  }
  const historical = isHistorical(account, row, { uid, receivedAt: summary.receivedAt });
  if (historical === null) return { put, event: null };
  const data = { ...view([folder.id]), actor: "external", historical };
  const event = newEvent(account, "message.created", now, data);
  const bounce = historical ? undefined : bounces.get(summary);
  if (bounce === undefined) return { put, event };
  return { put, event, also: bouncedEvent(account, { id, folderIds: [folder.id] }, bounce, now) };
}

/** Whether a message is going to be told as one that has come just now, as far as its place says: nothing of ours has put it there. */
export function isNews(
  account: AccountRow,
  { folder, row, intents }: Pick<Arrivals, "folder" | "row" | "intents">,
  { place: { uid, uidValidity }, receivedAt }: Summary<ImapPlace>,
): boolean {
  const isOurs = placedBy(intents, { folder: folder.number, uidValidity, uid }) !== null;
  return !isOurs && isHistorical(account, row, { uid, receivedAt }) === false;
}

/** Whether a message was there before watching began; null for one that is not told, because the account does not ask for it. */
export function isHistorical(
  { watch: { notifySince } }: AccountRow,
  { historicalBelow }: WatchFolderRow,
  { uid, receivedAt }: { uid: number; receivedAt: number | null },
): boolean | null {
  if (uid >= historicalBelow) return false;
  return notifySince !== null && receivedAt !== null && receivedAt >= notifySince ? true : null;
}
