import { Failure } from "../errors.ts";
import type { Folder } from "../mail/folder.ts";
import type { FolderTarget, Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow } from "../store/rows.ts";
import { changingFolders, type ChangeFolders, movingFolders } from "./change-folders.ts";
import { findAccount } from "./find-account.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";
import { type FolderNow, folderWithId, viewFolder } from "./view-folder.ts";

/** Absent members change nothing; `parentId` null is the top. The caller has made sure that something is asked for. */
export type FolderPatch = {
  name?: string | undefined;
  parentId?: string | null | undefined;
  subscribed?: boolean | undefined;
};

/**
 * Renames or moves a folder, then changes its subscription. Its id stays, and the ids of the folders below it. When the
 * second step fails, the failure says by `applied` what had been done. Fails: `folder-protected` for the inbox,
 * `folder-exists`, `not-found`, `refused-by-server`, `validation-failed`.
 */
export const updateFolder =
  (needs: ChangeFolders) =>
  async (
    caller: AppCaller,
    accountId: string,
    folderId: string,
    patch: FolderPatch,
    signal: AbortSignal,
  ): Promise<Folder> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const { name, parentId, subscribed } = patch;
    const isMove = name !== undefined || parentId !== undefined;
    const update = async (mailbox: Mailbox): Promise<Folder> => {
      const before = await syncFolders(needs, account, () => mailbox.folders());
      const folder = folderWithId(before, folderId);
      const path = isMove ? await rename(needs, mailbox, account, before, folder, patch) : folder.row.path;
      if (subscribed !== undefined) {
        await mailbox.subscribeFolder(path, subscribed).catch((error: unknown) => {
          if (!(error instanceof Failure) || !isMove) throw error;
          const extra = { ...error.details.extra, applied: Object.keys(patch).filter((key) => key !== "subscribed") };
          throw new Failure(error.code, error.message, { ...error.details, extra, cause: error });
        });
      }
      const after = await syncFolders(needs, account, () => mailbox.folders(), "api");
      return viewFolder(folderWithId(after, folderId), after);
    };
    return (isMove ? movingFolders : changingFolders)(needs, account, update, signal);
  };

/** The raw path now. */
async function rename(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  all: FolderNow[],
  { row }: FolderNow,
  { name, parentId }: FolderPatch,
): Promise<string> {
  const to: FolderTarget = {
    ...(name !== undefined && { name }),
    ...(parentId !== undefined && { parent: parentId === null ? null : folderWithId(all, parentId).row.path }),
  };
  const path = await mailbox.renameFolder(row.path, to);
  const below = row.delimiter === null ? null : row.path + row.delimiter;
  const paths = new Map(
    all
      .filter((one) => one.row.id === row.id || (below !== null && one.row.path.startsWith(below)))
      .map((one) => [one.row.id, path + one.row.path.slice(row.path.length)]),
  );
  await keepIds(needs, account.id, paths);
  return path;
}

/**
 * Gives the rows their new paths in one write. A request that listed the folders in between may have taken a renamed one
 * for a new one: that row goes.
 */
async function keepIds({ folders }: SyncFolders, accountId: string, paths: Map<string, string>): Promise<void> {
  const targets = new Set(paths.values());
  for (let tries = 0; tries < 5; tries += 1) {
    const version = await folders.version(accountId);
    const rows = await folders.list(accountId);
    const changed = rows.flatMap((row) => {
      const path = paths.get(row.id) ?? row.path;
      return path === row.path ? [] : [{ ...row, path, missingSince: null }];
    });
    if (changed.length === 0) return;
    const removed = rows.filter((row) => targets.has(row.path) && !paths.has(row.id)).map(({ id }) => id);
    await folders.save(accountId, { added: [], changed, removed, told: { version, events: [] } });
  }
}
