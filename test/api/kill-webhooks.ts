import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { makeCertificates } from "../servers/ca.ts";
import { startPostern } from "../servers/postern.ts";
import { type Behaviour, ok, reset, startReceiver, status } from "../servers/receiver.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { type Call, caller, wholeLog } from "./call-postern.ts";

type Delivery = { id: string; webhookId: string };
type Page = { data: Delivery[]; nextCursor: string | null };

const accounts = 6;

/**
 * Kills the whole of Postern so many times while events are made and webhooks flow, over TLS, to one endpoint that is well and one
 * that refuses or breaks some. Then the log has no gap, and each event in it has come to either endpoint, verified, under its id
 * and the same each time. Gives how many events there were.
 */
export async function killWhileDelivering(rounds: number): Promise<number> {
  const directory = makeScratch();
  const { valid, caPath } = await makeCertificates(`${directory}/certificates`);
  const receiver = await startReceiver({ certificate: valid });
  const postern = await startPostern({ env: { POSTERN_LEASE_SECONDS: "5", NODE_EXTRA_CA_CERTS: caPath } });
  const call = caller(postern);
  const flaky: Behaviour = (response, nth) =>
    (nth % 50 === 7 ? status(503) : nth % 50 === 29 ? reset : ok)(response, nth);
  const endpoints = [receiver.endpoint(), receiver.endpoint(flaky)];
  const ids: string[] = [];
  for (const { url, secret } of endpoints)
    ids.push((await call<{ id: string }>("POST", "/v1/webhooks", { url, secret })).id);

  const auth = { type: "password", username: "someone", password: "a-password" };
  const incoming = { protocol: "imap", host: "127.0.0.1", port: 1, security: "tls", auth };
  const account = { email: "someone@postern.test", incoming, watch: { mode: "off" }, verify: false };
  const paths: string[] = [];
  for (let n = 0; n < accounts; n += 1)
    paths.push(`/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", account)).id}`);

  const over = new AbortController();
  const tell = async (path: string): Promise<void> => {
    while (!over.signal.aborted) {
      for (const action of ["pause", "resume"]) await call("POST", `${path}/${action}`).catch(() => sleep(20));
      await sleep(5);
    }
  };
  const telling = paths.map(tell);
  const came = (): number => endpoints.reduce((sum, { got }) => sum + got.length, 0);
  for (let round = 0; round < rounds; round += 1) {
    const before = came();
    await expect.poll(came, { timeout: 20_000, interval: 10 }).toBeGreaterThan(before);
    await sleep(Math.random() * 300);
    await postern.kill9();
    await postern.restart();
  }
  over.abort();
  await Promise.all(telling);

  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  // What was in hand at three deaths in a row is parked, and says so. It comes when it is asked for again.
  const askAgain = async (): Promise<void> => {
    const parked = await Promise.all(ids.map((id) => deliveriesOf(call, id, "parked")));
    for (const { id, webhookId } of parked.flat())
      await call("POST", `/v1/webhooks/${webhookId}/deliveries/${id}/redeliver`);
  };
  const missing = async (): Promise<string[]> => {
    await askAgain();
    return endpoints.flatMap(({ got }) =>
      log.filter(({ id }) => !got.some((one) => one.id === id)).map(({ id }) => id),
    );
  };
  await expect.poll(missing, { timeout: 40_000, interval: 500 }).toEqual([]);
  const byId = new Map(log.map((event) => [event.id, event]));
  for (const { got } of endpoints) for (const { id, event } of got) expect(event).toEqual(byId.get(id));
  expect(receiver.strays).toEqual([]);
  await postern.stop();
  await receiver.stop();
  removeScratch(directory);
  return log.length;
}

async function deliveriesOf(call: Call, webhookId: string, state: string): Promise<Delivery[]> {
  const all: Delivery[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page: Page = await call("GET", `/v1/webhooks/${webhookId}/deliveries?limit=200&state=${state}${query}`);
    all.push(...page.data);
    cursor = page.nextCursor;
  }
  return all;
}
