import type { Actor, EventType } from "../mail/event.ts";
import type { FolderRole } from "../mail/folder.ts";
import { newEvent } from "../store/new-event.ts";
import type { AccountRow, FolderRow, NewEvent } from "../store/rows.ts";
import { viewFolderRow } from "./view-folder.ts";

type Rows = Pick<FolderRow, "id" | "name" | "path" | "parentPath" | "role" | "selectable">;

/**
 * What tells an app that folders of its account came, went, or have another name or parent. The first listing of an account tells
 * nothing, nor does one of an account that is not watched.
 */
export function folderEvents(
  account: AccountRow,
  before: FolderRow[],
  { added, changed }: { added: Omit<FolderRow, "number">[]; changed: FolderRow[] },
  actor: Actor,
  now: number,
): NewEvent[] {
  if (account.watch.mode === "off" || before.length === 0) return [];
  const was = new Map(before.map((row) => [row.id, row]));
  const changes = new Map(changed.map((row) => [row.id, row]));
  const after: Rows[] = [...before.map((row) => changes.get(row.id) ?? row), ...added];
  const tell = (type: EventType, row: Rows, more: Record<string, unknown> = {}): NewEvent =>
    newEvent(account, type, now, { ...viewFolderRow(row, after), ...more, actor }, rolesOf([row]));

  const events = added.map((row) => tell("folder.created", row));
  for (const row of changed) {
    const old = was.get(row.id);
    if (old === undefined) continue;
    const from = viewFolderRow(old, before);
    const to = viewFolderRow(row, after);
    if (row.missingSince !== null) events.push(...(old.missingSince === null ? [tell("folder.deleted", old)] : []));
    else if (old.missingSince !== null) events.push(tell("folder.created", row));
    else if (from.name !== to.name || from.parentId !== to.parentId)
      events.push(tell("folder.renamed", row, { from: { name: from.name, parentId: from.parentId } }));
  }
  return events;
}

/** The roles of folders, for an event about them. */
export function rolesOf(folders: Pick<FolderRow, "role">[]): FolderRole[] {
  return [...new Set(folders.flatMap(({ role }) => role ?? []))];
}
