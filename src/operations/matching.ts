import { Failure } from "../errors.ts";
import type { Heads, SearchAnswer } from "../mail/mailbox.ts";
import type { Expression } from "../mail/search.ts";
import type { FolderRow } from "../store/rows.ts";
import type { Start } from "./search-start.ts";

export type MatchingAsked = {
  /** An id, a role, or "all": every folder that can hold messages. */
  folder: string;
  /** What it says of folders is settled here. */
  expression: Expression;
  order: "newest" | "oldest";
  limit: number;
  /** Where to go on; null from the beginning. */
  start: Start | null;
  /** Whether all that match are to be counted: only from the beginning. */
  count: boolean;
  /** When to give up, milliseconds since the epoch. */
  until: number;
  /** Aborted when the caller has left: then no folder is asked any more. */
  signal?: AbortSignal;
};

export type Found = Heads["heads"][number] & { folder: FolderRow };

/** How a page was found. */
export type SearchMeta = SearchAnswer & {
  /** Ids of the folders that the search is about, without those that failed and those in which nothing can match. */
  folders: string[];
  /** Folders that could not be searched, while others were. */
  failed: { folderId: string; code: string; detail: string }[];
};

export type Matching = { found: Found[]; meta: SearchMeta; next: Start | null };

/** How nothing is found where nothing can be. */
export const nothing: SearchMeta = { engine: "none", exact: true, undecided: 0, folders: [], failed: [] };

/** The same, counted where that was asked. */
export function nothingOf({ count, start }: Pick<MatchingAsked, "count" | "start">): SearchMeta {
  return { ...nothing, ...(count && start === null && { total: 0 }) };
}

export function rebuilt(): Failure {
  return new Failure("cursor-expired", "The mail server rebuilt this folder since the cursor was given out.", {
    fix: "Start again without a cursor; ids of its messages may have changed.",
  });
}
