import { Failure } from "../errors.ts";
import type { Folder, NativeFolder } from "../mail/folder.ts";
import type { FolderRow } from "../store/rows.ts";

/** A folder as stored, and as the server tells it now. */
export type FolderNow = { row: FolderRow; native: NativeFolder };

/** A folder as the API tells it, with its parent's id from among all the account's folders. */
export function viewFolder({ row, native }: FolderNow, all: FolderNow[]): Folder {
  return {
    id: row.id,
    name: row.name,
    parentId: all.find((other) => other.row.path === row.parentPath)?.row.id ?? null,
    role: row.role,
    selectable: row.selectable,
    subscribed: native.subscribed,
    counts: native.status && { messages: native.status.messages, unseen: native.status.unseen },
  };
}

/** What a folder's row tells of it, without asking the server: its event's data. */
export function viewFolderRow(
  row: Pick<FolderRow, "id" | "name" | "parentPath" | "role" | "selectable">,
  all: Pick<FolderRow, "id" | "path">[],
): Pick<Folder, "id" | "name" | "parentId" | "role" | "selectable"> {
  const parentId = all.find(({ path }) => path === row.parentPath)?.id ?? null;
  return { id: row.id, name: row.name, parentId, role: row.role, selectable: row.selectable };
}

/** The one folder with this id. Fails `not-found`. */
export function folderWithId(all: FolderNow[], id: string): FolderNow {
  const folder = all.find(({ row }) => row.id === id);
  if (folder !== undefined) return folder;
  throw new Failure("not-found", "There is no folder with this id.", {
    fix: "GET the account's folders for their ids and roles.",
  });
}
