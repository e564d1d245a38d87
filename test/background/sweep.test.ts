import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweep } from "../../src/background/sweep.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock } from "../fake-clock.ts";
import { submissionRow } from "../store/rows.ts";
import { outcome, webhookHouse } from "../store/webhook-house.ts";

const day = 86_400_000;

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-sweep-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const clock = createFakeClock();
const rewrapKeys = async (): Promise<number> => 0;
const log = { write: () => {} };
/** A minute more than so many days ago, and a minute less. */
const around = (days: number): [number, number] => {
  const at = clock.now() - days * day;
  return [at - 60_000, at + 60_000];
};
const all = { before: null, limit: 100 };

test.each([
  { eventDays: 1, deliveryDays: 4 },
  { eventDays: 7, deliveryDays: 7 },
  { eventDays: 45, deliveryDays: 45 },
])(
  "events are kept for $eventDays days where that is configured, deliveries that did not arrive for $deliveryDays",
  async ({ eventDays, deliveryDays }) => {
    const { app, webhook, tell } = await webhookHouse(store);
    const hook = await webhook();
    const ages = [...around(eventDays), ...around(deliveryDays)].toSorted((a, b) => a - b);
    await tell(ages.map((createdAt) => ({ createdAt })));
    await sweep({ ...store, eventDays, clock, rewrapKeys, log })();
    const events = await store.events.list(app.id, { after: 0, limit: 100, types: null, accountIds: null });
    const deliveries = await store.deliveries.list(hook.id, { ...all, states: null });
    const oldest = (rows: { createdAt: number }[]) => Math.min(...rows.map(({ createdAt }) => createdAt));
    expect([oldest(events), oldest(deliveries)]).toEqual([around(eventDays)[1], around(deliveryDays)[1]]);
  },
);

test("what was delivered is kept for three days, whatever is configured for events", async () => {
  const { webhook, tell } = await webhookHouse(store);
  const hook = await webhook();
  const createdAt = clock.now() - 4 * day;
  await tell([{ createdAt }, { createdAt }]);
  const by = { owner: "me", now: clock.now(), leaseMs: 60_000, limit: 10 };
  const [one, other] = await store.deliveries.claim(hook.id, by);
  if (one === undefined || other === undefined) throw new Error("nothing was queued");
  const [old, young] = around(3);
  await store.deliveries.settle([outcome(one, { finishedAt: old }), outcome(other, { finishedAt: young })]);
  await sweep({ ...store, eventDays: 30, clock, rewrapKeys, log })();
  const left = await store.deliveries.list(hook.id, { ...all, states: null });
  expect(left.map(({ finishedAt }) => finishedAt)).toEqual([young]);
});

test("a submission, and its key, is kept for thirty days after the outcome, whatever is configured for events", async () => {
  const { accountId } = await webhookHouse(store);
  const [old, young] = around(30);
  for (const finishedAt of [old, young])
    await store.submissions.accept(submissionRow(accountId, { state: "sent", finishedAt, nextAttemptAt: null }), null);
  await sweep({ ...store, eventDays: 7, clock, rewrapKeys, log })();
  expect((await store.submissions.list(accountId, all)).map(({ finishedAt }) => finishedAt)).toEqual([young]);
});
