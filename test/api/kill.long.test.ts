import { expect, test } from "vitest";
import { killWhileSending } from "./kill-rounds.ts";

test("what was answered 202 is sent once, though Postern is killed 50 times under load", async () => {
  expect(await killWhileSending(50)).toBeGreaterThan(100);
});
