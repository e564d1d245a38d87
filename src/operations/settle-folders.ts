import { Failure } from "../errors.ts";
import { folderRoles } from "../mail/folder.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import { type Expression, predicatesOf, settle } from "../mail/search.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { resolveFolder } from "./resolve-folder.ts";
import type { AllStart, OneStart, Start } from "./search-start.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";

/** A folder to search, and what to look for in it; an empty one need not be asked. */
export type Target = { folder: FolderRow; expression: Expression; isEmpty: boolean };

export type Settled =
  /** `target` null: nothing can match. */
  | { kind: "one"; target: Target | null; start: OneStart | null }
  /** Ascending by the folders' numbers. */
  | { kind: "many"; targets: Target[]; start: AllStart };

/**
 * Which folders a search is about, and what it is in each: a folder in which nothing can match is left out, and one alone is searched as if
 * it had been named. Fails `not-found` for a folder that is not there or holds no messages, also one that the search names.
 */
export async function settleFolders(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  { folder: wanted, expression, start }: { folder: string; expression: Expression; start: Start | null },
): Promise<Settled> {
  if (wanted === "all" && (start === null || "marks" in start)) {
    const known = start === null ? await foldersNow(needs, mailbox, account) : await foldersKnown(needs, account);
    const folders = known.map(({ folder }) => folder);
    assertFolders(expression, folders);
    const targets = known
      .filter(({ folder }) => folder.selectable && (start === null || folder.number <= start.highest))
      .sort((a, b) => a.folder.number - b.folder.number)
      .flatMap(({ folder, isEmpty }) => targetIn(folder, expression, isEmpty) ?? []);
    const [only] = targets;
    if (start === null && targets.length < 2) return { kind: "one", target: only ?? null, start };
    const highest = Math.max(...folders.map(({ number }) => number));
    return { kind: "many", targets, start: start ?? { highest, marks: [] } };
  }
  const one = start === null || "marks" in start ? null : start;
  const folder = await resolveFolder(needs, mailbox, account, one?.folderId ?? wanted);
  if (!folder.selectable)
    throw new Failure("not-found", "This folder only holds other folders, no messages.", {
      fix: "Choose a folder whose `selectable` is true.",
    });
  await assertNamed(needs, mailbox, account, expression);
  return { kind: "one", target: targetIn(folder, expression), start: one };
}

type Known = { folder: FolderRow; isEmpty: boolean };

/** Of a folder that may be open nobody tells for sure that it is empty: of the inbox. */
async function foldersNow(needs: SyncFolders, mailbox: Mailbox, account: AccountRow): Promise<Known[]> {
  const synced = await syncFolders(needs, account, () => mailbox.folders());
  return synced.map(({ row, native }) => ({
    folder: row,
    isEmpty: native.status?.messages === 0 && row.role !== "inbox",
  }));
}

/** For a page that goes on: what has come since then is not told. */
async function foldersKnown(needs: SyncFolders, account: AccountRow): Promise<Known[]> {
  const rows = await needs.folders.list(account.id);
  return rows.filter((row) => row.missingSince === null).map((folder) => ({ folder, isEmpty: false }));
}

/** Every message of a folder is in it, by its id and its role, and in no other. */
function targetIn(folder: FolderRow, expression: Expression, isEmpty = false): Target | null {
  const settled = settle(expression, (predicate) =>
    predicate.op === "inFolder" ? predicate.folder === folder.id || predicate.folder === folder.role : null,
  );
  return settled.op === "none" ? null : { folder, expression: settled, isEmpty };
}

async function assertNamed(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  expression: Expression,
): Promise<void> {
  const named = folderIdsOf(expression);
  if (named.length === 0) return;
  const rows = (await needs.folders.list(account.id)).filter((row) => row.missingSince === null);
  if (named.every((id) => rows.some((row) => row.id === id))) return;
  const synced = await syncFolders(needs, account, () => mailbox.folders());
  assertFolders(
    expression,
    synced.map(({ row }) => row),
  );
}

/** A role may be nobody's; an id that no folder has is a mistake. */
function assertFolders(expression: Expression, folders: FolderRow[]): void {
  const unknown = folderIdsOf(expression).find((id) => !folders.some((folder) => folder.id === id));
  if (unknown === undefined) return;
  throw new Failure("not-found", `The search names ${unknown.slice(0, 100)}, and no folder has this id.`, {
    fix: "GET the account's folders for their ids and roles.",
  });
}

function folderIdsOf(expression: Expression): string[] {
  const roles: readonly string[] = folderRoles;
  return predicatesOf(expression).flatMap((predicate) =>
    predicate.op === "inFolder" && !roles.includes(predicate.folder) ? [predicate.folder] : [],
  );
}
