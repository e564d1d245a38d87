import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { type Receiver, startReceiver } from "../servers/receiver.ts";
import { looks, wholeLog } from "./call-postern.ts";
import { readEvents } from "./event-reader.ts";
import { type Replica, type Replicas, startReplicas } from "./replicas.ts";
import { accountOn } from "./start.ts";
import { letter, until } from "./watching.ts";

/** How long Postgres is away, milliseconds. */
const awayMs = 6_000;

let stack: MailStack;
let postgres: Postgres;
let receiver: Receiver;
let replicas: Replicas;

beforeAll(async () => {
  [stack, postgres, receiver] = await Promise.all([startMailStack(), startPostgres(), startReceiver()]);
  replicas = await startReplicas(postgres, 2);
});
afterAll(async () => {
  await replicas?.stop();
  await Promise.all([receiver.stop(), postgres.stop(), stack.stop()]);
});

const authorized = ({ appKey }: Replica) => ({ Authorization: `Bearer ${appKey}` });

async function ask(one: Replica, path: string): Promise<Response> {
  return fetch(one.url + path, { headers: authorized(one) });
}

/** The processor time that a process has had, milliseconds (proc(5): utime and stime, hundredths of a second). */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test("Postgres killed and started again: named failures meanwhile, no storm, and then everything goes on", async () => {
  const { call, each } = replicas;
  const endpoint = receiver.endpoint();
  await call("POST", "/v1/webhooks", { url: endpoint.url, secret: endpoint.secret, types: ["message.created"] });
  const accounts = await Promise.all(
    [stack.dovecot.user(), stack.dovecot.user(), stack.dovecot.user()].map(async (user) => {
      const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
      return { user, path: `/v1/accounts/${id}`, maildir: stack.dovecot.maildir(user) };
    }),
  );
  const modes = async () => (await Promise.all(accounts.map(({ path }) => looks(call, path)))).flat();
  await until(modes, (all) => all.filter(({ mode }) => mode === "idle").length === accounts.length, 30_000);
  const readers = await Promise.all(each.map((one) => readEvents(one)));
  const from = (await wholeLog(call)).length;
  const told: string[] = [];
  const mail = (subject: string): void => {
    for (const [nth, { maildir }] of accounts.entries()) {
      told.push(`${subject} ${nth}`);
      deliver(maildir, letter(`${subject} ${nth}`));
    }
  };
  const pids = each.map(({ postern }) => postern.pid());
  const linesBefore = each.map(({ postern }) => postern.stdout.length);

  await postgres.kill9();
  const before = pids.map(processorMs);
  const gone = Date.now();
  mail("away");
  for (const one of each) {
    for (const path of [
      "/v1/events",
      "/v1/accounts",
      `${accounts[0]?.path}/messages`,
      "/v1/events/stream",
      "/readyz",
    ]) {
      const answer = await ask(one, path);
      expect([path, answer.status, await answer.json()]).toMatchObject([path, 503, { code: "storage-unavailable" }]);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect((await ask(one, "/livez")).status).toBe(200);
  }
  const asked = Date.now() - gone;
  await sleep(Math.max(0, awayMs - asked));
  const spent = pids.map((pid, nth) => processorMs(pid) - (before[nth] ?? 0));
  const lines = each.map(({ postern }, nth) => postern.stdout.slice(linesBefore[nth]));
  // Ten requests each among it.
  expect(Math.max(...spent)).toBeLessThan((Date.now() - gone) / 4);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(80);

  await postgres.restart();
  for (const one of each)
    await until(
      async () => (await ask(one, "/readyz")).status,
      (status) => status === 200,
      10_000,
    );
  // What fell into the time without a database is told once it is back, by those who watched before or by others.
  mail("back");
  const heard = () =>
    readers.map((reader) =>
      reader.told.flatMap(({ data: { subject } }) => subject?.match(/^\w+ \d$/) ?? []).toSorted(),
    );
  const allHeard = async () => {
    await expect.poll(heard, { timeout: 40_000 }).toEqual(readers.map(() => told.toSorted()));
  };
  await allHeard();
  await expect.poll(() => new Set(endpoint.got.map(({ id }) => id)).size, { timeout: 20_000 }).toBe(told.length);

  for (const [nth, one] of each.entries()) {
    const { path } = accounts[nth] ?? { path: "" };
    const body = JSON.stringify({ to: [{ name: "", email: accounts[2]?.user.username }], subject: "s", text: "t" });
    const headers = {
      ...authorized(one),
      "Content-Type": "application/json",
      "Idempotency-Key": randomUUID(),
      Prefer: "wait=20",
    };
    const sent = await fetch(`${one.url}${path}/submissions`, { method: "POST", headers, body });
    expect([sent.status, await sent.json()]).toMatchObject([200, { state: "sent" }]);
  }
  // And once more, in order: that ends its clients' connections with a word.
  await postgres.restart();
  mail("again");
  await allHeard();

  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  for (const reader of readers) {
    await expect.poll(() => reader.told.map(({ id }) => id)).toEqual(log.slice(from).map(({ id }) => id));
    expect(reader.connections()).toBe(1);
    await reader.stop();
  }
  for (const [nth, { postern }] of each.entries()) {
    expect(postern.pid()).toBe(pids[nth]);
    expect(postern.stderr()).toBe(postern.greeting);
    expect(postern.stdout.some((line) => /"\/readyz".*"ECONNREFUSED"/.test(line))).toBe(true);
    // Every error that was told is that the database was away.
    const errors = postern.stdout.filter((line) => /"level":"error"|"internal"|TypeError/.test(line));
    expect(errors.filter((line) => !line.includes('"code":"storage-unavailable"'))).toEqual([]);
  }
}, 180_000);
