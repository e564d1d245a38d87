import { Failure } from "../errors.ts";
import { folderRoles, type FolderRole } from "../mail/folder.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { requireCapability } from "./require-capability.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";

/**
 * The folder that `wanted` names: an id or a role. Known rows answer at once; a role that no row has is looked for on the
 * server. Fails `not-found` when there is none, `unsupported-by-protocol` for a role where there are no folders at all.
 */
export async function resolveFolder(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  wanted: string,
): Promise<FolderRow> {
  const fits = (row: FolderRow): boolean =>
    row.missingSince === null && (isRole(wanted) ? row.role === wanted : row.id === wanted);
  const known = (await needs.folders.list(account.id)).find(fits);
  if (known !== undefined) return known;
  const synced = await syncFolders(needs, account, () => mailbox.folders());
  const found = synced.map(({ row }) => row).find(fits);
  if (found !== undefined) return found;
  if (isRole(wanted)) requireCapability(mailbox, "folders");
  throw new Failure(
    "not-found",
    isRole(wanted) ? `This account has no ${wanted} folder.` : "There is no folder with this id.",
    {
      fix: "GET the account's folders for their ids and roles.",
    },
  );
}

/** As `resolveFolder`, for a folder that messages are to be put into. Fails `refused-by-server` where it holds none. */
export async function resolveTarget(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  wanted: string,
): Promise<FolderRow> {
  const target = await resolveFolder(needs, mailbox, account, wanted);
  if (target.selectable) return target;
  throw new Failure("refused-by-server", "This folder can't hold messages.", {
    fix: "Choose a folder whose `selectable` is true.",
  });
}

/** Runs a call on a folder; when the server no longer knows its name, looks once for where it was renamed to. */
export async function onFolder<T>(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  folder: FolderRow,
  call: (folder: FolderRow) => Promise<T>,
): Promise<T> {
  try {
    return await call(folder);
  } catch (error) {
    if (!(["SELECT", "STATUS", "LIST"] as const).some((command) => isFolderMissing(error, command))) throw error;
    const synced = await syncFolders(needs, account, () => mailbox.folders());
    const now = synced.find(({ row }) => row.id === folder.id)?.row;
    if (now === undefined || now.path === folder.path) throw error;
    return call(now);
  }
}

/** Whether the server said to this command that it knows no folder of this name. */
export function isFolderMissing(error: unknown, command: "SELECT" | "STATUS" | "LIST"): boolean {
  return error instanceof Failure && error.code === "not-found" && error.details.upstream?.phase === command;
}

function isRole(text: string): text is FolderRole {
  return (folderRoles as readonly string[]).includes(text);
}
