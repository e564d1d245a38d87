import type { FolderCursor } from "../../mail/watch.ts";

/** The folder that the server has selected, kept up to date by what it tells unasked. */
export type Selected = {
  path: string;
  /** 0 when the server tells none. */
  uidValidity: number;
  uidNext: number | null;
  exists: number;
  /** What may be stored for good, lower case; null when the server did not say. */
  permanentFlags: Set<string> | null;
  readOnly: boolean;
  /** HIGHESTMODSEQ (RFC 7162) as it was told last, in decimal digits; null where the folder has none. */
  modSeq: string | null;
  /** How many messages came and went, and how many responses told flags, unasked since the folder was selected. */
  told: { arrived: number; expunged: number; flags: number };
  /** UID sets of the VANISHED responses (RFC 7162 §3.2.10) that nobody has taken yet. */
  vanished: string[];
};

/** What a look has seen of a folder. */
export type Looked = {
  cursor: FolderCursor;
  /** What the server tells of the folder for as long as it stays selected; another one once it is selected anew. */
  told: Selected["told"];
  /** What of that had been told then: later looks are the first to see the rest. */
  seen: Selected["told"];
  /** What the server said of the folder then, which need not agree with the cursor. */
  said: Pick<Selected, "exists" | "uidNext" | "modSeq">;
};
