import { expect, test } from "vitest";
import { countSet, inSets } from "../../../src/protocols/imap/uid-set.ts";

test.each<[set: string, count: number]>([
  ["7", 1],
  ["300:310,405,411", 13],
  ["5:3", 3],
  ["1:4294967295", 4_294_967_295],
  ["", 0],
  ["1:*", 0],
  ["1,x", 0],
])("%j holds %i numbers", (set, count) => {
  expect(countSet(set)).toBe(count);
});

test("a number is in one of several sets that overlap, however large they are", () => {
  const isIn = inSets(["300:310,5", "305:400", "broken", "1000:4294967295"]);
  const numbers = [4, 5, 6, 299, 300, 310, 311, 400, 401, 999, 1_000, 4_000_000_000];
  expect(numbers.filter(isIn)).toEqual([5, 300, 310, 311, 400, 1_000, 4_000_000_000]);
  expect(inSets([])(1)).toBe(false);
});
