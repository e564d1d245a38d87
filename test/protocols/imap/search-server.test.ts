import { expect, test } from "vitest";
import { searchServer } from "../../../src/protocols/imap/search-server.ts";

test.each([
  ["yes", [], true, false],
  ["yes", ["SEARCH=FUZZY"], false, false],
  ["unknown", [], false, false],
  ["no", ["X-GM-EXT-1"], false, true],
] as const)("guid %s, capabilities %j: substrings %s, Gmail %s", (guid, offered, substrings, gmail) => {
  const has = (capability: string): boolean => [...offered, "UIDPLUS"].some((each) => each === capability);
  expect(searchServer({ guid, has, unsearchable: new Set() })).toEqual({ substrings, gmail, without: new Set() });
});

test("by keywords no server is searched that finds recent messages by any, as one without UIDPLUS does", () => {
  const server = searchServer({ guid: "no", has: () => false, unsearchable: new Set(["bcc"]) });
  expect(server.without).toEqual(new Set(["bcc", "keyword"]));
});
