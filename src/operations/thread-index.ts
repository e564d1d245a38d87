import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { isWatchedFolder } from "./watched-folder.ts";

export type ThreadIndexNeeds = {
  folders: Pick<Store["folders"], "list">;
  watches: Pick<Store["watches"], "folders">;
  threads: Pick<Store["threads"], "counts">;
};

/** How much of an account the index of threads has. */
export type ThreadIndex = {
  /** Nobody watches the account, so that nothing comes in; some of what was there before is still to come in; or all of it has. */
  state: "off" | "building" | "built";
  /** Every message of every folder is in. */
  complete: boolean;
  /** Of the folders that have been looked at: how many of their messages are in, of how many. */
  folders: { folderId: string; known: number; of: number }[];
};

/** How much of the account the index of threads has by now. Asks the database only. */
export async function threadIndexOf(needs: ThreadIndexNeeds, account: AccountRow): Promise<ThreadIndex> {
  const [all, watched, counts] = await Promise.all([
    needs.folders.list(account.id),
    needs.watches.folders(account.id),
    needs.threads.counts(account.id),
  ]);
  const rows = new Map(watched.map((row) => [row.folder, row]));
  const there = all.filter(({ selectable, missingSince }) => selectable && missingSince === null);
  const folders = there.flatMap(({ id, number }) => {
    const row = rows.get(number);
    const known = counts.get(number) ?? 0;
    // Both may change between the questions.
    return row === undefined ? [] : [{ folderId: id, known, of: Math.max(known, row.exists) }];
  });
  const isBuilding =
    there.length === 0 ||
    there.some((folder) => isWatchedFolder(account, folder) && (rows.get(folder.number)?.threadsLeft ?? 1) > 0);
  const state = account.watch.mode === "off" ? "off" : isBuilding ? "building" : "built";
  const isAll = folders.length === there.length && folders.every(({ known, of }) => known === of);
  return { state, complete: state === "built" && isAll, folders };
}
