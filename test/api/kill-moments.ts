import { once } from "node:events";
import { connect } from "node:net";
import Database from "better-sqlite3";
import { expect } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { type Meeting, type Moment, type SmtpFront, startSmtpFront } from "../servers/smtp-front.ts";
import { caller } from "./call-postern.ts";
import { longText, sendingBy, type Submission, to } from "./submissions.ts";
import { until } from "./watching.ts";

/** A Postern that can be killed while its messages pass through a front. */
export type Killed = { stack: MailStack; front: SmtpFront; postern: RunningPostern; stop(): Promise<void> };

export async function startKilled(): Promise<Killed> {
  const stack = await startMailStack();
  const front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
  const postern = await startPostern({ env: { POSTERN_LEASE_SECONDS: "5" } });
  return {
    stack,
    front,
    postern,
    async stop() {
      await postern.stop();
      await front.stop();
      await stack.stop();
    },
  };
}

const bodyOf = (recipient: string, isLong = false) => ({
  to: to(recipient),
  subject: "killed",
  text: isLong ? longText : "hello",
});

async function accountOf({ stack, front, postern }: Killed, onUncertain: "hold" | "retry"): Promise<string> {
  const account = { onUncertain, saveToSent: "never", watch: { mode: "off" } };
  const whole = sendingBy(stack, stack.dovecot.user(), { smtpPort: front.port, account });
  return `/v1/accounts/${(await caller(postern)<{ id: string }>("POST", "/v1/accounts", whole)).id}`;
}

type Answered = { replayed: boolean; submission: Submission };

async function post({ postern }: Killed, path: string, key: string, body: object, wait = 10): Promise<Answered> {
  const response = await fetch(`${postern.url}${path}/submissions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${postern.appKey}`,
      "Content-Type": "application/json",
      "Idempotency-Key": key,
      Prefer: `wait=${wait}`,
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  const replayed = response.headers.get("idempotency-replayed") === "true";
  return { replayed, submission: (await response.json()) as Submission };
}

/** What it was changed to, or null where that was too late. */
const change = ({ postern }: Killed, path: string, { id }: Submission, body: object): Promise<unknown> =>
  caller(postern)("PATCH", `${path}/submissions/${id}`, body).catch(() => null);

/** What the submission under this key comes to, which was accepted before. */
async function endOf(killed: Killed, path: string, key: string, body: object): Promise<Submission> {
  const ask = async (): Promise<Submission> => {
    const { replayed, submission } = await post(killed, path, key, body, 1);
    expect(replayed).toBe(true);
    const waits = submission.state === "queued" && submission.attempts > 0;
    // It would be a minute.
    if (waits) await change(killed, path, submission, { sendAt: null });
    return submission;
  };
  return until(ask, ({ state }) => ["sent", "failed", "uncertain"].includes(state), 50_000);
}

export type KilledAt = {
  state: string;
  warnings: string[];
  /** How often the mail server had taken the message by then. */
  taken: number;
  /** Where it was uncertain: how often after it was resolved as `retry`. */
  takenAfter: number | null;
};

/** Kills Postern at a moment of its message, whose caller still waits for the answer, and starts it again. */
export async function killAt(killed: Killed, moment: Moment, onUncertain: "hold" | "retry"): Promise<KilledAt> {
  const { front, postern, stack } = killed;
  const path = await accountOf(killed, onUncertain);
  const body = bodyOf(stack.dovecot.user().username, moment === "content");
  const dead = Promise.withResolvers<void>();
  let isOver = false;
  front.meet(async (reached): Promise<Meeting> => {
    if (reached !== moment || isOver) return "pass";
    isOver = true;
    await postern.kill9();
    dead.resolve();
    return "pass";
  });
  const unanswered = await post(killed, path, "the-key", body).catch(() => null);
  expect(unanswered).toBeNull();
  await dead.promise;
  await postern.restart();
  const { id, messageId, state, warnings } = await endOf(killed, path, "the-key", body);
  const count = (): number => front.taken.filter((taken) => taken === messageId).length;
  const result = { state, warnings, taken: count(), takenAfter: null };
  if (state !== "uncertain") return result;
  await caller(postern)("PATCH", `${path}/submissions/${id}`, { resolve: "retry" });
  expect((await endOf(killed, path, "the-key", body)).state).toBe("sent");
  return { ...result, takenAfter: count() };
}

/**
 * Kills Postern as soon as the acceptance of a message can be seen in its database, up to so many times, until once the caller had no
 * answer yet. Each time the message is there and is sent once. Gives in how many rounds there was no answer.
 */
export async function killAfterCommit(killed: Killed, rounds: number): Promise<number> {
  const { front, postern, stack } = killed;
  front.meet(() => "pass");
  const path = await accountOf(killed, "hold");
  const recipient = stack.dovecot.user().username;
  let unanswered = 0;
  for (let round = 0; round < rounds && unanswered === 0; round += 1) {
    const key = `round-${round}`;
    const answer = await killOnceAccepted(postern, path, key, recipient);
    if (!answer.includes("\r\n\r\n")) unanswered += 1;
    await postern.restart();
    const { state, messageId } = await endOf(killed, path, key, bodyOf(recipient));
    const taken = front.taken.filter((id) => id === messageId).length;
    // The sender may have been as far as the dot by then.
    if (state === "uncertain") expect(taken).toBeLessThanOrEqual(1);
    else expect([state, taken]).toEqual(["sent", 1]);
  }
  return unanswered;
}

/** Posts a message and kills Postern the moment its row is there; what had been answered by then. */
async function killOnceAccepted(
  postern: RunningPostern,
  path: string,
  key: string,
  recipient: string,
): Promise<string> {
  const { hostname, port } = new URL(postern.url);
  const db = new Database(`${postern.data}/postern.db`, { readonly: true });
  const found = db.prepare("select 1 from submissions where idempotency_key = ?");
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString("latin1"))).on("error", () => {});
  const closed = once(socket, "close");
  const body = JSON.stringify(bodyOf(recipient));
  const head = [
    `POST ${path}/submissions HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${postern.appKey}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Idempotency-Key: ${key}`,
  ];
  await new Promise<void>((written) => socket.write(`${head.join("\r\n")}\r\n\r\n${body}`, () => written()));
  // Nothing else happens in this process meanwhile: each look takes some microseconds.
  const deadline = Date.now() + 5_000;
  while (found.get(key) === undefined && Date.now() < deadline);
  process.kill(postern.pid(), "SIGKILL");
  db.close();
  await postern.ended();
  await closed;
  return answer;
}
