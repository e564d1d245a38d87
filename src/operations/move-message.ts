import { encodeMessageId } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { ImapPlace } from "../mail/message.ts";
import type { AccountRow, FolderRow, PlacementRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { gone, placementAt, type FindMessage, type FoundOnServer } from "./find-message.ts";
import { eachOnce, withPlaces } from "./found.ts";
import { beginPlacing, endPlacing, noteLost, sourceOf, uidsAt } from "./our-doing.ts";
import { onFolder } from "./resolve-folder.ts";
import { isWatchedFolder } from "./watched-folder.ts";

export type MoveMessage = FindMessage & {
  intents: Pick<Store["intents"], "live" | "insert" | "settle" | "remove">;
  placements: Pick<Store["placements"], "find" | "remove" | "save">;
};

/** How long the watcher holds new messages of the target back, milliseconds (DESIGN §4). */
const intentLife = 60_000;

/** The warning of a message whose tracked id ends with its move. */
export const idEnded = "id-ended-by-move";

/** Where a message is after a move: its id now, and its place when the server or a search told it without doubt. */
export type AfterMove = { id: string; place: ImapPlace | null };

/**
 * Moves one found message to another folder. The id stays: permanent by itself, tracked by a row that remembers the new
 * place. Where the new place could not be found, a tracked id ends here and the answer says so by `place: null`.
 */
export async function moveMessage(
  needs: MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  found: FoundOnServer,
  wanted: FolderRow,
): Promise<AfterMove> {
  const { moved, missing } = await moveMessages(needs, mailbox, account, [found], wanted);
  if (missing.length > 0) throw gone();
  return { id: encodeMessageId(found.ref, needs.idKey(account)), place: moved.get(found) ?? null };
}

/**
 * The same for messages of one folder, as one: where each is now that was moved, null where that could not be told, and which were not
 * there. What the server left behind while it moved others is in neither.
 */
export async function moveMessages(
  needs: MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  found: FoundOnServer[],
  wanted: FolderRow,
): Promise<{ moved: Map<FoundOnServer, ImapPlace | null>; missing: FoundOnServer[] }> {
  const { target, uidNext } = await onFolder(needs, mailbox, account, wanted, async (folder) => ({
    target: folder,
    uidNext: (await mailbox.status(folder.path)).uidNext,
  }));
  const source = sourceOf(found);
  const intent = await beginPlacing(needs, account, { folder: target, uidNext, source, life: intentLife });
  const places = found.map(({ place }) => place);
  const told = await mailbox.move(places, target.path, uidNext).catch(async (error: unknown) => {
    // On a session that goes on nothing of it can still be under way; else the watcher waits until nothing can be.
    if (!mailbox.dead) await needs.intents.remove([intent]).catch(() => undefined);
    throw error;
  });
  const moved = whereMoved(found, told.moved);
  if (moved.size === 0) await needs.intents.remove([intent]);
  else await remember(needs, account, { intent, target, moved });
  return { moved, missing: withPlaces(found, told.missing) };
}

function whereMoved(
  found: FoundOnServer[],
  told: { from: ImapPlace; to: ImapPlace | null }[],
): Map<FoundOnServer, ImapPlace | null> {
  const placeAfter = new Map(told.map(({ from, to }) => [from, to]));
  return new Map(
    found.flatMap((one) => {
      const to = placeAfter.get(one.place);
      return to === undefined ? [] : [[one, to] as const];
    }),
  );
}

/** Where the messages are from now on, for who asks for them next and for the watcher. */
async function remember(
  needs: MoveMessage,
  account: AccountRow,
  { intent, target, moved }: { intent: string; target: FolderRow; moved: Map<FoundOnServer, ImapPlace | null> },
): Promise<void> {
  const idKey = needs.idKey(account);
  const placements: PlacementRow[] = [];
  const over: PlacementRow[] = [];
  for (const [one, place] of moved) {
    const { ref } = one;
    if (ref.tier === "permanent") needs.places.moved(account.id, encodeMessageId(ref, idKey), place);
    else if (place !== null) placements.push(placementAt(account, { ...one, folder: target, place }, ref.origin));
    else if (!isWatchedFolder(account, one.folder)) over.push(placementAt(account, one, ref.origin));
  }
  if (over.length > 0) await needs.placements.remove(...over);
  const known = eachOnce([...moved.keys()].filter((one) => moved.get(one) !== null));
  const lost = [...moved.keys()].filter((one) => moved.get(one) === null);
  const lostSource = sourceOf(lost);
  if (known.length > 0 && lostSource !== null) await noteLost(needs, account, target, lostSource);
  const source = sourceOf(known) ?? lostSource;
  const there = known.flatMap((one) => moved.get(one) ?? []);
  const placed = there.length === 0 ? null : uidsAt(target, ...there);
  await endPlacing(needs, account, intent, { ...(source !== null && { source }), placed, placements });
}
