import { Failure } from "../errors.ts";
import { keyText } from "../mail/id.ts";
import type { Located, Mailbox } from "../mail/mailbox.ts";
import type { ImapPlace, NativeKey } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";

export type LocateKeys = SyncFolders & { splitKeys: Pick<Store["splitKeys"], "add"> };

export type LocatedKeys = {
  /** Where each was found first, by the key's text. */
  found: Map<string, { place: ImapPlace; folder: FolderRow }>;
  /** Whether every folder was searched for those that were not found. */
  isComplete: boolean;
};

const searchFirst = ["inbox", "sent", "archive", "allMail"];

/**
 * Looks for messages by their permanent keys, folder by folder (DESIGN §4), or in one `folder`, as long as it is not `until`
 * (milliseconds). A folder that can't be searched is passed over. A key that stands twice in its folder is split from now on.
 */
export async function locateKeys(
  needs: LocateKeys,
  mailbox: Mailbox,
  account: AccountRow,
  keys: NativeKey[],
  { folder: only, until }: { folder: FolderRow | null; until: number },
): Promise<LocatedKeys> {
  const found: LocatedKeys["found"] = new Map();
  const wanted = new Map(keys.map((key) => [keyText(key), key]));
  let isComplete = true;
  for (const folder of only === null ? await searchOrder(needs, mailbox, account) : [only]) {
    if (wanted.size === 0) break;
    if (needs.clock.now() > until) return { found, isComplete: false };
    const located: Located[] = [];
    // A server may have other keys than it had: those that it knows are found all the same.
    for (const some of Map.groupBy(wanted.values(), ({ kind }) => kind).values()) {
      try {
        located.push(...(await mailbox.locate(folder.path, some)));
      } catch (error) {
        // One folder that can't be opened says nothing about the others.
        if (mailbox.dead || !(error instanceof Failure)) throw error;
        isComplete = false;
      }
    }
    const twice = new Set<string>();
    for (const { key, place } of located) {
      const name = keyText(key);
      if (found.has(name)) twice.add(name);
      else found.set(name, { place, folder });
      wanted.delete(name);
    }
    if (twice.size > 0) await needs.splitKeys.add(account.id, [...twice]);
  }
  return { found, isComplete };
}

/** Not every folder could be searched. */
export function notAllSearched(): Failure {
  return new Failure("upstream-timeout", "Not every folder could be searched for this message in time.", {
    fix: "List the message's folder first, or name it by ?folder= where one message is asked for.",
  });
}

async function searchOrder(needs: SyncFolders, mailbox: Mailbox, account: AccountRow): Promise<FolderRow[]> {
  const synced = await syncFolders(needs, account, () => mailbox.folders());
  const rank = ({ role }: FolderRow): number => {
    const at = role === null ? -1 : searchFirst.indexOf(role);
    return at < 0 ? searchFirst.length : at;
  };
  return synced
    .map(({ row }) => row)
    .filter((row) => row.selectable)
    .sort((a, b) => rank(a) - rank(b));
}
