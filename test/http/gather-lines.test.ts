import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { gatherLines } from "../../src/http/gather-lines.ts";

test("lines of one turn are written together, in their order, and those of the next by themselves", async () => {
  const written: string[] = [];
  const lines = gatherLines((text) => void written.push(text));
  lines.write("a\n");
  await Promise.resolve();
  lines.write("b\n");
  expect(written).toEqual([]);
  await turn();
  expect(written).toEqual(["a\nb\n"]);
  lines.write("c\n");
  await turn();
  await turn();
  expect(written).toEqual(["a\nb\n", "c\n"]);
});

test("what has come so far can be written at once, and is not written twice", async () => {
  const written: string[] = [];
  const lines = gatherLines((text) => void written.push(text));
  lines.write("a\n");
  lines.flush();
  expect(written).toEqual(["a\n"]);
  lines.flush();
  await turn();
  expect(written).toEqual(["a\n"]);
});
