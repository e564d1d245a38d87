import { z } from "zod";
import type { ImapPosition, Listing, PositionOf } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";

/** Where a search of one folder goes on. */
export type OneStart = { folderId: string; uidValidity: number; after: PositionOf<Place> };

/** How far a folder has been told, by its number; `after` is null at its end. */
export type FolderMark = { folder: number; uidValidity: number; after: ImapPosition | null };

/** Where a search of all folders goes on: those without a mark have not begun, those above `highest` came later and are not told. */
export type AllStart = { highest: number; marks: FolderMark[] };

export type Start = OneStart | AllStart;

/** Where the page after this one of a folder begins; null at the end. */
export function startBehind(
  folderId: string,
  { uidValidity, next }: Pick<Listing, "uidValidity" | "next">,
): Start | null {
  return next === null ? null : { folderId, uidValidity, after: next };
}

/**
 * A start as short JSON. A folder's mark is its number, UIDVALIDITY, UID and sequence number with dots between, a sequence number left
 * out that is the UID; at its end the number alone.
 */
export const packedStart = z.union([
  z.tuple([z.string(), z.number(), z.number(), z.number()]),
  z.tuple([z.string(), z.number(), z.string(), z.array(z.string())]),
  z.tuple([z.number(), z.string().regex(/^(?:\w+(?:\.\w+){0,3}(?: |$))*$/)]),
]);
export type PackedStart = z.infer<typeof packedStart>;

export function packStart(start: Start): PackedStart {
  if ("marks" in start) return [start.highest, start.marks.map(packMark).join(" ")];
  const { folderId, uidValidity, after } = start;
  return "uid" in after
    ? [folderId, uidValidity, after.uid, after.sequence]
    : [folderId, uidValidity, after.key, after.below];
}

export function unpackStart(packed: PackedStart): Start {
  if (packed.length === 2) {
    const [highest, marks] = packed;
    return { highest, marks: marks === "" ? [] : marks.split(" ").map(unpackMark) };
  }
  const [folderId, uidValidity, last, beside] = packed;
  const after =
    typeof beside === "number" ? { uid: Number(last), sequence: beside } : { key: String(last), below: beside };
  return { folderId, uidValidity, after };
}

function packMark({ folder, uidValidity, after }: FolderMark): string {
  const told =
    after === null ? [] : [uidValidity, after.uid, ...(after.sequence === after.uid ? [] : [after.sequence])];
  return [folder, ...told].map((number) => number.toString(36)).join(".");
}

function unpackMark(text: string): FolderMark {
  const [folder = 0, uidValidity = 0, uid, sequence] = text.split(".").map((number) => Number.parseInt(number, 36));
  return { folder, uidValidity, after: uid === undefined ? null : { uid, sequence: sequence ?? uid } };
}
