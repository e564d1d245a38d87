import { expect, test } from "vitest";
import { shareAccounts } from "./share-accounts.ts";

test("three processes on one Postgres share 60 accounts out, whoever of them is killed or ends, and nothing is lost or told twice", async () => {
  const { afterKill } = await shareAccounts(5);
  expect(afterKill).toBeGreaterThan(500);
  expect(afterKill).toBeLessThan(11_000);
}, 200_000);
