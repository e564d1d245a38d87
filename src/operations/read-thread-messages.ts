import { Failure } from "../errors.ts";
import { type Origin, originText } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import { maildropKeyOf, maildropKeyText } from "../mail/maildrop.ts";
import type { Place } from "../mail/message.ts";
import type { AccountRow, FolderRow, ThreadMessageRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { isGone } from "./find-message.ts";
import { onFolder } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import type { Seen } from "./view-messages.ts";

export type ReadThreadMessages = SyncFolders & { intents: Pick<Store["intents"], "list"> };

/** A message of the index of threads as it is now. */
export type ThreadMessage = Seen & { row: ThreadMessageRow };

/** Folders that could not be read, by their numbers, and why. */
export type Unread = Map<number, { folderId: string; failure: Failure }>;

/**
 * The messages at places that the index of threads has, as they are now, in the order of the rows. What Postern itself has moved since
 * the index was written is read where it is now; what is gone is left out, and so is what lies in a folder that can't be read,
 * which is added to `unread`. A few commands for each folder. Fails with what ends the session.
 */
export async function readThreadMessages(
  needs: ReadThreadMessages,
  mailbox: Mailbox,
  account: AccountRow,
  rows: ThreadMessageRow[],
  unread: Unread,
): Promise<ThreadMessage[]> {
  const seen = await readAt(needs, mailbox, account, new Map(rows.map((row) => [row, row])), unread);
  const missing = rows.filter((row) => !seen.has(row) && !unread.has(row.folder));
  const moved = missing.length === 0 ? new Map<ThreadMessageRow, At>() : await movedOn(needs, account, missing);
  if (moved.size > 0) for (const [row, one] of await readAt(needs, mailbox, account, moved, unread)) seen.set(row, one);
  return rows.flatMap((row) => {
    const one = seen.get(row);
    return one === undefined ? [] : [{ ...one, row }];
  });
}

type At = Origin & Pick<ThreadMessageRow, "key">;

async function readAt(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  places: Map<ThreadMessageRow, At>,
  unread: Unread,
): Promise<Map<ThreadMessageRow, Seen>> {
  const folders = new Map((await needs.folders.list(account.id)).map((folder) => [folder.number, folder]));
  const seen = new Map<ThreadMessageRow, Seen>();
  for (const [number, group] of Map.groupBy(places, ([, { folder }]) => folder)) {
    const known = folders.get(number);
    if (known === undefined || known.missingSince !== null || unread.has(number)) continue;
    try {
      await onFolder(needs, mailbox, account, known, async (folder) => {
        const rowAt = new Map(group.map(([row, at]) => [nameOf(placeIn(folder, at)), row]));
        for (const summary of await mailbox.summaries(group.map(([, at]) => placeIn(folder, at)))) {
          const row = rowAt.get(nameOf(summary.place));
          if (row !== undefined) seen.set(row, { folder, summary });
        }
      });
    } catch (error) {
      if (mailbox.dead || !(error instanceof Failure) || error.code === "storage-unavailable") throw error;
      // One folder that can't be opened says nothing about the others.
      if (!isGone(error)) unread.set(number, { folderId: known.id, failure: error });
    }
  }
  return seen;
}

function placeIn({ path }: FolderRow, { uidValidity, uid, key }: At): Place {
  return key === null ? { path, uidValidity, uid } : { path, key: maildropKeyOf(key) };
}

function nameOf(place: Place): string {
  return "key" in place ? maildropKeyText(place.key) : `${place.uidValidity}/${place.uid}`;
}

/** Where Postern has moved them, as long as no watcher has come across it. */
async function movedOn(
  needs: ReadThreadMessages,
  account: AccountRow,
  rows: ThreadMessageRow[],
): Promise<Map<ThreadMessageRow, At>> {
  const next = new Map<string, Origin>();
  for (const { kind, source, placed } of await needs.intents.list(account.id, needs.clock.now())) {
    if (kind !== "place" || source === null || placed === null) continue;
    for (const [index, from] of source.uids.entries()) {
      const uid = placed.uids[index];
      if (uid !== undefined) next.set(originText({ ...source, uid: from }), { ...placed, uid });
    }
  }
  const moved = new Map<ThreadMessageRow, At>();
  for (const row of rows) {
    const passed = new Set<string>();
    let at: Origin = row;
    for (let to = next.get(originText(at)); to !== undefined; to = next.get(originText(at))) {
      if (passed.has(originText(to))) break;
      passed.add(originText(to));
      at = to;
    }
    if (at !== row) moved.set(row, { folder: at.folder, uidValidity: at.uidValidity, uid: at.uid, key: null });
  }
  return moved;
}
