import type { Origin } from "../mail/id.ts";
import type { HeldRow, NewEvent } from "../store/rows.ts";
import type { Entry } from "./entry.ts";

/** What one message's change means: for the log, for the folder's snapshot, and for what is held. */
export type Piece = {
  event: NewEvent | null;
  put?: Entry;
  remove?: number;
  hold?: HeldRow;
  /** The key of a held message that has turned up, or is given up. */
  unhold?: string;
  /** The place of a tracked message that is gone. */
  displaced?: Origin;
};
