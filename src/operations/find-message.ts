import type { KeyObject } from "node:crypto";
import { Failure } from "../errors.ts";
import { decodeMessageId, keyText, type MessageRef, type Origin } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { ImapPlace, MaildropPlace, NativeKey } from "../mail/message.ts";
import type { Clock } from "../observe.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import { noServer } from "../sessions/login-of.ts";
import type { AccountRow, FolderRow, PlacementRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { locateKeys, notAllSearched } from "./locate-keys.ts";
import type { PlaceCache } from "./place-cache.ts";
import { movedOn, placementsOf } from "./placements-of.ts";
import { isFolderMissing, onFolder, resolveFolder } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { isWatchedFolder } from "./watched-folder.ts";
import type { WithMailbox } from "./with-mailbox.ts";

export type FindMessage = SyncFolders & {
  placements: Pick<Store["placements"], "find" | "remove">;
  splitKeys: Pick<Store["splitKeys"], "add">;
  intents: Pick<Store["intents"], "live">;
  idKey: (account: AccountRow) => KeyObject;
  places: PlaceCache;
  clock: Clock;
};

/** What every operation on one message needs. */
export type OneMessage = WithMailbox & FindMessage & { accounts: Pick<Store["accounts"], "get"> };

/** A message as the caller names it: its id, and the folder (id or role) of the copy that is meant, or null. */
export type MessageAsked = {
  id: string;
  folder: string | null;
  /** Aborted when the caller has left: what is waited for ends then. */
  signal: AbortSignal;
};

/** A message found in a folder of a server: what its id names, and where it lies now. */
export type FoundOnServer = {
  ref: Exclude<MessageRef, { tier: "maildrop" }>;
  place: ImapPlace;
  folder: FolderRow;
};

/** A message found on the session. */
export type Found =
  | FoundOnServer
  | { ref: Extract<MessageRef, { tier: "maildrop" }>; place: MaildropPlace; folder: FolderRow };

/** Whether it lies where it can be moved from. */
export function isOnServer(found: Found): found is FoundOnServer {
  return found.ref.tier !== "maildrop";
}

/** How long all folders are searched for one message, milliseconds. */
const searchBudget = 5_000;

/**
 * What the id names. Fails `not-found` when it is malformed, forged or another account's, `message-gone` when it is of a maildrop
 * that the account had before, `no-incoming`.
 */
export function refOf(needs: Pick<FindMessage, "idKey">, account: AccountRow, id: string): MessageRef {
  if (account.incoming === null) throw noServer("incoming");
  const ref = decodeMessageId(id, needs.idKey(account));
  if (ref === null) throw new Failure("not-found", "There is no message with this id in this account.");
  if (ref.tier === "maildrop" && ref.login !== maildropLogin(account)) throw gone();
  return ref;
}

/**
 * Finds the message and runs a call on its place. `asked.folder` picks one of several copies.
 * Fails: `message-gone` when it is nowhere, `not-found` when it is not in the wanted folder, `upstream-timeout` when not every
 * folder could be searched in time.
 */
export async function onMessage<T>(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  asked: Pick<MessageAsked, "id" | "folder"> & { ref: MessageRef },
  call: (found: Found) => Promise<T>,
): Promise<T> {
  const { id, ref } = asked;
  const folder = asked.folder === null ? null : await resolveFolder(needs, mailbox, account, asked.folder);
  if (ref.tier === "maildrop") {
    const inbox = await resolveFolder(needs, mailbox, account, "inbox");
    if (folder !== null && folder.id !== inbox.id) throw elsewhere();
    return call({ ref, place: { path: inbox.path, key: ref.key }, folder: inbox });
  }
  return ref.tier === "tracked"
    ? onTracked(needs, mailbox, account, ref.origin, folder, call)
    : onPermanent(needs, mailbox, account, { id, key: ref.key, folder }, call);
}

async function onTracked<T>(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  origin: Origin,
  wanted: FolderRow | null,
  call: (found: FoundOnServer) => Promise<T>,
): Promise<T> {
  let [placement] = await placementsOf(needs, account, [origin]);
  while (placement !== undefined) {
    const { folder: number, uidValidity, uid } = placement.now;
    const row = (await needs.folders.list(account.id)).find((folder) => folder.number === number);
    if (row === undefined) throw gone();
    if (wanted !== null && wanted.id !== row.id) throw elsewhere();
    try {
      return await onFolder(needs, mailbox, account, row, (folder) =>
        call({ ref: { tier: "tracked", origin }, place: { path: folder.path, uidValidity, uid }, folder }),
      );
    } catch (error) {
      if (!isGone(error)) throw error;
      const [known = null] = await movedOn(needs, account, [placement]);
      if (known === null && !isWatchedFolder(account, row)) await needs.placements.remove(placement);
      placement = known ?? undefined;
    }
  }
  throw gone();
}

/** The message, or the folder that it lay in, is not there; other things that a call may miss do not count. */
export function isGone(error: unknown): boolean {
  return error instanceof Failure && (error.code === "message-gone" || isFolderMissing(error, "SELECT"));
}

type Wanted = { id: string; key: NativeKey; folder: FolderRow | null };

/** A message that is being moved can hide from a search, once behind each folder: then it is looked for again. */
async function onPermanent<T>(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  asked: Wanted,
  call: (found: FoundOnServer) => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const moves = needs.places.moves(account.id);
    try {
      return await findOnce(needs, mailbox, account, asked, call);
    } catch (error) {
      if (!isGone(error) || tries === 20) throw error;
      // A move is counted before its intent ends, so one of the two tells of it.
      const isMoving = (await needs.intents.live(account.id, needs.clock.now())).length > 0;
      if (!isMoving && needs.places.moves(account.id) === moves) throw error;
      await needs.clock.sleep(50);
    }
  }
}

async function findOnce<T>(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  asked: Wanted,
  call: (found: FoundOnServer) => Promise<T>,
): Promise<T> {
  const ref: MessageRef = { tier: "permanent", key: asked.key };
  const cached = needs.places.get(account.id, asked.id);
  if (cached !== null && (asked.folder === null || asked.folder.path === cached.path)) {
    const folder = (await needs.folders.list(account.id)).find((row) => row.path === cached.path);
    try {
      if (folder !== undefined) return await call({ ref, place: cached, folder });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    needs.places.forget(account.id, asked.id, cached);
  }
  const found = await searchFor(needs, mailbox, account, asked);
  needs.places.put(account.id, asked.id, found.place);
  return call({ ref, ...found });
}

async function searchFor(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  asked: { key: NativeKey; folder: FolderRow | null },
): Promise<{ place: ImapPlace; folder: FolderRow }> {
  const until = needs.clock.now() + searchBudget;
  const { found, isComplete } = await locateKeys(needs, mailbox, account, [asked.key], { folder: asked.folder, until });
  const one = found.get(keyText(asked.key));
  if (one !== undefined) return one;
  if (!isComplete) throw notAllSearched();
  throw asked.folder === null ? gone() : elsewhere();
}

/** The row of a tracked message at the place where it was found. */
export function placementAt(account: AccountRow, { folder, place }: FoundOnServer, origin: Origin): PlacementRow {
  const now = { folder: folder.number, uidValidity: place.uidValidity, uid: place.uid };
  return { accountId: account.id, origin, now };
}

function elsewhere(): Failure {
  return new Failure("not-found", "The message is not in the folder that ?folder= names.", {
    fix: "Leave ?folder= out, or name a folder of the message's folderIds.",
  });
}

/** The message is nowhere in the account. */
export function gone(): Failure {
  return new Failure("message-gone", "The message is no longer in this mailbox.", {
    fix: "List the folder again; drop this id.",
  });
}
