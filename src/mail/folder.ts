/** What a folder is for (RFC 6154, and the inbox). A server may give none, and one folder has one role at most. */
export const folderRoles = ["inbox", "drafts", "sent", "trash", "junk", "archive", "allMail", "flagged"] as const;
export type FolderRole = (typeof folderRoles)[number];

/** A folder as the server tells it. `path` is the raw name as it stands on the wire: the identity, shown to nobody. */
export type NativeFolder = {
  path: string;
  /** The last level's name, decoded from modified UTF-7 (RFC 3501 §5.1.3) where it can be. */
  name: string;
  /** Raw path of the parent, or null at the top. */
  parentPath: string | null;
  /** Hierarchy delimiter, or null for a flat namespace. */
  delimiter: string | null;
  role: FolderRole | null;
  selectable: boolean;
  subscribed: boolean;
  /** MAILBOXID (RFC 8474), or null where the server has none. */
  mailboxId: string | null;
  /** Null for a folder that can't be selected, or where STATUS failed. */
  status: FolderStatus | null;
};

export type FolderStatus = {
  messages: number;
  unseen: number;
  /** 0 when the server tells none. */
  uidValidity: number;
  /** Null when the server tells none. */
  uidNext: number | null;
  /** HIGHESTMODSEQ (RFC 7162) in decimal digits; null where the server has none, or it was not asked for. */
  modSeq: string | null;
};

/** A folder as the API tells it. */
export type Folder = {
  id: string;
  name: string;
  parentId: string | null;
  role: FolderRole | null;
  selectable: boolean;
  subscribed: boolean;
  /** Null for a folder that can't be selected. */
  counts: { messages: number; unseen: number } | null;
};
