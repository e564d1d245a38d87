import { setTimeout as sleep } from "node:timers/promises";

import { Agent } from "undici";

import { deliver } from "../../test/servers/maildir.ts";
import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { rateOf } from "../frame/outbox.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";
import { message } from "../frame/small-messages.ts";
import { untilIdling } from "../frame/watching.ts";
import { startWebhookSink, type WebhookSink } from "../frame/webhook-sink.ts";
import type { World } from "../frame/world.ts";

/** Requests under way at once, of either side. */
const hands = 64;
const many = 8;

type Page = { data: { sequence: number }[]; nextCursor: string; hasMore: boolean };

/** How many webhooks a second go out, once they are due, beside a loop of requests with the same bodies to the same receiver. */
export const webhooks: Case = {
  name: "webhooks",
  async run(world) {
    const sink = await startWebhookSink();
    const agent = new Agent({ connections: hands });
    try {
      const events = world.scale.quick ? 1_000 : 4_000;
      const backlog = await makeBacklog(world, sink);
      const one = await backlog.webhooks(1, hands);
      const several = await backlog.webhooks(many, hands / many);
      const ours = (ids: string[], each: number) => async (): Promise<number> => {
        const start = await backlog.gather(ids, each);
        return rateOf(each * ids.length, start);
      };
      await ours(one, events)();
      const bodies = await backlog.bodies(events);
      const bare = (): Promise<number> =>
        rateOf(events, async () => {
          await postAll(agent, sink, bodies);
          await sink.received(events);
        });
      const rounds = await alternate(world.scale.quick ? 3 : 5, {
        one: ours(one, events),
        several: ours(several, events / many),
        bare,
      });
      const sent = (what: string, rate: number[], goal: Figure["goal"]): Figure => ({
        what: `webhooks sent, ${what}`,
        unit: "/s",
        ours: median(rate),
        bare: median(rounds.bare),
        bareIs: `undici, ${hands} at once`,
        compared: { as: "ratio", value: medianOf(rate, rounds.bare, ratio) },
        goal,
      });
      return [
        sent(`1 endpoint, ${hands} at once`, rounds.one, { atLeast: 0.6 }),
        sent(`${many} endpoints, ${hands / many} at once each`, rounds.several, null),
      ];
    } finally {
      await agent.destroy();
      await sink.stop();
    }
  },
};

/** A watched mailbox, and webhooks that wait with what has come into it until they are let go. */
async function makeBacklog(world: World, sink: WebhookSink) {
  const { api, stack } = world;
  const mailbox = await world.holding([]);
  const maildir = stack.dovecot.maildir(mailbox.user);
  await untilIdling(api, mailbox.path);
  const paths = new Map<string, string>();
  let mails = 0;

  async function told(): Promise<number> {
    let newest = 0;
    for (let query = "?limit=200"; ;) {
      const page = (await api.call("GET", `/v1/events${query}`)) as Page;
      newest = page.data.at(-1)?.sequence ?? newest;
      if (!page.hasMore) return newest;
      query = `?limit=200&cursor=${page.nextCursor}`;
    }
  }
  const isHeld = async (id: string): Promise<boolean> =>
    ((await api.call("GET", `/v1/webhooks/${id}`)) as { holdUntil: string | null }).holdUntil !== null;
  const enable = (ids: string[], enabled: boolean): Promise<unknown> =>
    Promise.all(ids.map((id) => api.call("PATCH", `/v1/webhooks/${id}`, { enabled })));

  return {
    async webhooks(count: number, maxConcurrency: number): Promise<string[]> {
      const ids: string[] = [];
      for (let nth = 0; nth < count; nth++) {
        const path = `/${paths.size}`;
        const input = { url: sink.url(path), types: ["message.created"], maxConcurrency };
        const { id } = (await api.call("POST", "/v1/webhooks", input)) as { id: string };
        paths.set(id, path);
        ids.push(id);
      }
      await enable(ids, false);
      return ids;
    },
    /** So many mails come, for these webhooks, whose receiver asks for an hour's peace; gives what lets them go and waits for the last. */
    async gather(ids: string[], count: number): Promise<() => Promise<void>> {
      for (const id of ids) sink.be(paths.get(id) ?? "", "refuse");
      await enable(ids, true);
      // The first one is refused, and is due in an hour; the others wait unsent.
      deliver(maildir, message((mails += 1)));
      for (const id of ids) while (!(await isHeld(id))) await sleep(50);
      const before = await told();
      for (let nth = 0; nth < count; nth++) deliver(maildir, message((mails += 1)));
      while ((await told()) < before + count) await sleep(250);
      for (const id of ids) sink.be(paths.get(id) ?? "", "ok");
      // It ends the hold of who asked for it.
      await enable(ids, false);
      return async () => {
        await enable(ids, true);
        await sink.received(count * ids.length);
        await enable(ids, false);
      };
    },
    async bodies(count: number): Promise<string[]> {
      const { data } = (await api.call("GET", "/v1/events?type=message.created&limit=200")) as Page;
      return Array.from({ length: count }, (_, nth) => JSON.stringify(data[nth % data.length]));
    },
  };
}

/** Posts all bodies by so many loops of one request after the other. */
async function postAll(agent: Agent, { host, port }: WebhookSink, bodies: string[]): Promise<void> {
  const waiting = bodies.values();
  const headers = { "content-type": "application/json" };
  const loop = async (): Promise<void> => {
    for (const body of waiting) {
      const answer = await agent.request({
        origin: `http://${host}:${port}`,
        path: "/bare",
        method: "POST",
        headers,
        body,
      });
      if (answer.statusCode !== 204) throw new Error(`the sink answered ${answer.statusCode}`);
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: hands }, loop));
}
