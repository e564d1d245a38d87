import type { AccountRow, HeldRow } from "../store/rows.ts";
import { placeKey } from "./own-doing.ts";

/** What a held message waits for besides folders: that all folders have been listed, among them new ones. */
export const nextListing = 0;

type Gone = Pick<HeldRow, "folder" | "uidValidity" | "uid" | "since">;

/** Holds a message under the key that names it for life, or, where there is none (null), under its place; `folders` by number. */
export function holdOf(account: AccountRow, key: string | null, gone: Gone, folders: number[]): HeldRow {
  return { accountId: account.id, key: key ?? placeKey(gone), ...gone, waitsFor: [nextListing, ...folders] };
}
