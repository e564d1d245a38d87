import type { NativeFolder } from "../mail/folder.ts";
import { randomId } from "../mail/id.ts";
import type { Clock } from "../observe.ts";
import type { FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

export type SyncFolders = { folders: Pick<Store["folders"], "list" | "save">; clock: Clock };

/**
 * Brings the account's folder rows in line with what LIST told, and returns each folder with its row. A folder keeps its
 * row, and so its id, through renames: by MAILBOXID (RFC 8474), else by its path, else by UIDVALIDITY and UIDNEXT.
 */
export async function syncFolders(
  needs: SyncFolders,
  accountId: string,
  natives: NativeFolder[],
): Promise<{ row: FolderRow; native: NativeFolder }[]> {
  const rows = await needs.folders.list(accountId);
  const rowOf = matchRows(rows, natives);
  const added: Omit<FolderRow, "number">[] = [];
  const changed: FolderRow[] = [];
  for (const native of natives) {
    const row = rowOf.get(native);
    if (row === undefined) added.push({ id: randomId("fld"), accountId, ...factsOf(native) });
    else {
      const next = { ...row, ...factsOf(native, row) };
      if (!same(row, next)) changed.push(next);
    }
  }
  const listed = new Set([...rowOf.values()].map((row) => row.id));
  for (const row of rows)
    if (!listed.has(row.id) && row.missingSince === null) changed.push({ ...row, missingSince: needs.clock.now() });
  if (added.length > 0 || changed.length > 0) await needs.folders.save(accountId, { added, changed });

  const byPath = new Map((await needs.folders.list(accountId)).map((row) => [row.path, row]));
  return natives.flatMap((native) => {
    const row = byPath.get(native.path);
    return row === undefined ? [] : [{ row, native }];
  });
}

function factsOf(native: NativeFolder, before?: FolderRow) {
  return {
    path: native.path,
    name: native.name,
    parentPath: native.parentPath,
    delimiter: native.delimiter,
    role: native.role,
    selectable: native.selectable,
    mailboxId: native.mailboxId,
    uidValidity: native.status?.uidValidity ?? before?.uidValidity ?? 0,
    uidNext: native.status?.uidNext ?? before?.uidNext ?? null,
    missingSince: null,
  };
}

function same(a: FolderRow, b: FolderRow): boolean {
  return (Object.keys(b) as (keyof FolderRow)[]).every((key) => a[key] === b[key]);
}

function matchRows(rows: FolderRow[], natives: NativeFolder[]): Map<NativeFolder, FolderRow> {
  const matched = new Map<NativeFolder, FolderRow>();
  const free = new Set(rows);
  const pair = (native: NativeFolder, candidates: FolderRow[]): void => {
    const [row] = candidates;
    if (row === undefined || candidates.length > 1) return;
    matched.set(native, row);
    free.delete(row);
  };
  const pass = (candidates: (native: NativeFolder) => (row: FolderRow) => boolean): void => {
    for (const native of natives) if (!matched.has(native)) pair(native, [...free].filter(candidates(native)));
  };
  pass((native) => (row) => native.mailboxId !== null && row.mailboxId === native.mailboxId);
  pass((native) => (row) => row.path === native.path && !otherMailbox(row, native));
  const paths = new Set(natives.map((native) => native.path));
  pass((native) => (row) => !paths.has(row.path) && sameUids(row, native) && !otherMailbox(row, native));
  return matched;
}

/** Both have a MAILBOXID and they differ: certainly not the same folder. */
function otherMailbox(row: FolderRow, native: NativeFolder): boolean {
  return row.mailboxId !== null && native.mailboxId !== null && row.mailboxId !== native.mailboxId;
}

function sameUids(row: FolderRow, native: NativeFolder): boolean {
  const { status } = native;
  if (status === null || status.uidValidity === 0 || status.uidNext === null) return false;
  return row.uidValidity === status.uidValidity && row.uidNext === status.uidNext;
}
