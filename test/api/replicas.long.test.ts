import { expect, test } from "vitest";
import { freezeOne } from "./frozen-replica.ts";
import { restartOneByOne } from "./rolling-restart.ts";
import { shareAccounts } from "./share-accounts.ts";
import { deliverTogether } from "./shared-webhooks.ts";

/** The default of POSTERN_LEASE_SECONDS. */
const leaseSeconds = 20;

test("with the real lease 60 accounts are watched again within 30 s of the end of their replica, killed or frozen", async () => {
  const { afterKill, afterFreeze } = await shareAccounts(leaseSeconds, { freezes: true });
  expect(afterKill).toBeLessThan(30_000);
  expect(afterFreeze).toBeLessThan(30_000);
});

test("with the real lease a frozen replica sends nothing twice", async () => {
  expect(await freezeOne(leaseSeconds)).toEqual({ taken: 4 });
});

test("18 replicas are replaced one after the other under load, and no request fails but to be tried again", async () => {
  const { requests, again } = await restartOneByOne(6);
  expect(requests).toBeGreaterThan(600);
  expect(again.length).toBeLessThan(requests / 100);
});

test.each(["killed", "frozen"] as const)(
  "of three replicas that deliver to the same webhooks one is %s: what it had under way comes again, and nothing else",
  async (of) => {
    const { again } = await deliverTogether(30, { of, leaseSeconds });
    expect(again).toBeGreaterThan(0);
  },
);
