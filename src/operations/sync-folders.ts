import { Failure } from "../errors.ts";
import type { Actor } from "../mail/event.ts";
import type { NativeFolder } from "../mail/folder.ts";
import { randomId } from "../mail/id.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow, FolderRow, NewEvent } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { folderEvents } from "./folder-events.ts";
import type { FolderNow } from "./view-folder.ts";

export type SyncFolders = {
  folders: Pick<Store["folders"], "list" | "save" | "version">;
  clock: Clock;
  wake: Pick<Wake, "wake">;
};

type Change = { added: Omit<FolderRow, "number">[]; changed: FolderRow[] };

/** How often the folders are listed because others write them meanwhile, for something to tell, and for their counts alone. */
const listedAtMost = { news: 20, counts: 2 };

/**
 * Brings the account's folder rows in line with what `list` tells, which asks the mail server now, and returns each folder with
 * its row. A folder keeps its row, and so its id, through renames: by MAILBOXID (RFC 8474), else by its path, else by
 * UIDVALIDITY and UIDNEXT. Of a watched account, folders that came, went or have another name are told as events in the same
 * write; `actor` says whose doing that is.
 *
 * An answer may be older than what another request has written since it was asked for: then it is written nowhere, and the server is
 * asked again. So nothing newer is undone, and two who see the same change tell it once.
 */
export async function syncFolders(
  needs: SyncFolders,
  account: AccountRow,
  list: () => Promise<NativeFolder[]>,
  actor: Actor = "external",
): Promise<FolderNow[]> {
  for (let tries = 1; ; tries += 1) {
    const version = await needs.folders.version(account.id);
    const natives = await list();
    const rows = await needs.folders.list(account.id);
    const now = needs.clock.now();
    const change = changeOf(rows, natives, account.id, now);
    if (change.added.length === 0 && change.changed.length === 0) return joined(natives, rows);
    const events = folderEvents(account, rows, change, actor, now);
    if (await save(needs, account, change, { version, events }))
      return joined(natives, await needs.folders.list(account.id));
    const pathOf = new Map(rows.map(({ id, path }) => [id, path]));
    const isRenamed = change.changed.some(({ id, path }) => pathOf.get(id) !== path);
    const isNews = change.added.length > 0 || isRenamed || events.length > 0;
    // What is no news is written with the next listing.
    if (!isNews && tries >= listedAtMost.counts) return joined(natives, rows);
    if (tries < listedAtMost.news) continue;
    throw new Failure("storage-unavailable", "The account's folders change faster than they can be written.");
  }
}

function joined(natives: NativeFolder[], rows: FolderRow[]): FolderNow[] {
  const byPath = new Map(rows.map((row) => [row.path, row]));
  return natives.flatMap((native) => {
    const row = byPath.get(native.path);
    return row === undefined ? [] : [{ row, native }];
  });
}

function changeOf(rows: FolderRow[], natives: NativeFolder[], accountId: string, now: number): Change {
  const rowOf = matchRows(rows, natives);
  const added: Change["added"] = [];
  const changed: FolderRow[] = [];
  for (const native of natives) {
    const row = rowOf.get(native);
    if (row === undefined) added.push({ id: randomId("fld"), accountId, firstSeenAt: now, ...factsOf(native) });
    else {
      const isBack = row.missingSince !== null;
      const next = { ...row, ...factsOf(native, row), ...(isBack && { firstSeenAt: now }) };
      if (!same(row, next)) changed.push(next);
    }
  }
  const listed = new Set([...rowOf.values()].map((row) => row.id));
  for (const row of rows)
    if (!listed.has(row.id) && row.missingSince === null) changed.push({ ...row, missingSince: now });
  return { added, changed };
}

/**
 * False where others have written since `version`. Folders that are known already can be told although the database takes no writes
 * for now.
 */
async function save(
  { folders, wake }: SyncFolders,
  account: AccountRow,
  change: Change,
  told: { version: number; events: NewEvent[] },
): Promise<boolean> {
  try {
    const isSaved = await folders.save(account.id, { ...change, told });
    if (isSaved && told.events.length > 0) wake.wake("events", account.appId);
    return isSaved;
  } catch (error) {
    const isAway = error instanceof Failure && error.code === "storage-unavailable";
    if (!isAway || change.added.length > 0 || told.events.length > 0) throw error;
    return true;
  }
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

/** The row of each folder: by MAILBOXID, else by path, else by UIDVALIDITY and UIDNEXT where no other can be meant. */
function matchRows(rows: FolderRow[], natives: NativeFolder[]): Map<NativeFolder, FolderRow> {
  const matched = new Map<NativeFolder, FolderRow>();
  const free = new Set(rows);
  const pass = (
    rowKey: (row: FolderRow) => string | null,
    nativeKey: (native: NativeFolder) => string | null,
  ): void => {
    const byKey = Map.groupBy(free, rowKey);
    for (const native of natives) {
      const key = matched.has(native) ? null : nativeKey(native);
      const [row, ...others] = (key !== null && byKey.get(key)) || [];
      if (row === undefined || others.length > 0 || !free.has(row) || isOtherMailbox(row, native)) continue;
      matched.set(native, row);
      free.delete(row);
    }
  };
  pass(
    (row) => row.mailboxId,
    (native) => native.mailboxId,
  );
  pass(
    (row) => row.path,
    (native) => native.path,
  );
  const listed = new Set(natives.map((native) => native.path));
  pass(
    (row) => (listed.has(row.path) ? null : uidsText(row.uidValidity, row.uidNext)),
    ({ status }) => status && uidsText(status.uidValidity, status.uidNext),
  );
  return matched;
}

/** Both have a MAILBOXID and they differ: certainly not the same folder. */
function isOtherMailbox(row: FolderRow, native: NativeFolder): boolean {
  return row.mailboxId !== null && native.mailboxId !== null && row.mailboxId !== native.mailboxId;
}

/** Null where they tell nothing. */
function uidsText(uidValidity: number, uidNext: number | null): string | null {
  return uidValidity === 0 || uidNext === null ? null : `${uidValidity}/${uidNext}`;
}
