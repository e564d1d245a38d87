import { expect } from "vitest";
import { startPostgres } from "../servers/postgres.ts";
import { type Behaviour, type Endpoint, late, ok, startReceiver, status } from "../servers/receiver.ts";
import { type Call, wholeLog } from "./call-postern.ts";
import { type Replica, type Replicas, startReplicas } from "./replicas.ts";
import type { Told } from "./watching.ts";

const accountCount = 6;

/** How a replica's deliveries ended, each attempt by its delivery. */
const attemptsOf = ({ postern }: Replica): string[] =>
  postern.stdout.flatMap((line) => {
    const { event, deliveryId } = JSON.parse(line) as { event: string; deliveryId: string };
    return event === "delivery" ? [deliveryId] : [];
  });

/**
 * Three replicas make events and deliver them to endpoints that are quick, slow and at times unwell, so many of each account. Then each event has come to each
 * endpoint under its id, once, and once more where it was refused; and all three have delivered. With `loss` one of them is then killed, or frozen for longer than its claims hold and thawed,
 * with requests under way: each event comes at least once, what was under way again, nothing more than that, and what the frozen one writes late changes nothing.
 */
export async function deliverTogether(
  times: number,
  loss: { of: "killed" | "frozen"; leaseSeconds: number } | null = null,
): Promise<{ events: number; again: number }> {
  const [postgres, receiver] = await Promise.all([startPostgres(), startReceiver()]);
  const replicas = await startReplicas(postgres, 3, { POSTERN_LEASE_SECONDS: String(loss?.leaseSeconds ?? 5) });
  const { call, each } = replicas;
  const unwell: Behaviour = (response, nth) => (nth % 10 === 3 ? status(503) : ok)(response, nth);
  const [quick, slow, flaky] = [receiver.endpoint(), receiver.endpoint(late(40)), receiver.endpoint(unwell)];
  const endpoints = [quick, slow, flaky];
  const webhooks: string[] = [];
  for (const { url, secret } of endpoints)
    webhooks.push((await call<{ id: string }>("POST", "/v1/webhooks", { url, secret })).id);
  const paths = await unwatchedAccounts(replicas);

  const tell = async (): Promise<void> => {
    const telling = paths.map(async (path) => {
      for (let n = 0; n < times; n += 1)
        // By another replica each time.
        for (const action of ["pause", "resume"]) await call("POST", `${path}/${action}`);
    });
    await Promise.all(telling);
  };
  await tell();
  await untilCome(endpoints.slice(0, 2), await wholeLog(call));
  const log = await wholeLog(call);
  for (const { got } of [quick, slow]) expect(got).toHaveLength(log.length);
  for (const one of each) expect(attemptsOf(one).length).toBeGreaterThan(log.length / 10);
  const all = each.flatMap(attemptsOf);
  const refused = flaky.got.filter((_, nth) => nth % 10 === 3).length;
  // Those that were refused come again after 5 seconds and more.
  expect(all.length - new Set(all).size).toBeLessThanOrEqual(refused);

  let again = 0;
  if (loss !== null) {
    const [lost] = each.splice(0, 1);
    if (lost === undefined) throw new Error("there is none");
    const { postern } = lost;
    slow.behaviour = late(500);
    const others = (signal: NodeJS.Signals): void =>
      each.forEach((one) => void process.kill(one.postern.pid(), signal));
    const before = slow.got.length;
    // Nobody else takes what there is to deliver now.
    others("SIGSTOP");
    await Promise.all(paths.map((path) => lost.call("POST", `${path}/pause`)));
    await expect.poll(() => slow.got.length, { timeout: 5_000, interval: 5 }).toBeGreaterThan(before);
    process.kill(postern.pid(), loss.of === "killed" ? "SIGKILL" : "SIGSTOP");
    others("SIGCONT");
    await tell();
    await untilCome(endpoints, await wholeLog(call), loss.leaseSeconds * 1_000 + 40_000);
    // What was under way comes again when its claims have run out. The third has refused some twice by now, and is left alone for minutes.
    async function settled({ leaseSeconds }: { leaseSeconds: number }): Promise<void> {
      const open = () => openDeliveries(call, webhooks.slice(0, 2));
      await expect.poll(open, { timeout: leaseSeconds * 1_000 + 40_000 }).toEqual([]);
    }
    await settled(loss);
    if (loss.of === "frozen") {
      process.kill(postern.pid(), "SIGCONT");
      each.push(lost);
      await tell();
      await untilCome(endpoints, await wholeLog(call));
      await settled(loss);
    }
    again = slow.got.length - (await wholeLog(call)).length;
    expect(again).toBeLessThanOrEqual(slow.mostOpen());
    if (loss.of === "killed") await postern.stop();
  } else await untilCome(endpoints, log, 20_000);
  const whole = await wholeLog(call);
  expect(whole.map(({ sequence }) => sequence)).toEqual(whole.map((_, n) => n + 1));
  const byId = new Map(whole.map((event) => [event.id, event]));
  for (const { got } of endpoints) for (const { id, event } of got) expect(event).toEqual(byId.get(id));
  expect(receiver.strays).toEqual([]);
  await replicas.stop();
  await Promise.all([receiver.stop(), postgres.stop()]);
  return { events: whole.length, again };
}

/** That nobody watches and no server stands behind: good for events at will. */
async function unwatchedAccounts({ call }: Replicas): Promise<string[]> {
  const auth = { type: "password", username: "someone", password: "a-password" };
  const incoming = { protocol: "imap", host: "127.0.0.1", port: 1, security: "tls", auth };
  const account = { email: "someone@postern.test", incoming, watch: { mode: "off" }, verify: false };
  const paths: string[] = [];
  for (let nth = 0; nth < accountCount; nth += 1)
    paths.push(`/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", account)).id}`);
  return paths;
}

/** What of the webhooks' latest deliveries is not delivered. */
async function openDeliveries(call: Call, webhookIds: string[]): Promise<string[]> {
  type Page = { data: { id: string; state: string }[] };
  const pages = await Promise.all(webhookIds.map((id) => call<Page>("GET", `/v1/webhooks/${id}/deliveries?limit=200`)));
  return pages.flatMap(({ data }) => data.flatMap(({ id, state }) => (state === "delivered" ? [] : `${id} ${state}`)));
}

/** Each event has come to each of the endpoints. */
async function untilCome(endpoints: Endpoint[], log: Told[], timeout = 10_000): Promise<void> {
  const missing = (): string[] =>
    endpoints.flatMap(({ got }) => {
      const came = new Set(got.map(({ id }) => id));
      return log.flatMap(({ id }) => (came.has(id) ? [] : [id]));
    });
  await expect.poll(missing, { timeout, interval: 100 }).toEqual([]);
}
