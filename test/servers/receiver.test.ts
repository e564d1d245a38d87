import { Agent, request } from "node:https";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";

import { makeCertificates } from "./ca.ts";
import { blackHole, endless, first, garbage, late, type Receiver, reset, startReceiver, status } from "./receiver.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

const body = JSON.stringify({ id: "evt_1", type: "account.paused" });

function headersBy(secret: string): Record<string, string> {
  const now = new Date();
  const signature = new Webhook(secret).sign("evt_1", now, body);
  const timestamp = String(Math.floor(now.getTime() / 1000));
  return { "webhook-id": "evt_1", "webhook-timestamp": timestamp, "webhook-signature": signature };
}

const post = (url: string, headers: Record<string, string>, signal: AbortSignal | null = null): Promise<Response> =>
  fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });

test("keeps what it gets, and whether it was signed by its secret", async () => {
  const [one, other] = [receiver.endpoint(), receiver.endpoint()];
  await post(one.url, headersBy(one.secret));
  await post(one.url, headersBy(other.secret));
  await post(one.url, {});
  expect(one.got.map(({ id, event }) => [id, event])).toEqual([
    ["evt_1", JSON.parse(body)],
    ["evt_1", null],
    ["undefined", null],
  ]);
  expect(one.got[0]).toMatchObject({ method: "POST", body });
  expect([other.got, receiver.strays]).toEqual([[], []]);
  expect((await post(`${receiver.url}/nothing`, {})).status).toBe(404);
  expect(receiver.strays.splice(0)).toEqual(["/nothing"]);
});

test("behaves as it is told", async () => {
  const to = async (behaviour: Parameters<Receiver["endpoint"]>[0], signal?: AbortSignal) =>
    post(receiver.endpoint(behaviour).url, {}, signal);
  expect((await to(status(429, { "Retry-After": "7" }))).headers.get("retry-after")).toBe("7");
  expect((await to(status(302, { Location: "/" }))).status).toBe(302);
  await expect(to(reset)).rejects.toThrow("fetch failed");
  await expect(to(blackHole, AbortSignal.timeout(200))).rejects.toThrow("timeout");
  const start = Date.now();
  expect((await to(late(200))).status).toBe(204);
  expect(Date.now() - start).toBeGreaterThanOrEqual(190);
  await expect(to(garbage).then((answer) => answer.text())).rejects.toThrow("terminated");

  const without = await to(endless);
  let octets = 0;
  for await (const chunk of without.body ?? []) if ((octets += chunk.length) > 1_000_000) break;
  expect(octets).toBeGreaterThan(1_000_000);

  const flaky = receiver.endpoint(first(2, status(500)));
  const statuses = [];
  for (let nth = 0; nth < 3; nth += 1) statuses.push((await post(flaky.url, {})).status);
  expect(statuses).toEqual([500, 500, 204]);
});

test("speaks TLS", async () => {
  const directory = makeScratch();
  const { ca, valid } = await makeCertificates(`${directory}/certificates`);
  const secure = await startReceiver({ certificate: valid });
  const endpoint = secure.endpoint();
  const agent = new Agent({ ca });
  const sent = request(endpoint.url, { method: "POST", agent, family: 4, headers: headersBy(endpoint.secret) }).end(
    body,
  );
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  expect([answer.statusCode, endpoint.got[0]?.event]).toEqual([204, JSON.parse(body)]);
  agent.destroy();
  await secure.stop();
  removeScratch(directory);
});
