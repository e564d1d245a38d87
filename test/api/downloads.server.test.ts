import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { deliverLarge } from "./large-message.ts";
import { accountOn } from "./start.ts";

/** Octets of the attachment, decoded. */
const size = 300 * 1024 * 1024;
const mebi = 1024 * 1024;

let stack: MailStack;
let postern: RunningPostern;

beforeAll(async () => {
  stack = await startMailStack();
  postern = await startPostern();
});
afterAll(async () => {
  await postern.stop();
  await stack.stop();
});

function resident(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}

test("300 MB go through in constant memory, byte for byte", async () => {
  const headers = { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json" };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    return (await (await fetch(postern.url + path, init)).json()) as T;
  };
  const user = stack.dovecot.user();
  const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
  const path = `/v1/accounts/${id}/messages`;
  const expected = await deliverLarge(stack.dovecot.maildir(user), size);
  const { data } = await call<{ data: { id: string; attachments: { id: string }[] }[] }>("GET", path);
  const url = `${postern.url}${path}/${data[0]?.id}/attachments/${data[0]?.attachments[0]?.id}`;

  const before = resident(postern.pid());
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, resident(postern.pid()))), 20);
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  const hash = createHash("sha256");
  let octets = 0;
  for await (const chunk of response.body ?? []) {
    octets += chunk.length;
    hash.update(chunk);
  }
  clearInterval(watch);
  expect(octets).toBe(size);
  expect(hash.digest("hex")).toBe(expected);
  expect((peak - before) / mebi).toBeLessThan(64);
}, 120_000);

test("a caller who leaves in the middle gives the session back within a second", async () => {
  const headers = { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json" };
  const user = stack.dovecot.user();
  const created = await fetch(`${postern.url}/v1/accounts`, {
    method: "POST",
    headers,
    body: JSON.stringify(accountOn(stack, user)),
  });
  const { id } = (await created.json()) as { id: string };
  const path = `${postern.url}/v1/accounts/${id}/messages`;
  await deliverLarge(stack.dovecot.maildir(user), size);
  const { data } = (await (await fetch(path, { headers })).json()) as { data: { id: string }[] };
  const leavers = [1, 2, 3].map(async () => {
    const left = new AbortController();
    const response = await fetch(`${path}/${data[0]?.id}/raw`, { headers, signal: left.signal });
    await response.body?.getReader().read();
    left.abort();
  });
  await Promise.all(leavers);
  const start = performance.now();
  const listing = await fetch(path, { headers });
  expect(listing.status).toBe(200);
  expect(performance.now() - start).toBeLessThan(2000);
}, 60_000);
