import { expect, test } from "vitest";
import { killWhileSending } from "./kill-rounds.ts";
import { killWhileWatching } from "./kill-watching.ts";

test("what was answered 202 is sent once, though Postern is killed 200 times under load", async () => {
  expect(await killWhileSending(200)).toBeGreaterThan(1_000);
});

test("mail that arrives is told once, though Postern is killed 100 times meanwhile", async () => {
  expect(await killWhileWatching(100)).toBeGreaterThan(1_000);
});

test("so it is where the app itself flags, moves and deletes as well, though Postern is killed 12 times", async () => {
  expect(await killWhileWatching(12, { byApi: true })).toBeGreaterThan(120);
});
