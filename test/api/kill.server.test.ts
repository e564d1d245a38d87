import { expect, test } from "vitest";
import { killWhileSending } from "./kill-rounds.ts";
import { killWhileWatching } from "./kill-watching.ts";

test(
  "what was answered 202 is sent once, though Postern is killed 5 times under load",
  { timeout: 200_000 },
  async () => {
    expect(await killWhileSending(5)).toBeGreaterThan(10);
  },
);

test("mail that arrives is told once, though Postern is killed 20 times meanwhile", { timeout: 200_000 }, async () => {
  expect(await killWhileWatching(20)).toBeGreaterThan(200);
});
