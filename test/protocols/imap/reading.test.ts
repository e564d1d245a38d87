import { expect, test } from "vitest";
import { parseDate } from "../../../src/mime/parse-date.ts";
import { parseInternalDate, searchDate } from "../../../src/protocols/imap/dates.ts";
import { decodeFolderName } from "../../../src/protocols/imap/folder-name.ts";
import { expandSet, uidSets } from "../../../src/protocols/imap/uid-set.ts";

test("reads the dates of RFC 5322, old forms included", () => {
  const expected: [string, string][] = [
    ["Thu, 1 Jan 2026 10:00:00 +0100", "2026-01-01T09:00:00.000Z"],
    ["1 Jan 2026 10:00 -0530 (IST)", "2026-01-01T15:30:00.000Z"],
    ["Mon, 02 Mar 98 23:59:60 GMT", "1998-03-03T00:00:00.000Z"],
    ["Fri, 29 Feb 2024 00:00:00 EST", "2024-02-29T05:00:00.000Z"],
    ["1 Jan 04 00:00:00 Z", "2004-01-01T00:00:00.000Z"],
  ];
  for (const [text, iso] of expected) expect(new Date(parseDate(text) ?? Number.NaN).toISOString()).toBe(iso);
});

test("takes no broken date for a date", () => {
  const broken = [
    "",
    "now",
    "1",
    "Thu, 32 Jan 2026 10:00:00 +0000",
    "29 Feb 2025 10:00:00 +0000",
    "1 Foo 2026 10:00:00 +0000",
    "1 Jan 2026 25:00:00 +0000",
    "1 Jan 2026",
  ];
  for (const text of broken) expect(parseDate(text)).toBeNull();
});

test("reads INTERNALDATE and writes days for SEARCH", () => {
  expect(parseInternalDate(" 1-Jul-2026 02:00:00 +0200")).toBe(Date.UTC(2026, 6, 1));
  expect(parseInternalDate("17-Jul-1996 02:44:25 -0700")).toBe(Date.UTC(1996, 6, 17, 9, 44, 25));
  expect(parseInternalDate("17 Jul 1996 02:44:25 -0700")).toBeNull();
  expect(searchDate(Date.UTC(2026, 10, 3, 23, 59))).toBe("3-Nov-2026");
});

test("decodes folder names, and leaves broken ones as they are", () => {
  expect(["Entw&APw-rfe", "a&-b", "&U,BTFw-", "Gr&APYA3w-e", "plain"].map(decodeFolderName)).toEqual([
    "Entwürfe",
    "a&b",
    "台北",
    "Größe",
    "plain",
  ]);
  for (const broken of ["&", "a&b", "&AP", "&AP!-", "&A-", "&2AA-"]) expect(decodeFolderName(broken)).toBe(broken);
});

test("writes sets in ranges and splits long ones", () => {
  expect(uidSets([])).toEqual([]);
  expect(uidSets([5, 3, 4, 9, 3])).toEqual(["3:5,9"]);
  const many = Array.from({ length: 5_000 }, (_, index) => 2 * index + 1);
  const sets = uidSets(many);
  expect(sets.every((set) => set.length < 8_000)).toBe(true);
  expect(sets.flatMap((set) => expandSet(set, 10_000))).toEqual(many);
});

test("reads sets in their order, within a limit", () => {
  expect(expandSet("7,1:3", 10)).toEqual([7, 1, 2, 3]);
  expect(expandSet("1:4294967295", 1_000)).toBeNull();
  for (const broken of ["", "*", "1:*", "a", "1,,2"]) expect(expandSet(broken, 10)).toBeNull();
});
