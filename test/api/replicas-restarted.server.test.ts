import { expect, test } from "vitest";
import { restartOneByOne } from "./rolling-restart.ts";

test("three replicas are replaced one after the other under load: no request fails but to be tried again, and all that was accepted is done once", async () => {
  const { requests, again } = await restartOneByOne(1);
  expect(requests).toBeGreaterThan(200);
  expect(again.length).toBeLessThan(requests / 50);
}, 120_000);
