import { expect, test } from "vitest";
import { searchServer } from "../../../src/protocols/imap/search-server.ts";

test.each([
  ["yes", [], true, false],
  ["yes", ["SEARCH=FUZZY"], false, false],
  ["unknown", [], false, false],
  ["no", ["X-GM-EXT-1"], false, true],
] as const)("guid %s, capabilities %j: substrings %s, Gmail %s", (guid, offered, substrings, gmail) => {
  const has = (capability: string): boolean => offered.some((each) => each === capability);
  expect(searchServer({ guid, has })).toEqual({ substrings, gmail });
});
