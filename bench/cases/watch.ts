import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { deliver } from "../../test/servers/maildir.ts";
import type { Case } from "../frame/case.ts";
import { listenForWebhooks } from "../frame/webhook-listener.ts";
import { openEventStream } from "../frame/event-stream.ts";
import type { Figure } from "../frame/figure.ts";
import { difference, median, percentile } from "../frame/rounds.ts";
import { message } from "../frame/small-messages.ts";
import { untilIdling } from "../frame/watching.ts";
import type { World } from "../frame/world.ts";

const before = 100;

/** New mail: when a reader of the event stream has it, and when a webhook, beside a raw IDLE on the same inbox. */
export const watch: Case = {
  name: "watch",
  async run(world) {
    const { streamed, posted, bare } = await arrivals(world, world.scale.quick ? 120 : 300);
    const figure = (what: string, ours: number[], share: number, goal: Figure["goal"]): Figure => {
      const later = ours.map((at, nth) => difference(at, bare[nth] ?? Number.NaN));
      return {
        what: `new mail to its ${what}, p${share * 100}`,
        unit: "ms",
        ours: percentile(ours, share),
        bare: percentile(bare, share),
        bareIs: "EXISTS in a raw IDLE",
        compared: { as: "difference", value: share === 0.5 ? median(later) : percentile(later, share) },
        goal,
      };
    };
    return [
      figure("event", streamed, 0.5, { atMost: 40 }),
      figure("event", streamed, 0.99, null),
      figure("webhook", posted, 0.5, { atMost: 40 }),
      figure("webhook", posted, 0.99, { atMost: 100 }),
    ];
  },
};

/** How long after its delivery each mail was told, milliseconds, in each way. */
async function arrivals(
  world: World,
  mails: number,
): Promise<{ streamed: number[]; posted: number[]; bare: number[] }> {
  const { api, stack, postern } = world;
  const mailbox = await world.holding(Array.from({ length: before }, (_, number) => [message(number)]));
  const maildir = stack.dovecot.maildir(mailbox.user);
  const client = await mailbox.openBare();
  let idling = client.idle();
  await untilIdling(api, mailbox.path);
  const stream = await openEventStream(postern);
  const listener = await listenForWebhooks();
  await api.call("POST", "/v1/webhooks", { url: listener.url, types: ["message.created"] });
  const streamed: number[] = [];
  const posted: number[] = [];
  const bare: number[] = [];
  try {
    for (let nth = 0; nth < mails; nth++) {
      await sleep(Math.random() * 100); // in step with nobody's timers
      const told = stream.next("message.created");
      const called = listener.next();
      const seen = once(client, "exists").then(() => performance.now());
      const start = performance.now();
      deliver(maildir, message(before + nth));
      streamed.push((await told) - start);
      posted.push((await called) - start);
      bare.push((await seen) - start);
      // As Postern does and everybody who wants to read it: Dovecot's clocks of an IDLE begin anew with each.
      await client.fetchOne("*", { uid: true });
      await idling;
      idling = client.idle();
    }
  } finally {
    stream.close();
    listener.close();
    client.close();
    await idling.catch(() => {});
  }
  return { streamed, posted, bare };
}
