import { expect, test } from "vitest";
import { deliverTogether } from "./shared-webhooks.ts";

test("three replicas deliver to the same webhooks: each event once, under its id, and each replica its part", async () => {
  const { events } = await deliverTogether(20);
  expect(events).toBeGreaterThanOrEqual(120);
}, 90_000);
