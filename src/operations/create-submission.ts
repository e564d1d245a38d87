import { randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import { orderedId, randomId } from "../mail/id.ts";
import type { Submission, SubmissionInput } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import { buildMessage } from "../mime/build-message.ts";
import { asciiEmail } from "../mime/check-address.ts";
import type { Clock } from "../observe.ts";
import { noServer } from "../sessions/login-of.ts";
import type { AccountRow, SubmissionRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { awaitSubmission } from "./await-submission.ts";
import { checkSubmission } from "./check-submission.ts";
import { findAccount } from "./find-account.ts";
import { fingerprint } from "./fingerprint.ts";
import { isFinal, viewSubmission } from "./view-submission.ts";

export type CreateSubmissionNeeds = {
  accounts: Pick<Store["accounts"], "get">;
  submissions: Pick<Store["submissions"], "accept" | "byIdempotencyKey" | "get">;
  blobs: Pick<Store["blobs"], "write">;
  wake: Wake;
  clock: Clock;
  /** Octets of a built message, at most. */
  maxMessage: number;
};

export type CreateSubmissionOptions = {
  /** 1 to 255 visible ASCII characters, already checked. */
  idempotencyKey: string;
  /** How long to wait for a final state, 0 to 60. */
  waitSeconds: number;
  /** Aborts when the caller leaves; what was accepted stays accepted. */
  signal?: AbortSignal | undefined;
};

export type CreatedSubmission = {
  submission: Submission;
  /** Whether the submission has come to its end: 200, else 202. */
  final: boolean;
  /** Whether the same request was accepted before. */
  replayed: boolean;
};

/** The `operationId` of the route; part of what an Idempotency-Key is unique under. */
const route = "submissions.create";

/**
 * Accepts a message for sending. When this resolves, the message and the promise to send it are on disk; the sending itself is
 * the outbox's. The same key with the same request makes one message, however often and in parallel it comes.
 * Fails: `not-found`, `idempotency-key-reused`, `no-outgoing`, `account-paused`, `validation-failed`, `message-too-large`.
 */
export function createSubmission(needs: CreateSubmissionNeeds) {
  /** Requests being built in this process, by key: the same one again waits for the first. */
  const building = new Map<string, Promise<unknown>>();

  return async (
    caller: AppCaller,
    accountId: string,
    input: SubmissionInput,
    options: CreateSubmissionOptions,
  ): Promise<CreatedSubmission> => {
    const key = options.idempotencyKey;
    const account = await findAccount(needs.accounts, caller, accountId);
    const print = fingerprint(input);
    const slot = JSON.stringify([account.id, key]);

    for (let first = building.get(slot); first !== undefined; first = building.get(slot)) await first.catch(() => {});
    const standing = needs.submissions.byIdempotencyKey(account.appId, account.id, route, key);
    const work = standing.then(async (row) =>
      row === null ? accept(needs, account, input, key, print) : { row, replayed: true },
    );
    building.set(slot, work);
    const { row, replayed } = await work.finally(() => building.delete(slot));

    if (replayed && row.fingerprint !== print) {
      throw new Failure("idempotency-key-reused", "This Idempotency-Key was used for another message.", {
        fix: "Use a new key for a new message; repeat a key only with the same body.",
      });
    }
    if (!replayed) needs.wake.wake("submissions", account.id);
    const latest = await awaitSubmission(needs, row, options.waitSeconds * 1000, options.signal);
    if (options.waitSeconds > 0) return { submission: viewSubmission(latest), final: isFinal(latest), replayed };
    return { submission: row.firstAnswer as Submission, final: false, replayed };
  };
}

type Accepted = { row: SubmissionRow; replayed: boolean };

async function accept(
  needs: CreateSubmissionNeeds,
  account: AccountRow,
  input: SubmissionInput,
  key: string,
  print: string,
): Promise<Accepted> {
  const row = await build(needs, account, input, key, print);
  const result = await needs.submissions.accept(row);
  return result.accepted ? { row, replayed: false } : { row: result.standing, replayed: true };
}

/** Checks the input, builds the message once and stores its octets; nothing refers to them yet. */
async function build(
  needs: CreateSubmissionNeeds,
  account: AccountRow,
  input: SubmissionInput,
  key: string,
  print: string,
): Promise<SubmissionRow> {
  if (account.outgoing === null) throw noServer("outgoing");
  if (account.state === "paused") throw new Failure("account-paused", "This account is paused.");
  const now = needs.clock.now();
  const { from, recipients, sendAt, deliverBefore } = checkSubmission(input, account, now);
  const domain = asciiEmail(from.email).split("@").at(-1);
  const messageId = `<${randomBytes(16).toString("hex")}@${domain}>`;
  const bytes = buildMessage({
    ...input,
    from,
    messageId,
    date: new Date(sendAt ?? now),
    attachments: input.attachments.map((one) => ({ ...one, content: Buffer.from(one.content, "base64") })),
  });
  const blobId = randomId("blb");
  const { size } = await needs.blobs.write(blobId, account.id, atMost(bytes, needs.maxMessage), now);
  const row: SubmissionRow = {
    id: orderedId("sub", now),
    appId: account.appId,
    accountId: account.id,
    state: sendAt === null ? "queued" : "scheduled",
    route,
    idempotencyKey: key,
    fingerprint: print,
    firstAnswer: null,
    messageId,
    envelope: { from: from.email, to: recipients },
    recipients: recipients.map((email) => ({ email, state: "pending", code: null, enhancedCode: null, text: null })),
    subject: input.subject,
    metadata: input.metadata,
    warnings: [],
    blobId,
    size,
    attempts: 0,
    nextAttemptAt: sendAt ?? now,
    sendAt,
    deliverBefore,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
  return { ...row, firstAnswer: viewSubmission(row) };
}

async function* atMost(bytes: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > limit) {
      throw new Failure("message-too-large", `The message is larger than ${limit} octets.`, { extra: { limit } });
    }
    yield chunk;
  }
}
