import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Submission } from "../../src/mail/submission.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { looks, wholeLog } from "./call-postern.ts";
import { type EventReader, readEvents } from "./event-reader.ts";
import { type Replicas, startReplicas } from "./replicas.ts";
import { accountOn } from "./start.ts";
import { letter, until } from "./watching.ts";

/** What one replica knows the others know after this long at most; left to themselves they look every 2 or 5 seconds. Milliseconds. */
const promptMs = 1_000;

let stack: MailStack;
let postgres: Postgres;
let replicas: Replicas;
const accounts: { path: string; maildir: string }[] = [];

beforeAll(async () => {
  [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
  replicas = await startReplicas(postgres, 3);
  for (let nth = 0; nth < 6; nth += 1) {
    const user = stack.dovecot.user();
    const { id } = await replicas.call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
    accounts.push({ path: `/v1/accounts/${id}`, maildir: stack.dovecot.maildir(user) });
  }
  const modes = async () => (await Promise.all(paths().map((path) => looks(replicas.call, path)))).flat();
  await until(modes, (all) => all.filter(({ mode }) => mode === "idle").length === accounts.length, 30_000);
});
afterAll(async () => {
  await replicas?.stop();
  await Promise.all([postgres.stop(), stack.stop()]);
});

const paths = (): string[] => accounts.map(({ path }) => path);

/** Who watches the accounts, each: no two replicas watch one. */
async function watchers(): Promise<(string | null)[]> {
  const client = new Client(replicas.databaseUrl);
  await client.connect();
  const { rows } = await client.query<{ owner: string | null }>("select owner from watches order by account_id");
  await client.end();
  return rows.map(({ owner }) => owner);
}

/** How many accounts are watched, by all replicas together, as they count themselves. */
async function watched(): Promise<number> {
  const texts = await Promise.all(replicas.each.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return texts.reduce((sum, text) => sum + Number(/^postern_watched_accounts (\d+)$/m.exec(text)?.[1] ?? 0), 0);
}

const idsOf = (reader: EventReader): string[] => reader.told.map(({ id }) => id);

test("every replica's stream tells all events, in order and promptly, whoever wrote them", async () => {
  const front = { url: replicas.front.url, appKey: replicas.appKey };
  const readers = await Promise.all([...replicas.each, front].map((one) => readEvents(one)));
  const from = (await wholeLog(replicas.call)).length;

  const late: number[] = [];
  for (let nth = 0; nth < 6; nth += 1) {
    deliver(accounts[nth]?.maildir ?? "", letter(`alone ${nth}`));
    const have = () => readers.filter(({ told }) => told.some(({ data }) => data.subject === `alone ${nth}`)).length;
    await expect.poll(have, { timeout: 10_000, interval: 5 }).toBeGreaterThan(0);
    const first = Date.now();
    await expect.poll(have, { timeout: 10_000, interval: 5 }).toBe(readers.length);
    late.push(Date.now() - first);
  }
  expect(Math.max(...late)).toBeLessThan(promptMs);

  // Many at once, by all of them.
  for (let round = 0; round < 5; round += 1)
    for (const [nth, { maildir }] of accounts.entries()) deliver(maildir, letter(`together ${round} ${nth}`));
  await Promise.all(paths().map((path, nth) => replicas.call("PATCH", path, { name: `Name ${nth}` })));
  const subjects = () =>
    new Set(readers.map(({ told }) => told.map(({ data }) => data.subject).filter(Boolean).length));
  await expect.poll(() => [...subjects()], { timeout: 20_000 }).toEqual([36]);
  const log = await wholeLog(replicas.call);
  for (const reader of readers) {
    expect(idsOf(reader)).toEqual(log.slice(from).map(({ id }) => id));
    expect(reader.connections()).toBe(1);
    await reader.stop();
  }
});

test("who waits for a submission is answered at once, whichever replica sends it", async () => {
  const { path } = accounts[0] ?? { path: "" };
  const recipient = stack.dovecot.user();
  const spreads: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const body = JSON.stringify({
      to: [{ name: "", email: recipient.username }],
      subject: `waited for ${round}`,
      text: "Hello.",
      // Due while all three wait, soon after they have looked: any of them may send it, and the others need to be told.
      sendAt: new Date(Date.now() + 2_300).toISOString(),
    });
    const headers = {
      Authorization: `Bearer ${replicas.appKey}`,
      "Content-Type": "application/json",
      "Idempotency-Key": randomUUID(),
      Prefer: "wait=20",
    };
    const answers = await Promise.all(
      replicas.each.map(async ({ url }) => {
        const answer = await fetch(`${url}${path}/submissions`, { method: "POST", headers, body });
        const { id, state } = (await answer.json()) as Submission;
        return { id, state, status: answer.status, at: Date.now() };
      }),
    );
    expect(answers.map(({ status, state }) => [status, state])).toEqual(answers.map(() => [200, "sent"]));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const at = answers.map((answer) => answer.at);
    spreads.push(Math.max(...at) - Math.min(...at));
  }
  expect(Math.max(...spreads)).toBeLessThan(promptMs);
});

test("an account that one replica pauses, changes or resumes is left and taken up by the others at once", async () => {
  expect(new Set(await watchers()).size).toBeGreaterThan(1);
  expect(await watched()).toBe(accounts.length);
  const [one] = replicas.each;
  if (one === undefined) throw new Error("there is no replica");
  await Promise.all(paths().map((path) => one.call("POST", `${path}/pause`)));
  expect(await watchers()).toEqual(accounts.map(() => null));
  await expect.poll(watched, { timeout: promptMs, interval: 20 }).toBe(0);
  for (const { maildir } of accounts) deliver(maildir, letter("while paused"));
  await sleep(300);
  const told = async () => (await wholeLog(one.call)).filter(({ data }) => data.subject === "while paused").length;
  expect(await told()).toBe(0);
  await Promise.all(paths().map((path) => one.call("POST", `${path}/resume`)));
  await expect.poll(told, { timeout: 5_000, interval: 20 }).toBe(6);
  await expect.poll(watched, { timeout: 5_000, interval: 20 }).toBe(accounts.length);
});
