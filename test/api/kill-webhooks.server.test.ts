import { expect, test } from "vitest";
import { killWhileDelivering } from "./kill-webhooks.ts";

test(
  "each event comes to each webhook under its id, though Postern is killed 20 times meanwhile",
  { timeout: 200_000 },
  async () => {
    expect(await killWhileDelivering(20)).toBeGreaterThan(60);
  },
);
