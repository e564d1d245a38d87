import { afterAll, beforeAll, expect, test } from "vitest";
import type { NewEvent } from "../../src/store/rows.ts";
import { newEvent } from "../../src/store/new-event.ts";
import { blackHole, type Endpoint, late, type Receiver, startReceiver } from "../servers/receiver.ts";
import { type Api, startApi } from "./start.ts";
import { until } from "./watching.ts";
import { type App, arrived, deliveriesOf, newApp, type Teller, tellerOf, webhookAt } from "./webhooks.ts";

let api: Api;
let receiver: Receiver;

beforeAll(async () => {
  api = await startApi();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await api.stop();
});

/** Writes so many events of the account as its watcher does, as fast as the store takes them. */
async function burst(app: App, { id }: Teller, count: number): Promise<void> {
  const now = Date.now();
  await api.store.watches.poke(id);
  const account = { id, appId: app.id, externalId: null };
  const claims = await api.store.watches.claim("a test", now, 60_000, 10);
  const epoch = claims.find(({ accountId }) => accountId === id)?.epoch ?? 0;
  for (let left = count; left > 0; left -= 100) {
    const events = Array.from({ length: Math.min(left, 100) }, (_, n): NewEvent =>
      newEvent(account, "account.alert", now, { text: `${left - n} of ${count}` }),
    );
    if (!(await api.store.watches.write({ ...account, epoch }, { events }))) throw new Error("another one watches it");
  }
  api.postern.wake.wake("deliveries", app.id);
}

/** How long after each event was written it came, milliseconds, sorted. */
const delays = ({ got }: Endpoint): number[] =>
  got
    .map(({ at, body }) => at - Date.parse((JSON.parse(body) as { createdAt: string }).createdAt))
    .toSorted((a, b) => a - b);

test("endpoints that never or hardly answer hold up no other, and lose nothing", async () => {
  const app = await newApp(api);
  const tellers = await Promise.all(Array.from({ length: 4 }, () => tellerOf(app)));
  const dead = receiver.endpoint(blackHole);
  const slow = receiver.endpoint(late(10_000));
  const fast = Array.from({ length: 20 }, () => receiver.endpoint());
  const [deadOne] = await Promise.all([dead, slow, ...fast].map((endpoint) => webhookAt(app, endpoint)));
  const before = await deliveriesCount(app, deadOne);
  const events = 100;
  for (let n = 0; n < events / 4; n += 1) await Promise.all(tellers.map(({ tell }) => tell()));
  await Promise.all(fast.map((endpoint) => arrived(endpoint, events)));
  const all = fast.flatMap(delays).toSorted((a, b) => a - b);
  // Whoever waits for one of the two waits ten seconds.
  expect(all[Math.floor(all.length * 0.99)]).toBeLessThan(8_000);
  for (const { got } of fast) {
    expect(got.every(({ event }) => event !== null)).toBe(true);
    expect(new Set(got.map(({ id }) => id)).size).toBe(events);
  }
  expect(dead.mostOpen()).toBeLessThanOrEqual(20);
  expect(slow.mostOpen()).toBeLessThanOrEqual(20);
  expect((await deliveriesCount(app, deadOne)) - before).toBe(events);
});

async function deliveriesCount(app: App, webhook: Parameters<typeof deliveriesOf>[1] | undefined): Promise<number> {
  return webhook === undefined ? 0 : (await deliveriesOf(app, webhook)).length;
}

test("10,000 that are due at once are spread; another app's are not late, nor is another webhook's", async () => {
  const [crowded, quiet] = [await newApp(api), await newApp(api)];
  const many = receiver.endpoint(late(20));
  const [beside, other] = [receiver.endpoint(), receiver.endpoint()];
  const [loud, calm, elsewhere] = [await tellerOf(crowded), await tellerOf(crowded), await tellerOf(quiet)];
  await webhookAt(crowded, many, { accountIds: [loud.id] });
  await webhookAt(crowded, beside, { accountIds: [calm.id] });
  await webhookAt(quiet, other);
  await burst(crowded, loud, 10_000);
  await until(
    async () => many.got.length,
    (count) => count > 50,
  );
  for (let n = 1; n <= 10; n += 1) {
    await Promise.all([calm.tell(), elsewhere.tell()]);
    await Promise.all([arrived(beside, n), arrived(other, n)]);
  }
  // All of them take ten seconds at least.
  for (const endpoint of [beside, other]) expect(delays(endpoint).at(-1)).toBeLessThan(4_000);
  expect(many.got.length).toBeLessThan(10_000);
  expect(many.mostOpen()).toBeLessThanOrEqual(20);
});
