import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startMailStack } from "../servers/mail-stack.ts";
import { startPostern } from "../servers/postern.ts";
import { startSmtpFront } from "../servers/smtp-front.ts";
import { caller } from "./call-postern.ts";
import { type Listed, sendingBy, type Submission, to } from "./submissions.ts";

/** An account, and what it does with an uncertain message. */
type Sender = { path: string; onUncertain: "hold" | "retry"; saveToSent: "always" | "never" };
type Posted = { from: Sender; key: string };

const senders = 8;
const callersOfEach = 3;

/**
 * Kills the whole of Postern so many times while callers send through it, several from each account. Then every message that was
 * answered 202 is there under its key and comes to an end, and so does what was posted without an answer; each that says `sent` has been
 * taken by the mail server, once, but where the account wants uncertain ones sent again; none that says `failed`. Copies in the
 * sent folder are there once. Gives how many were accepted.
 */
export async function killWhileSending(rounds: number): Promise<number> {
  const stack = await startMailStack();
  const front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
  const postern = await startPostern({ env: { POSTERN_LEASE_SECONDS: "5" } });
  const call = caller(postern);
  const recipient = stack.dovecot.user().username;
  const bodyOf = (key: string) => ({ to: to(recipient), subject: key, text: "hello" });
  const post = ({ from, key }: Posted): Promise<Response> =>
    fetch(`${postern.url}${from.path}/submissions`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${postern.appKey}`,
        "Content-Type": "application/json",
        "Idempotency-Key": key,
      },
      body: JSON.stringify(bodyOf(key)),
    });

  const accounts: Sender[] = [];
  for (let n = 0; n < senders; n += 1) {
    const settings = {
      onUncertain: n % 2 === 0 ? "hold" : "retry",
      saveToSent: n < 2 ? "always" : "never",
    } as const;
    const account = { ...settings, watch: { mode: "off" } };
    const whole = sendingBy(stack, stack.dovecot.user(), { smtpPort: front.port, account });
    accounts.push({
      path: `/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", whole)).id}`,
      ...settings,
    });
  }

  const accepted: Posted[] = [];
  const unanswered: Posted[] = [];
  let count = 0;
  const sendOn = async (from: Sender, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const posted = { from, key: `message-${(count += 1)}` };
      const answer = await post(posted).catch(() => null);
      if (answer?.status === 202) accepted.push(posted);
      else unanswered.push(posted);
      if (answer === null) return;
      await answer.body?.cancel().catch(() => {});
      await sleep(50);
    }
  };
  for (let round = 0; round < rounds; round += 1) {
    const over = new AbortController();
    const sending = accounts.flatMap((from) => Array.from({ length: callersOfEach }, () => sendOn(from, over.signal)));
    await sleep(100 + Math.random() * 400);
    await postern.kill9();
    over.abort();
    await Promise.all(sending);
    await postern.restart();
  }

  const all = [...accepted, ...unanswered];
  const wasAccepted = new Set(accepted);
  const ids = new Map<string, string>();
  const waiting = all.values();
  const askAgain = async (): Promise<void> => {
    for (const posted of waiting) {
      const answer = await post(posted);
      expect(answer.status).toBe(202);
      if (wasAccepted.has(posted)) expect(answer.headers.get("idempotency-replayed")).toBe("true");
      ids.set(posted.key, ((await answer.json()) as Submission).id);
    }
  };
  await Promise.all(Array.from({ length: 16 }, askAgain));

  const ends = new Map<string, Submission>();
  const isEnd = ({ state, sentCopy }: Submission): boolean =>
    state === "failed" || state === "uncertain" || (state === "sent" && sentCopy !== "pending");
  const open = async (): Promise<number> => {
    for (const { from, key } of all.filter((posted) => !ends.has(posted.key))) {
      const address = `${from.path}/submissions/${ids.get(key)}`;
      const submission = await call<Submission>("GET", address);
      if (isEnd(submission)) ends.set(key, submission);
      // It would be a minute.
      else if (submission.state === "queued" && submission.attempts > 0)
        await call("PATCH", address, { sendAt: null }).catch(() => {});
    }
    return all.length - ends.size;
  };
  await expect.poll(open, { timeout: 240_000, interval: 500 }).toBe(0);

  const taken = Map.groupBy(front.taken, (id) => id);
  const wrong: string[] = [];
  for (const { from, key } of all) {
    const end = ends.get(key);
    if (end === undefined) continue;
    const { state, warnings, messageId } = end;
    const times = taken.get(messageId)?.length ?? 0;
    const about = `${key} (${from.onUncertain}): ${state} ${warnings.join()}, taken ${times} times`;
    // What was being worked on at three deaths in a row is parked, and says so; nothing else may fail.
    const isParked = warnings.includes("parked");
    if (state === "failed" && !isParked) wrong.push(about);
    if (state === "sent" && times === 0) wrong.push(about);
    if (from.onUncertain === "hold" && (times > 1 || (state === "failed" && times > 0))) wrong.push(about);
    if (from.onUncertain === "retry" && state === "uncertain" && !isParked) wrong.push(about);
    if (times > 1 && !warnings.includes("possible-duplicate")) wrong.push(about);
  }
  expect(wrong).toEqual([]);

  for (const from of accounts.filter(({ saveToSent }) => saveToSent === "always")) {
    const copies: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const address = `${from.path}/messages?folder=sent&limit=200${query}`;
      const page: { data: Listed[]; nextCursor: string | null } = await call("GET", address);
      copies.push(...page.data.map(({ messageId }) => messageId));
      cursor = page.nextCursor;
    }
    // "provider": it was there when it was looked for again; a worker had put it there and died before it could say so.
    const filed = all
      .filter((posted) => posted.from === from)
      .flatMap(({ key }) => {
        const { sentCopy, messageId } = ends.get(key) ?? {};
        return sentCopy === "stored" || sentCopy === "provider" ? [messageId] : [];
      });
    expect(new Set(copies)).toEqual(new Set(filed));
    expect(copies).toHaveLength(filed.length);
  }
  await postern.stop();
  await front.stop();
  await stack.stop();
  return accepted.length;
}
