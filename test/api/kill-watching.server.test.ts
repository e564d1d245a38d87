import { expect, test } from "vitest";
import { killWhileWatching } from "./kill-watching.ts";

test("mail that arrives is told once, though Postern is killed 20 times meanwhile", { timeout: 200_000 }, async () => {
  expect(await killWhileWatching(20)).toBeGreaterThan(200);
});
