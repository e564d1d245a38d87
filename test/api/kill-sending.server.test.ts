import { expect, test } from "vitest";
import { killWhileSending } from "./kill-rounds.ts";

test(
  "what was answered 202 is sent once, though Postern is killed 20 times under load",
  { timeout: 400_000 },
  async () => {
    expect(await killWhileSending(20)).toBeGreaterThan(100);
  },
);
