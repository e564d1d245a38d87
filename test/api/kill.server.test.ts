import { expect, test } from "vitest";
import { killWhileSending } from "./kill-rounds.ts";
import { killWhileWatching } from "./kill-watching.ts";
import { killWhileDelivering } from "./kill-webhooks.ts";

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

test(
  "each event comes to each webhook under its id, though Postern is killed 20 times meanwhile",
  { timeout: 200_000 },
  async () => {
    expect(await killWhileDelivering(20)).toBeGreaterThan(60);
  },
);
