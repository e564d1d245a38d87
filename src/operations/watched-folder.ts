import type { AccountRow, FolderRow } from "../store/rows.ts";

/**
 * Whether a watcher looks at the folder. What is gone from there he tells by what is known of it, and forgets that in the same
 * write: nobody else forgets it before.
 */
export function isWatchedFolder({ watch }: AccountRow, { role }: Pick<FolderRow, "role">): boolean {
  return watch.mode !== "off" && (watch.folders === "all" || (role !== null && watch.folders.includes(role)));
}
