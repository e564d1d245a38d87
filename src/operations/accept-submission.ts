import { Failure } from "../errors.ts";
import { orderedId, randomId } from "../mail/id.ts";
import type { OriginalMessage, SaveToSent, Submission } from "../mail/submission.ts";
import type { MailEnvelope, MessageNeeds } from "../mail/submitter.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Submitters } from "../sessions/lend-submitter.ts";
import { loginKey } from "../sessions/login-key.ts";
import { noServer } from "../sessions/login-of.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionRow } from "../store/submission-rows.ts";
import { awaitSubmission } from "./await-submission.ts";
import { checkLimits, type PointerOf, sizeLimit } from "./check-limits.ts";
import { readDraft } from "./read-draft.ts";
import { isFinal, viewSubmission } from "./view-submission.ts";

export type AcceptNeeds = {
  submissions: Pick<Store["submissions"], "accept" | "byIdempotencyKey" | "get">;
  blobs: Pick<Store["blobs"], "write">;
  submitters: Pick<Submitters, "limitsOf">;
  wake: Wake;
  clock: Clock;
  /** Octets of a built message, at most. */
  maxMessage: number;
};

/** What is asked for besides the message. */
export type AcceptOptions = {
  /** The `operationId` of the route; part of what an Idempotency-Key is unique under. */
  route: string;
  /** 1 to 255 visible ASCII characters, already checked. */
  idempotencyKey: string;
  /** The message costs less to build than it costs to look first whether the key stands: the insert finds out. */
  isLight: boolean;
  /** How long to wait for a final state, 0 to 60. */
  waitSeconds: number;
  /** Aborts when the caller leaves; what was accepted stays accepted. */
  signal?: AbortSignal | undefined;
};

/** A checked message that is ready to be read. Times in milliseconds. */
export type Draft = {
  /** With angle brackets. */
  messageId: string;
  subject: string;
  envelope: MailEnvelope;
  /** Looked at before the octets are read and once more when they have ended: it may turn out then that the message asks for more. */
  readonly needs: MessageNeeds;
  /** Where an address of the envelope stands in the request; absent: nowhere in particular. */
  pointerOf?: PointerOf | undefined;
  /** Whole where it is in memory. Read to its end or given back (`return`); what it fails with, the acceptance fails with. */
  octets: AsyncIterable<Uint8Array> | Uint8Array;
  /** Null: at once. */
  sendAt: number | null;
  deliverBefore: number;
  saveToSent: SaveToSent;
  original: OriginalMessage | null;
  metadata: Record<string, string>;
  /** Asked when the octets have ended. */
  warnings: () => string[];
  /** SHA-256 of the request, hex; asked when the octets have ended. */
  fingerprint: () => string;
};

export type CreatedSubmission = {
  submission: Submission;
  /** Whether the submission has come to its end: 200, else 202. */
  final: boolean;
  /** Whether the same request was accepted before. */
  replayed: boolean;
};

type Accepted = { row: SubmissionRow; replayed: boolean };

/**
 * Accepts a message for sending. When this resolves, the message and the promise to send it are on disk; the sending itself is
 * the outbox's. The same key with the same request makes one message, however often and in parallel it comes.
 *
 * `build` is called once at most, and where the key stands already only if it is light. `fingerprint` is compared then: of a streamed request, what reads it to
 * its end and tells.
 * Fails: `idempotency-key-reused`, `no-outgoing`, `account-paused`, `unsupported-by-server`, `message-too-large`, and with what `build` and the octets fail with.
 */
export function acceptSubmission(needs: AcceptNeeds) {
  /** Requests being accepted in this process, by key: the same one again waits for the first. */
  const building = new Map<string, Promise<Accepted>>();

  return async (
    account: AccountRow,
    asked: AcceptOptions,
    build: () => Promise<Draft>,
    fingerprint: string | (() => Promise<string>),
  ): Promise<CreatedSubmission> => {
    const slot = JSON.stringify([account.id, asked.route, asked.idempotencyKey]);
    const { row, replayed } = await once(building, slot, async () => {
      const { route, idempotencyKey: key } = asked;
      const standing = () => needs.submissions.byIdempotencyKey(account.appId, account.id, route, key);
      const before = asked.isLight ? null : await standing();
      if (before !== null) return { row: before, replayed: true };
      return accept(needs, account, asked, build).catch(async (error: unknown) => {
        // What was accepted once is answered as it was then, whatever is wrong with it by now.
        const row = asked.isLight ? await standing() : null;
        if (row === null) throw error;
        return { row, replayed: true };
      });
    });
    if (replayed && row.fingerprint !== (typeof fingerprint === "string" ? fingerprint : await fingerprint()))
      throw reused();
    if (!replayed) needs.wake.wake("submissions", account.id, row.nextAttemptAt ?? undefined);
    const latest = await awaitSubmission(needs, row, asked.waitSeconds * 1000, asked.signal);
    if (asked.waitSeconds > 0) return { submission: viewSubmission(latest), final: isFinal(latest), replayed };
    return { submission: row.firstAnswer as Submission, final: false, replayed };
  };
}

/** Runs one at a time by slot; who waited for one that came to something gets that. */
async function once(
  running: Map<string, Promise<Accepted>>,
  slot: string,
  run: () => Promise<Accepted>,
): Promise<Accepted> {
  for (let first = running.get(slot); first !== undefined; first = running.get(slot)) {
    const accepted = await first.catch(() => null);
    if (accepted !== null) return { row: accepted.row, replayed: true };
  }
  const work = run();
  running.set(slot, work);
  return work.finally(() => running.delete(slot));
}

async function accept(
  needs: AcceptNeeds,
  account: AccountRow,
  asked: AcceptOptions,
  build: () => Promise<Draft>,
): Promise<Accepted> {
  if (account.outgoing === null) throw noServer("outgoing");
  if (account.state === "paused") {
    throw new Failure("account-paused", "This account is paused.", { fix: "Resume it by POST …/resume." });
  }
  const draft = await build();
  const limits = needs.submitters.limitsOf(loginKey(account, "outgoing"));
  const check = (): void => checkLimits(limits, draft.envelope, draft.needs, draft.pointerOf);
  const now = needs.clock.now();
  const blobId = randomId("blb");
  const source = iteratorOf(draft.octets);
  try {
    check();
    const { size, whole } = await readDraft(source, sizeLimit(limits, needs.maxMessage), (chunks) =>
      needs.blobs.write(blobId, account.id, chunks, now),
    );
    check();
    const row = rowOf(account, asked, draft, { blobId, size, now });
    const result = await needs.submissions.accept(row, whole);
    return result.accepted ? { row, replayed: false } : { row: result.standing, replayed: true };
  } finally {
    await source.return?.();
  }
}

function reused(): Failure {
  return new Failure("idempotency-key-reused", "This Idempotency-Key was used for another message.", {
    fix: "Use a new key for a new message; repeat a key only with the same body.",
  });
}

function rowOf(
  account: AccountRow,
  asked: AcceptOptions,
  draft: Draft,
  { blobId, size, now }: { blobId: string; size: number; now: number },
): SubmissionRow {
  const { messageId, subject, envelope, needs, sendAt, deliverBefore, saveToSent, original, metadata } = draft;
  const row: SubmissionRow = {
    id: orderedId("sub", now),
    appId: account.appId,
    accountId: account.id,
    state: sendAt === null ? "queued" : "scheduled",
    route: asked.route,
    idempotencyKey: asked.idempotencyKey,
    fingerprint: draft.fingerprint(),
    firstAnswer: null,
    messageId,
    envelope,
    needs,
    recipients: envelope.to.map((email) => ({ email, state: "pending", code: null, enhancedCode: null, text: null })),
    subject,
    metadata,
    original,
    saveToSent,
    sentCopy: null,
    warnings: draft.warnings(),
    lastError: null,
    blobId,
    size,
    attempts: 0,
    nextAttemptAt: sendAt ?? now,
    sendAt,
    deliverBefore,
    followUps: [],
    followUpAt: null,
    followUpTries: 0,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
  return { ...row, firstAnswer: viewSubmission(row) };
}

function iteratorOf(octets: Draft["octets"]): AsyncIterator<Uint8Array> {
  return octets instanceof Uint8Array ? only(octets) : octets[Symbol.asyncIterator]();
}

async function* only(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}
