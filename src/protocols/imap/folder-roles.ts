import { specialUse } from "imapflow/lib/special-use.js";
import { type FolderRole, folderRoles, type NativeFolder } from "../../mail/folder.ts";
import { roleOfName } from "./folder-names.ts";

/** Attributes of RFC 6154 §2, and what Gmail said before it. */
const byAttribute: Record<string, FolderRole> = {
  "\\drafts": "drafts",
  "\\sent": "sent",
  "\\trash": "trash",
  "\\junk": "junk",
  "\\spam": "junk",
  "\\archive": "archive",
  "\\all": "allMail",
  "\\allmail": "allMail",
  "\\flagged": "flagged",
  "\\starred": "flagged",
};

/**
 * Gives each folder its role, and each role to one folder: the inbox by its name, then what the server says (SPECIAL-USE),
 * then the provider's profile (raw paths), and last well-known names in many languages, nearest to the top first.
 */
export function assignRoles(
  folders: NativeFolder[],
  attributesOf: (path: string) => Set<string>,
  hints: Partial<Record<FolderRole, string>>,
): NativeFolder[] {
  const roles = new Map<FolderRole, NativeFolder>();
  const taken = new Set<NativeFolder>();
  const give = (role: FolderRole | undefined, folder: NativeFolder): void => {
    if (role === undefined || roles.has(role) || taken.has(folder) || !folder.selectable) return;
    roles.set(role, folder);
    taken.add(folder);
  };
  const nearestFirst = [...folders].sort((a, b) => depth(a) - depth(b));

  for (const folder of folders) if (folder.path.toUpperCase() === "INBOX") give("inbox", folder);
  for (const folder of folders) {
    for (const attribute of attributesOf(folder.path)) give(byAttribute[attribute], folder);
  }
  for (const role of folderRoles) {
    for (const folder of folders) if (folder.path === hints[role]) give(role, folder);
  }
  for (const folder of nearestFirst) {
    if (folder.parentPath === null || folder.parentPath.toUpperCase() === "INBOX")
      give(roleByName(folder.name), folder);
  }
  return folders.map((folder) => {
    const role = folderRoles.find((candidate) => roles.get(candidate) === folder);
    return role ? { ...folder, role } : folder;
  });
}

function depth({ path, delimiter }: NativeFolder): number {
  return delimiter ? path.split(delimiter).length - 1 : 0;
}

function roleByName(name: string): FolderRole | undefined {
  const { flag } = specialUse(false, { name, flags: new Set() });
  return flag === null ? roleOfName(name) : byAttribute[flag.toLowerCase()];
}
