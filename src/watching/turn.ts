import type { Actor } from "../mail/event.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Wake } from "../mail/wake.ts";
import type { FolderWatching } from "../mail/watch.ts";
import type { Clock } from "../observe.ts";
import { rolesOf } from "../operations/folder-events.ts";
import type { IdentifyMessages } from "../operations/identify-messages.ts";
import type { SyncFolders } from "../operations/sync-folders.ts";
import { newEvent } from "../store/new-event.ts";
import type { AccountRow, FolderRow, NewEvent } from "../store/rows.ts";
import type { Store, WatchChange } from "../store/store.ts";

export type LookNeeds = IdentifyMessages &
  SyncFolders & {
    accounts: Pick<Store["accounts"], "byId">;
    watches: Pick<Store["watches"], "folders" | "chunks" | "held" | "write">;
    intents: Pick<Store["intents"], "list">;
    submissions: Pick<Store["submissions"], "byMessageId">;
    threads: Pick<Store["threads"], "of" | "earliest">;
    wake: Pick<Wake, "wake">;
    /** Of how many messages of a folder changes are told. */
    window: number;
    clock: Clock;
  };

/** A look at an account by whoever holds its claim. */
export type Turn = {
  account: AccountRow;
  epoch: number;
  mailbox: Mailbox;
  /** Told after each step, so that a watchdog sees that the look goes on. */
  progress: () => void;
};

/** A turn at an account whose folders are known. */
export type AnyTurn = Turn & {
  /** All the account's folders. */
  folders: FolderRow[];
};

/** A turn at an account with folders. */
export type FolderTurn = AnyTurn & {
  watching: FolderWatching;
  /** The account's folders that are watched. */
  watched: FolderRow[];
  /** Numbers of those that came since the account was looked at last. */
  appeared: Set<number>;
};

/** Somebody else has claimed the account, or it was changed: what was found is not written, and the turn is over. */
export class Overtaken extends Error {}

/** Writes what a look found. Throws `Overtaken`. */
export async function write(needs: LookNeeds, turn: AnyTurn, change: WatchChange): Promise<void> {
  const { account, epoch } = turn;
  turn.progress();
  const events = (change.events ?? []).map((event) => withRoles(event, turn.folders));
  const at = needs.clock.now();
  const isOurs = await needs.watches.write({ id: account.id, appId: account.appId, epoch }, { ...change, events, at });
  if (!isOurs) throw new Overtaken();
  if (events.length > 0) needs.wake.wake("events", account.appId);
}

/** An event of a message says the roles of the folders that its data names, and of those that its maker names. */
function withRoles(event: NewEvent, folders: FolderRow[]): NewEvent {
  if (!event.type.startsWith("message.")) return event;
  const named = new Set([event.data["folderIds"], event.data["fromFolderId"]].flat());
  const roles = rolesOf(folders.filter(({ id }) => named.has(id)));
  return { ...event, folderRoles: [...new Set([...(event.folderRoles ?? []), ...roles])] };
}

/** A message that is gone, by what was known of it. */
export function deletedEvent(
  account: AccountRow,
  gone: { id: string; folderIds: string[]; actor: Actor },
  now: number,
): NewEvent {
  return newEvent(account, "message.deleted", now, gone);
}
