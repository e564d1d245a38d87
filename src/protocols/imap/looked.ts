import type { FolderCursor, News } from "../../mail/watch.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";

/** What came since the folder was looked at; all may have, when it was not. Null for none. */
export function newsSince(session: Session, folder: Selected): News | null {
  const looked = session.looked.get(folder.path);
  if (!looked || looked.cursor.uidValidity !== folder.uidValidity) {
    return { arrived: true, expunged: true, flags: true };
  }
  const { seen, said } = looked;
  const isSame = looked.told === folder.told;
  const news = {
    arrived: isSame ? folder.told.arrived > seen.arrived : folder.exists > said.exists || isLater(folder, said),
    expunged: isSame ? folder.told.expunged > seen.expunged : folder.exists < said.exists,
    flags: isSame ? folder.told.flags > seen.flags : folder.modSeq !== said.modSeq,
  };
  return news.arrived || news.expunged || news.flags ? news : null;
}

function isLater({ uidNext }: Pick<Selected, "uidNext">, said: Pick<Selected, "uidNext">): boolean {
  return uidNext !== null && uidNext > (said.uidNext ?? 0);
}

/** A folder that was selected anew since it was looked at, and is as it was then, counts as kept open. */
export function keepInStep(session: Session, folder: Selected): void {
  const looked = session.looked.get(folder.path);
  if (!looked || looked.told === folder.told || newsSince(session, folder) !== null) return;
  session.looked.set(folder.path, { ...looked, told: folder.told, seen: { ...folder.told } });
}

/** Whether the session has had the folder open since a look that ended where the cursor is. */
export function isInStep({ selected, looked }: Session, path: string, cursor: FolderCursor): boolean {
  const before = looked.get(path);
  if (!before || before.told !== selected?.told) return false;
  const { uidValidity, uidNext, modSeq, exists } = before.cursor;
  const isSameFolder = uidValidity === cursor.uidValidity && uidNext === cursor.uidNext;
  return isSameFolder && modSeq === cursor.modSeq && exists === cursor.exists;
}
