import { setTimeout as sleep } from "node:timers/promises";

import { deliver } from "../../test/servers/maildir.ts";
import { message } from "./small-messages.ts";
import { untilIdling } from "./watching.ts";
import type { WebhookSink } from "./webhook-sink.ts";
import type { World } from "./world.ts";

export type WebhookRequest = { headers: Record<string, string>; body: string };

type Page = { data: { id: string; sequence: number }[]; nextCursor: string; hasMore: boolean };

/** A watched mailbox, and webhooks that wait with what has come into it until they are let go. */
export async function makeBacklog(world: World, sink: WebhookSink) {
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
    /** What Postern sends, but for the signature, which only is as long. */
    async requests(count: number): Promise<WebhookRequest[]> {
      const { data } = (await api.call("GET", "/v1/events?type=message.created&limit=200")) as Page;
      const some = data.map((event) => ({
        headers: {
          accept: "*/*",
          "content-type": "application/json",
          "user-agent": "Postern",
          "accept-encoding": "identity",
          "webhook-id": event.id,
          "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
          "webhook-signature": `v1,${"A".repeat(43)}=`,
        },
        body: JSON.stringify(event),
      }));
      return Array.from({ length: count }, (_, nth) => some[nth % some.length]).filter((one) => one !== undefined);
    },
  };
}
