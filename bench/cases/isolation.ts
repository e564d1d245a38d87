import { setTimeout as sleep } from "node:timers/promises";

import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { alternate, median, medianOf, percentile, ratio } from "../frame/rounds.ts";
import { startWebhookSink, type WebhookSink } from "../frame/webhook-sink.ts";
import type { World } from "../frame/world.ts";

const fast = 20;
/** Events of a round, and how far apart they are, milliseconds. */
const events = 250;
const apart = 50;

type Delivery = { id: string; state: string };
type Page = { data: Delivery[]; nextCursor: string | null };

/** How late twenty good endpoints get their events, with and without a black hole and one that takes ten seconds beside them. */
export const isolation: Case = {
  name: "isolation",
  async run(world) {
    const sink = await startWebhookSink();
    try {
      const teller = await makeTeller(world);
      const paths = Array.from({ length: fast }, (_, nth) => `/fast-${nth}`);
      for (const path of paths) await make(world, sink, path);
      sink.be("/black-hole", "black-hole");
      sink.be("/slow", "slow");
      const bad = [await make(world, sink, "/black-hole"), await make(world, sink, "/slow")];
      const enable = (enabled: boolean): Promise<unknown> =>
        Promise.all(bad.map((id) => world.api.call("PATCH", `/v1/webhooks/${id}`, { enabled })));
      const round = (withBad: boolean) => async (): Promise<number> => {
        await enable(withBad);
        for (let nth = 0; nth < events; nth++) await Promise.all([teller(), sleep(apart)]);
        await sink.received(events * fast);
        return percentile(await delaysOf(sink, paths), 0.99);
      };
      await round(false)();
      const rounds = await alternate(world.scale.quick ? 2 : 8, { good: round(false), bad: round(true) });
      for (const id of bad) await requireAll(world, id, rounds.bad.length * events);
      const figure: Figure = {
        what: "event to webhook, p99 of 20 endpoints beside two bad ones",
        unit: "ms",
        ours: median(rounds.bad),
        bare: median(rounds.good),
        bareIs: "the same without the bad ones",
        compared: { as: "ratio", value: medianOf(rounds.bad, rounds.good, ratio) },
        goal: { atMost: 1.25 },
      };
      return [figure];
    } finally {
      await sink.stop();
    }
  },
};

async function make({ api }: World, sink: WebhookSink, path: string): Promise<string> {
  const input = { url: sink.url(path), types: ["account.paused"] };
  return ((await api.call("POST", "/v1/webhooks", input)) as { id: string }).id;
}

/** Makes one event of an account that nobody watches. */
async function makeTeller(world: World): Promise<() => Promise<void>> {
  const auth = { type: "password", username: "someone", password: "a-password" };
  const incoming = { protocol: "imap", host: "127.0.0.1", port: 1, security: "tls", auth };
  const watch = { mode: "off" };
  const path = await world.store({ email: "someone@postern.test", incoming, watch, verify: false });
  return async () => {
    await world.api.call("POST", `${path}/resume`);
    await world.api.call("POST", `${path}/pause`);
  };
}

/** Of all endpoints; fails where one has not had every event. */
async function delaysOf(sink: WebhookSink, paths: string[]): Promise<number[]> {
  const all: number[] = [];
  for (const path of paths) {
    const { delays, events: had } = await sink.take(path);
    if (had !== events) throw new Error(`${path} had ${had} events of ${events}`);
    all.push(...delays);
  }
  return all;
}

/** Fails where a webhook has not as many deliveries, each delivered or still to be. */
async function requireAll({ api }: World, id: string, count: number): Promise<void> {
  const states = new Map<string, number>();
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = (await api.call("GET", `/v1/webhooks/${id}/deliveries?limit=200${query}`)) as Page;
    for (const { state } of page.data) states.set(state, (states.get(state) ?? 0) + 1);
    cursor = page.nextCursor;
  }
  const kept = ["pending", "delivering", "delivered"].reduce((sum, state) => sum + (states.get(state) ?? 0), 0);
  if (kept !== count) throw new Error(`${kept} deliveries of ${count} are there: ${JSON.stringify([...states])}`);
}
