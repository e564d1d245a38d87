import { encodeMessageId } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { ImapPlace } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { gone, placementAt, type FindMessage, type FoundOnServer } from "./find-message.ts";
import { beginPlacing, endPlacing, uidsAt } from "./our-doing.ts";
import { onFolder } from "./resolve-folder.ts";
import { isWatchedFolder } from "./watched-folder.ts";

export type MoveMessage = FindMessage & {
  intents: Pick<Store["intents"], "live" | "insert" | "settle" | "remove">;
  placements: Pick<Store["placements"], "find" | "remove" | "save">;
};

/** How long the watcher holds new messages of the target back, milliseconds (DESIGN §4). */
const intentLife = 60_000;

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
  const idKey = needs.idKey(account);
  const id = encodeMessageId(found.ref, idKey);
  const { target, uidNext } = await onFolder(needs, mailbox, account, wanted, async (folder) => ({
    target: folder,
    uidNext: (await mailbox.status(folder.path)).uidNext,
  }));
  const source = uidsAt(found.folder, found.place);
  const intent = await beginPlacing(needs, account, { folder: target, uidNext, source, life: intentLife });
  const { moved, missing } = await mailbox.move([found.place], target.path, uidNext).catch(async (error: unknown) => {
    // On a session that goes on nothing of it can still be under way; else the watcher waits until nothing can be.
    if (!mailbox.dead) await needs.intents.remove([intent]).catch(() => undefined);
    throw error;
  });
  if (missing.length > 0) {
    await needs.intents.remove([intent]);
    throw gone();
  }
  const place = moved[0]?.to ?? null;
  if (found.ref.tier === "permanent") needs.places.moved(account.id, id, place);
  else if (place === null && !isWatchedFolder(account, found.folder))
    await needs.placements.remove(placementAt(account, found, found.ref.origin));
  const placements =
    place === null || found.ref.tier === "permanent"
      ? []
      : [placementAt(account, { ...found, folder: target, place }, found.ref.origin)];
  await endPlacing(needs, account, intent, { placed: place && uidsAt(target, place), placements });
  return { id, place };
}
