import { Failure } from "../errors.ts";
import type { ServerLogin } from "../mail/server.ts";
import type { Submitter } from "../mail/submitter.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock, Log, Metrics } from "../observe.ts";
import type { Submitters } from "../sessions/lend-submitter.ts";
import { loginKey } from "../sessions/login-key.ts";
import { loginOf } from "../sessions/login-of.ts";
import { mayLogIn, noteFailed, notePassed } from "../sessions/note-login.ts";
import type { AccountRow, Claim, RecipientRow, SubmissionRow } from "../store/rows.ts";
import type { Store, SubmissionChange } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { nextAttempt } from "./retry-schedule.ts";
import { expired, openRecipients, stateOf, withFailure, withOutcome, withUncertainty } from "./settle-submission.ts";

export type SendNeeds = {
  submissions: Pick<Store["submissions"], "write">;
  blobs: Pick<Store["blobs"], "read">;
  accounts: Pick<Store["accounts"], "byId" | "setState">;
  vault: Pick<Vault, "openText">;
  submitters: Submitters;
  /** Connects when used, past the guard. */
  openSubmitter: (server: ServerLogin) => Submitter;
  wake: Wake;
  clock: Clock;
  log: Log;
  metrics: Pick<Metrics, "count" | "observe">;
  /** How long a claim holds without being renewed, milliseconds. */
  leaseMs: number;
  /** From 0 to 1, for jitter. */
  random: () => number;
};

/** Another worker has claimed the row: nothing of it may be written, and no dot may go out. */
class ClaimLost extends Error {}

/** What an attempt came to. */
type Attempt = { recipients: RecipientRow[]; failure: Failure | null; warnings: string[] };

/** Works on one claimed submission: sends it to whom it is still open for, and writes what became of it. Never fails. */
export async function sendSubmission(needs: SendNeeds, claim: Claim): Promise<void> {
  const { submission } = claim;
  const started = needs.clock.now();
  const work = new AbortController();
  void renew(needs, claim, work.signal);
  try {
    const account = await needs.accounts.byId(submission.accountId);
    if (account === null) return;
    const attempt = await tryOnce(needs, claim, account);
    await settle(needs, claim, attempt, started);
  } catch (error) {
    // The claim runs out by itself; what was written last says whether the message may have gone out.
    needs.log.write(error instanceof ClaimLost ? "warn" : "error", "submission.abandoned", {
      submissionId: submission.id,
      accountId: submission.accountId,
      reason: error instanceof ClaimLost ? "claimed by another worker" : reasonOf(error),
      ...(!(error instanceof ClaimLost) && { error }),
    });
  } finally {
    work.abort();
    needs.wake.wake("submissions", submission.accountId);
  }
}

const reasonOf = (error: unknown) => (error instanceof Failure ? error.code : "internal");

/** Keeps the claim while the work goes on; each write is refused once the claim is another's. */
async function renew(needs: SendNeeds, { submission, epoch }: Claim, over: AbortSignal): Promise<void> {
  for (;;) {
    await needs.clock.sleep(needs.leaseMs / 3, over);
    if (over.aborted) return;
    await needs.submissions
      .write(submission.id, epoch, { leaseUntil: needs.clock.now() + needs.leaseMs })
      .catch(() => false);
  }
}

async function tryOnce(needs: SendNeeds, claim: Claim, account: AccountRow): Promise<Attempt> {
  const { submission } = claim;
  const { recipients, warnings } = submission;
  if (submission.state === "committing") {
    return onUncertain(account, { recipients: withUncertainty(recipients), failure: null, warnings });
  }
  if (needs.clock.now() >= submission.deliverBefore) return { recipients, failure: null, warnings };
  try {
    return onUncertain(account, { recipients: await submit(needs, claim, account), failure: null, warnings });
  } catch (error) {
    if (error instanceof ClaimLost) throw error;
    const failure =
      error instanceof Failure ? error : new Failure("internal", "The message could not be sent.", { cause: error });
    await noteRefusedLogin(needs, account, failure);
    return { recipients: withFailure(recipients, failure), failure, warnings };
  }
}

/** `onUncertain: "retry"` rather sends twice than not at all. */
function onUncertain(account: AccountRow, attempt: Attempt): Attempt {
  if (account.onUncertain === "hold" || stateOf(attempt.recipients) !== "uncertain") return attempt;
  const recipients = attempt.recipients.map((recipient) =>
    recipient.state === "uncertain" ? { ...recipient, state: "deferred" as const } : recipient,
  );
  return { ...attempt, recipients, warnings: [...new Set([...attempt.warnings, "possible-duplicate"])] };
}

async function submit(needs: SendNeeds, claim: Claim, account: AccountRow): Promise<RecipientRow[]> {
  const { submission, epoch } = claim;
  if (submission.blobId === null) throw new Failure("internal", "The message's bytes are gone.");
  // An account that must not log in keeps its queue; the messages wait.
  mayLogIn(account, "outgoing");
  const login = loginKey(account, "outgoing");
  needs.submitters.gate.check(login);
  const lease = await needs.submitters.lend(login, () =>
    needs.openSubmitter(loginOf(needs.vault, account, "outgoing")),
  );
  const envelope = { from: submission.envelope.from, to: openRecipients(submission.recipients) };
  const beforeDot = async () => {
    const leaseUntil = needs.clock.now() + needs.leaseMs;
    if (!(await needs.submissions.write(submission.id, epoch, { state: "committing", leaseUntil })))
      throw new ClaimLost();
  };
  try {
    const bytes = needs.blobs.read(submission.blobId);
    const outcome = await lease.submitter.submit(bytes, envelope, { size: submission.size, beforeDot });
    needs.submitters.gate.passed(account.id);
    lease.release();
    await notePassed(needs, account, "outgoing");
    return withOutcome(submission.recipients, outcome);
  } catch (error) {
    lease.discard();
    throw error;
  }
}

/** A refused login is the account's; everything else is this message's, and is tried again with it. */
async function noteRefusedLogin(needs: SendNeeds, account: AccountRow, failure: Failure): Promise<void> {
  // Without an upstream it was not this attempt that logged in.
  if (failure.code !== "account-authentication-failed" || failure.details.upstream === undefined) return;
  const { final } = needs.submitters.gate.refused(loginKey(account, "outgoing"));
  await noteFailed(needs, account, "outgoing", failure, final);
}

/** Writes the outcome, fenced by the claim. */
async function settle(needs: SendNeeds, claim: Claim, attempt: Attempt, started: number): Promise<void> {
  const { submission } = claim;
  const now = needs.clock.now();
  let { recipients, warnings } = attempt;
  let nextAttemptAt: number | null = null;
  if (stateOf(recipients) === "queued") {
    const notBefore = now + (attempt.failure?.details.retryAfter ?? 0) * 1000;
    nextAttemptAt = nextAttempt(submission.attempts, now, submission.deliverBefore, needs.random(), notBefore);
    if (nextAttemptAt === null) {
      recipients = expired(recipients);
      warnings = [...new Set([...warnings, "expired"])];
    }
  }
  const state = stateOf(recipients);
  const finished = state === "sent" || state === "failed";
  const change = { state, recipients, warnings, nextAttemptAt, updatedAt: now, release: true };
  await insist(needs, claim, { ...change, ...(finished && { finishedAt: now }) });
  if (state !== "queued") needs.wake.wake("submission-final", submission.id);
  report(needs, submission, { state, recipients, failure: attempt.failure, ms: now - started });
}

/**
 * Writes until it is written: what the mail server said is known only here, and lost it would read as `uncertain`. Gives
 * up when another worker has claimed the row.
 */
async function insist(needs: SendNeeds, { submission, epoch }: Claim, change: SubmissionChange): Promise<void> {
  for (let pause = 250; ; pause = Math.min(pause * 2, 10_000)) {
    try {
      if (await needs.submissions.write(submission.id, epoch, change)) return;
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "storage-unavailable") throw error;
      await needs.clock.sleep(pause);
      continue;
    }
    throw new ClaimLost();
  }
}

/** One wide line and the figures of an attempt: no address, no content. */
function report(
  needs: SendNeeds,
  submission: SubmissionRow,
  done: { state: string; recipients: RecipientRow[]; failure: Failure | null; ms: number },
): void {
  const count = (state: RecipientRow["state"]) => done.recipients.filter((one) => one.state === state).length;
  needs.log.write("info", "submission", {
    submissionId: submission.id,
    appId: submission.appId,
    accountId: submission.accountId,
    state: done.state,
    attempt: submission.attempts,
    octets: submission.size,
    accepted: count("accepted"),
    rejected: count("rejected"),
    deferred: count("deferred"),
    uncertain: count("uncertain"),
    ms: done.ms,
    ...(done.failure !== null && { code: done.failure.code, phase: done.failure.details.upstream?.phase ?? null }),
  });
  needs.metrics.count("postern_submission_attempts_total", { outcome: done.state });
  needs.metrics.observe("postern_submission_attempt_seconds", done.ms / 1000);
}
