import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { type Call, caller, untilAllLooked, untilIdle, wholeLog } from "./call-postern.ts";
import { readEvents } from "./event-reader.ts";

import { accountOn, maildropOn } from "./start.ts";
import { asAnother } from "../servers/as-another.ts";
import { letter, type Told } from "./watching.ts";

let stack: MailStack;
let postgres: Postgres;

beforeAll(async () => {
  stack = await startMailStack();
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
  await stack.stop();
});

/** So many accounts, each looked at once as a whole and waiting for news of its inbox. */
async function watchedAccounts(call: Call, count: number): Promise<{ path: string; maildir: string }[]> {
  const accounts = await Promise.all(
    Array.from({ length: count }, async () => {
      const user = stack.dovecot.user();
      const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
      return { path: `/v1/accounts/${id}`, maildir: stack.dovecot.maildir(user) };
    }),
  );
  await untilIdle(
    call,
    accounts.map(({ path }) => path),
  );
  return accounts;
}

async function terminate(postern: RunningPostern): Promise<number> {
  const begun = Date.now();
  process.kill(postern.pid(), "SIGTERM");
  await postern.ended();
  return Date.now() - begun;
}

const created = (log: Told[]): Told[] => log.filter(({ type }) => type === "message.created");
const subjects = (log: Told[]): string[] =>
  created(log)
    .map(({ data }) => data.subject)
    .toSorted();

test("mail that arrived while Postern was down is told once, and not as historical", async () => {
  const postern = await startPostern();
  const call = caller(postern);
  const reader = await readEvents(postern);
  const [first, second] = await watchedAccounts(call, 2);
  const popUser = stack.dovecot.user();
  const drop = stack.dovecot.maildir(popUser);
  fillMaildir(drop, 2, { to: popUser.username });
  const { id } = await call<{ id: string }>("POST", "/v1/accounts", maildropOn(stack, popUser));
  await untilAllLooked(call, [`/v1/accounts/${id}`]);
  deliver(first?.maildir ?? "", letter("before"));
  await expect.poll(async () => subjects(await wholeLog(call)), { timeout: 5_000 }).toEqual(["before"]);

  expect(await terminate(postern)).toBeLessThan(5_000);
  deliver(first?.maildir ?? "", letter("down one"));
  deliver(second?.maildir ?? "", letter("down two"));
  deliver(`${second?.maildir}/.Archive`, letter("down archived"));
  deliver(drop, letter("down by POP3"));
  await postern.restart();
  const all = ["before", "down archived", "down by POP3", "down one", "down two"];
  await expect.poll(async () => subjects(await wholeLog(call)), { timeout: 15_000 }).toEqual(all);
  await postern.kill9();
  await postern.restart();
  await untilAllLooked(call, [first?.path ?? "", second?.path ?? "", `/v1/accounts/${id}`]);
  const log = await wholeLog(call);
  expect(subjects(log)).toEqual(all);
  expect(created(log).map(({ data }) => data.historical)).toEqual(all.map(() => false));
  await expect
    .poll(() => reader.told.map(({ id: one }) => one), { timeout: 5_000 })
    .toEqual(log.map(({ id: one }) => one));
  await reader.stop();
  await postern.stop();
});

test("20 accounts in IDLE end at once when Postern is told to, and are watched again at once", async () => {
  const postern = await startPostern();
  const call = caller(postern);
  const accounts = await watchedAccounts(call, 20);
  expect(await terminate(postern)).toBeLessThan(3_000);
  for (const [n, { maildir }] of accounts.entries()) deliver(maildir, letter(`down ${n}`));
  await postern.restart();
  await expect.poll(async () => subjects(await wholeLog(call)).length, { timeout: 10_000 }).toBe(20);
  expect(postern.stderr()).not.toContain("Error");
  await postern.stop();
}, 90_000);

/** Two processes on one Postgres, each of which watches half of the accounts; mail for them arrives all the time. */
async function pair(leaseSeconds: number) {
  const env = {
    POSTERN_DATABASE_URL: await postgres.database(),
    POSTERN_SECRET: "a-sealing-secret-for-two-processes-0123456789",
    POSTERN_LEASE_SECONDS: String(leaseSeconds),
  };
  const first = await startPostern({ env });
  const accounts = await watchedAccounts(caller(first), 6);
  const second = await startPostern({ env });
  const call = caller({ url: second.url, appKey: first.appKey });
  /** Who watches which account, and how often that has become another. */
  async function claims(): Promise<{ owner: string | null }[]> {
    const client = new Client(env.POSTERN_DATABASE_URL);
    await client.connect();
    const { rows } = await client.query("select account_id, owner, epoch from watches order by account_id");
    await client.end();
    return rows;
  }
  /** How many accounts each process watches. */
  async function split(): Promise<number[]> {
    const claimed = (await claims()).flatMap(({ owner }) => owner ?? []);
    return [...Map.groupBy(claimed, (owner) => owner).values()].map(({ length }) => length);
  }
  await expect.poll(split, { timeout: 15_000 }).toEqual([3, 3]);
  const over = new AbortController();
  const sent: string[] = [];
  const mail = (async () => {
    while (!over.signal.aborted) {
      for (const { maildir } of accounts) {
        sent.push(`number ${String(sent.length).padStart(5, "0")}`);
        deliver(maildir, letter(sent.at(-1) ?? ""));
      }
      await sleep(100);
    }
  })();
  return {
    first,
    second,
    call,
    sent,
    claims,
    split,
    /** How long it takes from now on until what arrives now is told of every account, milliseconds. */
    async untilTold(): Promise<number> {
      const begun = Date.now();
      const before = sent.length;
      const told = async () => {
        const since = subjects(await wholeLog(call)).map((subject) => sent.indexOf(subject));
        return new Set(since.filter((n) => n >= before).map((n) => n % accounts.length)).size;
      };
      await expect.poll(told, { timeout: 40_000, interval: 100 }).toBe(accounts.length);
      return Date.now() - begun;
    },
    async stop() {
      over.abort();
      await mail;
      await expect.poll(async () => subjects(await wholeLog(call)), { timeout: 20_000 }).toEqual(sent);
      const log = await wholeLog(call);
      expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
      await first.stop();
      await second.stop();
    },
  };
}

test("of two processes on one Postgres one is killed: the other takes over after the lease, and tells nothing twice", async () => {
  const two = await pair(5);
  const claims = await two.claims();
  await sleep(11_000);
  // Nobody takes a claim from who is there.
  expect(await two.claims()).toEqual(claims);
  await two.first.kill9();
  const took = await two.untilTold();
  expect(took).toBeGreaterThan(1_500);
  expect(took).toBeLessThan(12_000);
  await two.first.restart();
  await two.second.kill9();
  await two.second.restart();
  await two.untilTold();
  await two.stop();
}, 90_000);

test("of two processes on one Postgres one is stopped: the other takes over without waiting for the lease", async () => {
  const two = await pair(60);
  expect(await terminate(two.first)).toBeLessThan(4_000);
  expect(await two.untilTold()).toBeLessThan(7_000);
  expect(await two.split()).toEqual([6]);
  await two.first.restart();
  await expect.poll(two.split, { timeout: 15_000 }).toEqual([3, 3]);
  await two.stop();
}, 90_000);

test("a move is told as one also where nobody has listed the mailbox before", async () => {
  const postern = await startPostern();
  const call = caller(postern);
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 3, { to: user.username });
  const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
  await untilAllLooked(call, [`/v1/accounts/${id}`]);
  await asAnother(stack.dovecot, user, async (client) => {
    await client.mailboxOpen("INBOX");
    await client.messageMove("2", "Archive", { uid: true });
  });
  await sleep(1_500);
  await postern.kill9();
  await postern.restart();
  const mail = async () => (await wholeLog(call)).map(({ type }) => type).filter((type) => type.startsWith("message."));
  await expect.poll(mail, { timeout: 10_000 }).toEqual(["message.moved"]);
  await postern.stop();
});

test("a message that is moved into a folder that was not there before is told as moved", async () => {
  const postern = await startPostern();
  const call = caller(postern);
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 3, { to: user.username });
  const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
  await untilIdle(call, [`/v1/accounts/${id}`]);
  await asAnother(stack.dovecot, user, async (client) => {
    await client.mailboxCreate("New");
    await client.mailboxOpen("INBOX");
    await client.messageMove("2", "New", { uid: true });
  });
  // It is seen to be gone from the inbox before anybody has seen the folder.
  await sleep(1_500);
  await postern.kill9();
  await postern.restart();
  await untilAllLooked(call, [`/v1/accounts/${id}`]);
  const types = async () =>
    (await wholeLog(call)).map(({ type }) => type).filter((type) => !type.startsWith("account."));
  await expect.poll(types, { timeout: 10_000 }).toHaveLength(2);
  expect(await types()).toEqual(["folder.created", "message.moved"]);
  await postern.stop();
});
