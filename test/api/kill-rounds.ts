import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startMailStack } from "../servers/mail-stack.ts";
import { startPostern } from "../servers/postern.ts";
import { accountOn } from "./start.ts";

type Submission = { state: string; subject: string; warnings: string[] };

/**
 * Kills the whole of Postern so many times while eight callers send through it. Then every message that was answered 202 is there
 * under its key and comes to an end; none of them arrives twice, each that says `sent` has arrived, and none that says
 * `failed`. Gives how many were accepted.
 */
export async function killWhileSending(rounds: number): Promise<number> {
  const stack = await startMailStack();
  const postern = await startPostern({ env: { POSTERN_LEASE_SECONDS: "5" } });
  const request = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(postern.url + path, {
      method,
      headers: { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const recipient = stack.dovecot.user();
  const paths: string[] = [];
  for (let n = 0; n < 8; n += 1) {
    const created = await request("POST", "/v1/accounts", accountOn(stack, stack.dovecot.user()));
    paths.push(`/v1/accounts/${((await created.json()) as { id: string }).id}`);
  }
  const accepted: { path: string; key: string }[] = [];
  let count = 0;
  const send = async (path: string, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const key = `message-${(count += 1)}`;
      const body = { to: [{ name: "", email: recipient.username }], subject: key, text: "hello" };
      const answer = await request("POST", `${path}/submissions`, body, { "Idempotency-Key": key }).catch(() => null);
      if (answer === null) return;
      if (answer.status === 202) accepted.push({ path, key });
      await answer.body?.cancel();
    }
  };
  for (let round = 0; round < rounds; round += 1) {
    const over = new AbortController();
    const senders = paths.map((path) => send(path, over.signal));
    await sleep(100 + Math.random() * 400);
    await postern.kill9();
    over.abort();
    await Promise.all(senders);
    await postern.restart();
  }

  const states = new Map<string, string>();
  const parked = new Set<string>();
  const isOver = async (): Promise<number> => {
    for (const { path, key } of accepted) {
      if (["sent", "failed", "uncertain"].includes(states.get(key) ?? "")) continue;
      const body = { to: [{ name: "", email: recipient.username }], subject: key, text: "hello" };
      const headers = { "Idempotency-Key": key, Prefer: "wait=10" };
      const answer = await request("POST", `${path}/submissions`, body, headers);
      expect(answer.headers.get("idempotency-replayed")).toBe("true");
      const { state, warnings } = (await answer.json()) as Submission;
      states.set(key, state);
      if (warnings.includes("parked")) parked.add(key);
    }
    return [...states.values()].filter((state) => ["sent", "failed", "uncertain"].includes(state)).length;
  };
  await expect.poll(isOver, { timeout: 120_000, interval: 500 }).toBe(accepted.length);
  // What was being worked on at three deaths in a row is parked, and says so; nothing else may fail.
  const failed = accepted.map(({ key }) => key).filter((key) => states.get(key) === "failed");
  expect(failed.filter((key) => !parked.has(key))).toEqual([]);

  const inbox = await request("POST", "/v1/accounts", accountOn(stack, recipient));
  const { id } = (await inbox.json()) as { id: string };
  const arrived = async (): Promise<string[]> => {
    const subjects: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await request("GET", `/v1/accounts/${id}/messages?limit=200${query}`);
      const { data, nextCursor } = (await page.json()) as { data: { subject: string }[]; nextCursor: string | null };
      subjects.push(...data.map(({ subject }) => subject));
      cursor = nextCursor;
    }
    return subjects;
  };
  const sent = accepted.filter(({ key }) => states.get(key) === "sent").map(({ key }) => key);
  const missing = async () => {
    const there = new Set(await arrived());
    return sent.filter((key) => !there.has(key));
  };
  await expect.poll(missing, { timeout: 30_000, interval: 500 }).toEqual([]);
  const subjects = await arrived();
  expect(subjects.filter((subject, at) => subjects.indexOf(subject) !== at)).toEqual([]);
  expect(failed.filter((key) => subjects.includes(key))).toEqual([]);
  await postern.stop();
  await stack.stop();
  return accepted.length;
}
