import type { ImapPlace } from "../mail/message.ts";
import { rolesOf } from "../operations/folder-events.ts";
import { viewMessage } from "../operations/view-message.ts";
import type { FolderRow, IntentRow, WatchFolderRow } from "../store/rows.ts";
import type { Entry } from "./entry.ts";
import { lastingKeys, type Elsewhere, type OtherSnapshots } from "./keys.ts";
import { identifyGone } from "./identify.ts";
import { endOfPath, isBeingRemoved, mayBeTold, takenBy } from "./own-doing.ts";
import { holdOf } from "./held.ts";
import type { Piece } from "./piece.ts";
import { threadNodes } from "./thread-messages.ts";
import { newEvent } from "../store/new-event.ts";
import { deletedEvent, type FolderTurn, type LookNeeds } from "./turn.ts";

type Departures = {
  folder: FolderRow;
  row: WatchFolderRow;
  intents: IntentRow[];
  others: OtherSnapshots;
};

/**
 * What messages mean that are gone from a folder: deleted; in fewer folders than before; or, while other folders are still to
 * be looked at, maybe moved there, and held. What a move of ours took away is told where it turns up.
 */
export async function tellVanished(
  needs: LookNeeds,
  turn: FolderTurn,
  gone: Entry[],
  about: Departures,
): Promise<Piece[]> {
  const { folder, row, others } = about;
  const keys = gone.map(({ key }) => key);
  const lasting = await lastingKeys(needs, turn.account, keys);
  const elsewhere = await others.find(lasting);
  const { uidValidity } = row;
  const places = gone.map(({ uid, key }) => ({ folder: folder.number, uidValidity, uid, key }));
  const ids = await identifyGone(needs, turn, places);
  // What is held already from another place is held from here now.
  const held = lasting.size === 0 ? [] : await needs.watches.held(turn.account.id);
  const heldBy = new Map(held.map((one) => [one.key, one]));
  const pieces: Piece[] = [];
  for (const [index, entry] of gone.entries()) {
    const copies = lasting.has(entry.key) ? (elsewhere.get(entry.key) ?? []) : [];
    const known = { id: ids[index] ?? "", entry, copies, lasts: lasting.has(entry.key) };
    const piece = await tellOne(needs, turn, known, about);
    const before = piece.hold && heldBy.get(piece.hold.key);
    pieces.push(before === undefined ? piece : { ...piece, heldFrom: before });
  }
  return pieces;
}

async function tellOne(
  needs: LookNeeds,
  turn: FolderTurn,
  { id, entry, copies, lasts }: { id: string; entry: Entry; copies: Elsewhere[]; lasts: boolean },
  { folder, row, intents, others }: Departures,
): Promise<Piece> {
  const { account } = turn;
  const now = needs.clock.now();
  const { uid, key } = entry;
  const { uidValidity } = row;
  const origin = { folder: folder.number, uidValidity, uid };
  const ours = takenBy(intents, origin);
  const hold = (name: string | null, folders: number[]) => holdOf(account, name, { ...origin, since: now }, folders);
  const elsewhere = others.others.map(({ number }) => number);
  const end = endOfPath(intents, origin);
  const last = takenBy(intents, end);
  const isLost = last?.kind === "place" && last.settled;
  // Where it may be by now: a move of ours that is not over comes about, or doesn't.
  const targets = [...(isLost ? [] : [end.folder]), ...(last?.kind === "place" ? [last.folder] : [])];
  const isMoved = ours?.kind === "place" && targets.some((number) => mayBeTold(turn, number));
  // Where a move of ours came too late, somebody else's has taken it to where it is by now.
  const isElsewhere = ours?.placed === null && copies.some((copy) => copy.folder.number !== ours.folder);
  if (isMoved && !isElsewhere) {
    const moved = { event: null, remove: uid, staysIndexed: true } as const;
    if (lasts) return { ...moved, hold: hold(key, elsewhere) };
    if (!isLost) return { ...moved, hold: hold(null, targets) };
  }
  if (isBeingRemoved(intents, origin))
    return { event: null, remove: uid, hold: lasts ? hold(key, elsewhere) : hold(null, []) };
  if (copies.length > 0) {
    const summary = await summaryAt(needs, turn, copies);
    const folderIds = copies.map((copy) => copy.folder.id);
    // Gone from there as well, or there under another UID: that is yet to be seen.
    if (summary === null) return { event: null, remove: uid, hold: hold(key, elsewhere) };
    const view = viewMessage(summary, { id, accountId: account.id, folderIds });
    const actor = ours === null ? "external" : "api";
    const event = newEvent(
      account,
      "message.updated",
      now,
      { ...view, changes: ["folderIds"], actor },
      rolesOf([folder]),
    );
    return { event, remove: uid, nodes: threadNodes(needs, account, summary) };
  }
  if (lasts && ours?.kind !== "place") return { event: null, remove: uid, hold: hold(key, elsewhere) };
  const actor = ours === null ? "external" : "api";
  const event = deletedEvent(account, { id, folderIds: [folder.id], actor }, now);
  return { event, remove: uid, ...(!lasts && { displaced: isLost ? end : origin }) };
}

/** The message as it stands in another folder; null where it has gone from there as well. */
export async function summaryAt(needs: LookNeeds, turn: FolderTurn, copies: Elsewhere[]) {
  const rows = await needs.watches.folders(turn.account.id);
  for (const { folder, uid } of copies) {
    const uidValidity = rows.find((row) => row.folder === folder.number)?.uidValidity;
    if (uidValidity === undefined) continue;
    const place: ImapPlace = { path: folder.path, uidValidity, uid };
    const [summary] = await turn.mailbox.summaries([place]);
    if (summary !== undefined) return summary;
  }
  return null;
}
