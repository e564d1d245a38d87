import { Agent } from "undici";

import { makeBacklog, type WebhookRequest } from "../frame/backlog.ts";
import type { Case } from "../frame/case.ts";
import type { Figure } from "../frame/figure.ts";
import { rateOf } from "../frame/outbox.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";
import { startWebhookSink, type WebhookSink } from "../frame/webhook-sink.ts";

/** Requests under way at once, of either side. */
const hands = 64;
const many = 8;

/**
 * How many webhooks a second go out, once they are due, beside a loop that posts the same requests to the same receiver: with bodies and
 * all headers like ours, which it has ready before it begins, signature too.
 */
export const webhooks: Case = {
  name: "webhooks",
  async run(world) {
    const sink = await startWebhookSink();
    const agent = new Agent({ connections: hands });
    try {
      const events = world.scale.quick ? 1_000 : 12_000;
      const backlog = await makeBacklog(world, sink);
      const one = await backlog.webhooks(1, hands);
      const several = await backlog.webhooks(many, hands / many);
      const ours = (ids: string[], each: number) => async (): Promise<number> => {
        const start = await backlog.gather(ids, each);
        return rateOf(each * ids.length, start);
      };
      await ours(one, events)();
      const requests = await backlog.requests(events);
      const bare = (): Promise<number> =>
        rateOf(events, async () => {
          await postAll(agent, sink, requests);
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

/** Posts them all by so many loops of one request after the other. */
async function postAll(agent: Agent, { host, port }: WebhookSink, requests: WebhookRequest[]): Promise<void> {
  const waiting = requests.values();
  const loop = async (): Promise<void> => {
    for (const { headers, body } of waiting) {
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
