import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { startPostgres } from "../servers/postgres.ts";
import { type Endpoint, late, startReceiver } from "../servers/receiver.ts";
import { startSmtpFront } from "../servers/smtp-front.ts";
import { type Call, untilIdle, wholeLog } from "./call-postern.ts";
import { readEvents } from "./event-reader.ts";
import { type Replicas, startReplicas } from "./replicas.ts";
import { sendingBy, type Submission, to } from "./submissions.ts";
import { letter, type Told } from "./watching.ts";

const accountCount = 6;
const clientCount = 8;
/** How often a client tries what it is told to try again. */
const tries = 5;

type Account = { path: string; maildir: string };
/** What the clients have seen. `again`: why requests were tried again; `wrong`: what no client is told to try again. */
type Seen = { requests: number; again: string[]; wrong: string[]; accepted: Submission[] };

/**
 * Replaces each of three replicas by a new one, so many times around, as docs/deploy.md says, while clients list and send, mail arrives, webhooks flow and a
 * stream of events is read. Then no request has failed other than in ways that are to be tried again, each accepted message has been
 * sent once, and each event has been told once: in the log, on the stream and, by replicas that ended in order, to the webhook.
 */
export async function restartOneByOne(rounds: number): Promise<{ requests: number; again: string[] }> {
  const [stack, postgres, receiver] = await Promise.all([startMailStack(), startPostgres(), startReceiver()]);
  const smtp = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
  const replicas = await startReplicas(postgres, 3, { POSTERN_LEASE_SECONDS: "5" });
  const { call } = replicas;
  const endpoint = receiver.endpoint(late(20));
  await call("POST", "/v1/webhooks", { url: endpoint.url, secret: endpoint.secret });
  const accounts = await accountsOn(call, stack, smtp.port);
  const from = (await wholeLog(call)).length;
  const reader = await readEvents({ url: replicas.front.url, appKey: replicas.appKey });

  const over = new AbortController();
  const seen: Seen = { requests: 0, again: [], wrong: [], accepted: [] };
  const recipient = stack.dovecot.user().username;
  const clients = Array.from({ length: clientCount }, (_, nth) =>
    runClient(replicas, accounts, { nth, recipient, seen, signal: over.signal }),
  );
  const arrived: string[] = [];
  const mail = (async () => {
    while (!over.signal.aborted) {
      arrived.push(`number ${String(arrived.length).padStart(5, "0")}`);
      deliver(accounts[arrived.length % accountCount]?.maildir ?? "", letter(arrived.at(-1) ?? ""));
      await sleep(100);
    }
  })();

  for (let nth = 0; nth < 3 * rounds; nth += 1) {
    const [old] = replicas.each;
    await replicas.add();
    const begun = Date.now();
    await old?.postern.stop();
    expect(Date.now() - begun).toBeLessThan(10_000);
    replicas.each.shift();
  }
  over.abort();
  await Promise.all([...clients, mail]);
  expect(seen.wrong).toEqual([]);

  await untilAllSent(call, seen.accepted);
  expect(smtp.taken.toSorted()).toEqual(seen.accepted.map(({ messageId }) => messageId).toSorted());
  const created = async () =>
    (await wholeLog(call))
      .filter(({ type }) => type === "message.created")
      .map(({ data }) => data.subject)
      .toSorted();
  await expect.poll(created, { timeout: 20_000, interval: 200 }).toEqual(arrived);
  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  expect(log.filter(({ type }) => ["account.degraded", "account.unreachable"].includes(type))).toEqual([]);
  const idsOf = (events: Told[]): string[] => events.map(({ id }) => id);
  await expect.poll(() => reader.told.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(log.length - from);
  expect(idsOf(reader.told)).toEqual(idsOf(log.slice(from)));
  await untilDelivered(endpoint, log);

  await reader.stop();
  await replicas.stop();
  await smtp.stop();
  await Promise.all([receiver.stop(), postgres.stop(), stack.stop()]);
  return seen;
}

async function accountsOn(call: Call, stack: MailStack, smtpPort: number): Promise<Account[]> {
  const accounts: Account[] = [];
  for (let nth = 0; nth < accountCount; nth += 1) {
    const user = stack.dovecot.user();
    const whole = sendingBy(stack, user, { smtpPort, account: { saveToSent: "never" } });
    const { id } = await call<{ id: string }>("POST", "/v1/accounts", whole);
    accounts.push({ path: `/v1/accounts/${id}`, maildir: stack.dovecot.maildir(user) });
  }
  await untilIdle(
    call,
    accounts.map(({ path }) => path),
  );
  return accounts;
}

type ClientNeeds = { nth: number; recipient: string; seen: Seen; signal: AbortSignal };

/** Lists and sends, one request after the other, and tries again what it is told to try again. */
async function runClient(
  { front, appKey }: Replicas,
  accounts: Account[],
  { nth, recipient, seen, signal }: ClientNeeds,
): Promise<void> {
  const authorization = { Authorization: `Bearer ${appKey}`, "Content-Type": "application/json" };

  async function request(path: string, init: RequestInit): Promise<unknown> {
    seen.requests += 1;
    for (let tried = 1; ; tried += 1) {
      const about = `${init.method} ${path}:`;
      let why: string;
      let mayTryAgain = true;
      try {
        const answer = await fetch(front.url + path, init);
        const text = await answer.text();
        if (answer.ok) return JSON.parse(text);
        why = `${answer.status} ${text}`;
        // The front has nobody, or lost whom it had; everything else has to say so itself.
        mayTryAgain = answer.status === 502 && text === "";
        if (answer.status === 503 || answer.status === 409) {
          const { retryable } = JSON.parse(text) as { retryable: boolean };
          mayTryAgain = retryable;
        }
      } catch (error) {
        why = String((error as Error).cause ?? error);
      }
      if (!mayTryAgain || tried === tries) return void seen.wrong.push(`${about} ${why}`);
      seen.again.push(`${about} ${why}`);
      await sleep(100);
    }
  }

  for (let turn = nth; !signal.aborted; turn += 1) {
    const { path = "" } = accounts[turn % accounts.length] ?? {};
    const lists = [`${path}/messages`, "/v1/accounts", `${path}/submissions`, `${path}/folders`];
    if (turn % 2 === 0)
      await request(lists[(turn / 2) % lists.length] ?? "", { method: "GET", headers: authorization });
    else {
      const prefer = turn % 4 === 1 ? { Prefer: "wait=10" } : {};
      const headers = { ...authorization, ...prefer, "Idempotency-Key": randomUUID() };
      const body = JSON.stringify({ to: to(recipient), subject: `by client ${nth}`, text: "hello" });
      const accepted = await request(`${path}/submissions`, { method: "POST", headers, body });
      if (accepted !== undefined) seen.accepted.push(accepted as Submission);
    }
    await sleep(20);
  }
}

/** Waits until all are sent; any other end is none. */
async function untilAllSent(call: Call, submissions: Submission[]): Promise<void> {
  const others = async (): Promise<string[]> => {
    const now = await Promise.all(
      submissions.map(({ accountId, id }) => call<Submission>("GET", `/v1/accounts/${accountId}/submissions/${id}`)),
    );
    return now.flatMap(({ id, state }) => (state === "sent" ? [] : `${id} ${state}`));
  };
  await expect.poll(others, { timeout: 30_000, interval: 500 }).toEqual([]);
}

/** Each event has come to the endpoint, under its id, and once. */
async function untilDelivered({ got }: Endpoint, log: Told[]): Promise<void> {
  const ids = log.map(({ id }) => id).toSorted();
  await expect.poll(() => new Set(got.map(({ id }) => id)).size, { timeout: 30_000 }).toBe(ids.length);
  expect(got.map(({ id }) => id).toSorted()).toEqual(ids);
  const byId = new Map(log.map((event) => [event.id, event]));
  for (const { id, event } of got) expect(event).toEqual(byId.get(id));
}
