import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { expect } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { startPostgres } from "../servers/postgres.ts";
import { type Meeting, type Moment, startSmtpFront } from "../servers/smtp-front.ts";
import { untilIdle, wholeLog } from "./call-postern.ts";
import { type Replica, type Replicas, splitOf, startReplicas, watchedBy } from "./replicas.ts";
import { accountOn } from "./start.ts";
import { sendingBy, type Submission, to } from "./submissions.ts";
import { letter, until } from "./watching.ts";

/** Where the messages are when their replica freezes. */
const moments: Moment[] = ["mail", "mail", "dot"];
const watchedCount = 9;

type Watched = { path: string; maildir: string };

/**
 * Freezes one of three replicas past its lease, with three messages in its hands, while mail arrives in what it watches, and thaws it
 * when the others have taken all over. Then no message has been sent twice, nothing that it wrote late stands, each mail
 * has been told once, it watches its own share and no other's, and it goes on serving requests.
 */
export async function freezeOne(leaseSeconds: number): Promise<{ taken: number }> {
  const [stack, postgres] = await Promise.all([startMailStack(), startPostgres()]);
  const front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
  const replicas = await startReplicas(postgres, 3, { POSTERN_LEASE_SECONDS: String(leaseSeconds) });
  const [frozen, second, third] = replicas.each;
  if (frozen === undefined || second === undefined || third === undefined) throw new Error("there are no three");
  const takeoverMs = leaseSeconds * 1_000 + 10_000;

  const watched = await watchedAccounts(replicas, stack);
  await expect.poll(() => areFair(replicas), { timeout: 30_000, interval: 100 }).toBe(true);

  const thawed = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const submissions: Submission[] = [];
  const reached = moments.map(() => Promise.withResolvers<void>());
  front.meet(async (moment, { nth, messageId }): Promise<Meeting> => {
    // The first message is still in the hands of whoever took it over when the other one writes.
    if (nth >= moments.length && moment === "content" && messageId === submissions[0]?.messageId) {
      taken.resolve();
      await refused.promise;
    }
    if (moments[nth] !== moment) return "pass";
    reached[nth]?.resolve();
    await thawed.promise;
    return "pass";
  });
  // Nobody else takes what is accepted now; much less than a lease.
  for (const { postern } of [second, third]) process.kill(postern.pid(), "SIGSTOP");
  for (const [nth, moment] of moments.entries()) {
    const body = { to: to(stack.dovecot.user().username), subject: moment, text: "hello" };
    submissions.push(await post(frozen, await senderOn(frozen, stack, front.port), body));
    await reached[nth]?.promise;
  }
  const ids = submissions.map(({ id }) => id);
  process.kill(frozen.postern.pid(), "SIGSTOP");
  for (const { postern } of [second, third]) process.kill(postern.pid(), "SIGCONT");

  const told: string[] = [];
  const mail = (about: string): void => {
    for (const [nth, { maildir }] of watched.entries()) {
      told.push(`${about} ${nth}`);
      deliver(maildir, letter(`${about} ${nth}`));
    }
  };
  const subjects = async () =>
    (await wholeLog(second.call))
      .filter(({ type }) => type === "message.created")
      .map(({ data }) => data.subject)
      .toSorted();
  mail("while frozen");
  const states = async () => (await Promise.all(submissions.map((one) => read(second, one)))).map(({ state }) => state);
  await expect.poll(states, { timeout: takeoverMs, interval: 100 }).toEqual(["sending", "sent", "uncertain"]);
  await taken.promise;
  await expect.poll(subjects, { timeout: takeoverMs, interval: 100 }).toEqual(told.toSorted());
  const before = await rowsOf(replicas, ids);

  // What it finds on its connections when it wakes.
  mail("just before");
  await sleep(50);
  process.kill(frozen.postern.pid(), "SIGCONT");
  thawed.resolve();
  mail("just after");
  const abandoned = () =>
    frozen.postern.stdout.flatMap((line) => {
      const { event, submissionId } = JSON.parse(line) as { event: string; submissionId?: string };
      return event === "submission.abandoned" ? [submissionId ?? ""] : [];
    });
  await expect.poll(abandoned, { timeout: 10_000 }).toHaveLength(3);
  expect(abandoned().toSorted()).toEqual(ids.toSorted());
  await expect.poll(subjects, { timeout: 15_000, interval: 100 }).toEqual(told.toSorted());
  // Each gives some up to it, and it watches these alone.
  await expect.poll(() => areFair(replicas), { timeout: 30_000, interval: 100 }).toBe(true);

  expect(await rowsOf(replicas, ids)).toEqual(before);
  refused.resolve();
  const ends = ["sent", "sent", "uncertain"];
  await expect.poll(states, { timeout: 10_000 }).toEqual(ends);
  const messageIds = await Promise.all(submissions.map(async (one) => (await read(frozen, one)).messageId));
  expect(front.taken.toSorted()).toEqual(messageIds.toSorted());

  const { path = "" } = watched[0] ?? {};
  for (const asked of ["/v1/accounts", `${path}/messages`, `${path}/status`, "/v1/events", "/readyz"])
    await frozen.call("GET", asked);
  const after = await post(frozen, await senderOn(frozen, stack, front.port), {
    to: to(stack.dovecot.user().username),
    subject: "after",
    text: "hello",
  });
  await until(
    () => read(frozen, after),
    ({ state }) => state === "sent",
  );
  mail("at last");
  await expect.poll(subjects, { timeout: 15_000, interval: 100 }).toEqual(told.toSorted());
  const log = await wholeLog(frozen.call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  const ended = new Map([...submissions, after].map(({ id }, nth) => [id, `submission.${ends[nth] ?? "sent"}`]));
  const toldOf = log.filter(({ type }) => type.startsWith("submission."));
  expect(toldOf).toHaveLength(ended.size);
  expect(new Map(toldOf.map(({ type, data }) => [data.id, type]))).toEqual(ended);
  await replicas.stop();
  await front.stop();
  await Promise.all([postgres.stop(), stack.stop()]);
  return { taken: front.taken.length };
}

async function watchedAccounts({ call }: Replicas, { dovecot, ...stack }: MailStack): Promise<Watched[]> {
  const watched: Watched[] = [];
  for (let nth = 0; nth < watchedCount; nth += 1) {
    const user = dovecot.user();
    const { id } = await call<{ id: string }>("POST", "/v1/accounts", accountOn({ dovecot, ...stack }, user));
    watched.push({ path: `/v1/accounts/${id}`, maildir: dovecot.maildir(user) });
  }
  await untilIdle(
    call,
    watched.map(({ path }) => path),
  );
  return watched;
}

async function senderOn({ call }: Replica, stack: MailStack, smtpPort: number): Promise<string> {
  const account = { saveToSent: "never", watch: { mode: "off" }, verify: false };
  const whole = sendingBy(stack, stack.dovecot.user(), { smtpPort, account });
  return `/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", whole)).id}`;
}

async function post({ url, appKey }: Replica, path: string, body: object): Promise<Submission> {
  const headers = {
    Authorization: `Bearer ${appKey}`,
    "Content-Type": "application/json",
    "Idempotency-Key": randomUUID(),
  };
  const answer = await fetch(`${url}${path}/submissions`, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.status !== 202) throw new Error(await answer.text());
  return (await answer.json()) as Submission;
}

const read = ({ call }: Replica, { accountId, id }: Submission): Promise<Submission> =>
  call("GET", `/v1/accounts/${accountId}/submissions/${id}`);

/** What the database says of the submissions. */
async function rowsOf({ databaseUrl }: Replicas, ids: string[]): Promise<unknown[]> {
  const client = new Client(databaseUrl);
  await client.connect();
  const sql =
    "select id, state, owner, epoch, attempts, recipients, updated_at from submissions where id = any($1) order by id";
  const { rows } = await client.query(sql, [ids]);
  await client.end();
  return rows;
}

/** Each replica has about a third, and watches just that. */
async function areFair({ databaseUrl, each }: Replicas): Promise<boolean> {
  const owned = await splitOf(databaseUrl);
  const counted = await Promise.all(each.map(watchedBy));
  const isAll = owned.length === each.length && owned.reduce((sum, one) => sum + one) === watchedCount;
  return (
    isAll &&
    Math.max(...owned) <= watchedCount / each.length + 1 &&
    counted.toSorted((a, b) => a - b).join() === owned.join()
  );
}
