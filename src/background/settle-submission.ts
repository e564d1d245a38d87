import type { Failure } from "../errors.ts";
import type { SubmitOutcome } from "../mail/submitter.ts";
import { planFollowUps } from "../operations/plan-follow-ups.ts";
import type { AccountRow } from "../store/rows.ts";
import type { RecipientRow, SubmissionOutcome, SubmissionRow } from "../store/submission-rows.ts";
import { nextAttempt } from "./retry-schedule.ts";

/** What an attempt came to: an outcome per recipient, and why it failed as a whole where it did. */
export type Attempt = { recipients: RecipientRow[]; failure: Failure | null };

/** When an outcome is found, and what spreads the next attempt, from 0 to 1. */
export type Moment = { now: number; random: number };

/** Whose message it is, as far as that decides about it. */
export type Owner = Pick<AccountRow, "incoming" | "outgoing" | "onUncertain">;

/** Failures that another attempt can't change. All others, before the dot, are tried again until the message expires. */
const permanent = new Set<Failure["code"]>([
  "message-too-large",
  "unsupported-by-server",
  "no-outgoing",
  "address-not-allowed",
]);

/** How soon a message is tried again whose attempt failed because of us, milliseconds. */
const againMs = 5_000;

const isOpen = ({ state }: RecipientRow) => state === "pending" || state === "deferred";

/** The recipients that the next attempt goes to. */
export function openRecipients(recipients: RecipientRow[]): string[] {
  return recipients.filter(isOpen).map(({ email }) => email);
}

/**
 * The recipients as they are written before a transaction's dot: those that are in it would be uncertain, were the worker to die now.
 * Null where it has all that are open, and nobody was uncertain before: then the row says it by its state. `hasTold`: it is not the attempt's first
 * transaction, and the row still says of the ones before what could be said then.
 */
export function committed(recipients: RecipientRow[], inIt: string[], hasTold: boolean): RecipientRow[] | null {
  const those = new Set(inIt);
  const isAll = recipients.every((one) => one.state !== "uncertain" && (!isOpen(one) || those.has(one.email)));
  if (isAll && !hasTold) return null;
  return recipients.map((one) => (isOpen(one) && those.has(one.email) ? { ...one, state: "uncertain" } : one));
}

/** What an attempt told about those it went to, put in the place of what was known. */
export function withOutcome(recipients: RecipientRow[], { recipients: outcomes }: SubmitOutcome): RecipientRow[] {
  const told = new Map(outcomes.map((recipient) => [recipient.email, recipient]));
  return recipients.map((recipient) => (isOpen(recipient) ? (told.get(recipient.email) ?? recipient) : recipient));
}

/** What an attempt that failed as a whole means for those it was for; the reason stands with each. */
export function withFailure(recipients: RecipientRow[], failure: Failure): RecipientRow[] {
  const { upstream } = failure.details;
  const told = {
    state: permanent.has(failure.code) ? "rejected" : "deferred",
    code: upstream?.status ?? null,
    enhancedCode: upstream?.responseCode ?? null,
    text: upstream?.text ?? failure.message,
  } as const;
  return recipients.map((recipient) => (isOpen(recipient) ? { email: recipient.email, ...told } : recipient));
}

/** Where a submission stands by its recipients: `queued` while there is somebody left to try. */
export function stateOf(
  recipients: RecipientRow[],
): Extract<SubmissionRow["state"], "queued" | "sent" | "failed" | "uncertain"> {
  if (recipients.some(isOpen)) return "queued";
  if (recipients.some(({ state }) => state === "uncertain")) return "uncertain";
  return recipients.some(({ state }) => state === "accepted") ? "sent" : "failed";
}

/** After an attempt. */
export function afterAttempt(
  account: Owner,
  row: SubmissionRow,
  { recipients, failure }: Attempt,
  at: Moment,
): SubmissionOutcome {
  const lastError = failure === null ? null : { code: failure.code, detail: failure.message };
  const told = failure === null ? recipients : withFailure(recipients, failure);
  const notBefore = at.now + (failure?.details.retryAfter ?? 0) * 1000;
  return concluded(account, { ...row, recipients: told, lastError }, at, notBefore);
}

/** After an attempt that was cut short because of us: it does not count, and what it told before is kept. */
export function afterCut(row: SubmissionRow, { recipients }: Attempt, { now }: Moment): SubmissionOutcome {
  return { ...afterReturn(row, now), recipients, nextAttemptAt: now + againMs };
}

/** It was claimed and not begun after all. */
export function afterReturn(row: SubmissionRow, now: number): SubmissionOutcome {
  return { ...untold(row, now), state: "queued", attempts: row.attempts - 1, nextAttemptAt: now };
}

/** Its time was over when it was claimed, and nothing more is tried: what the servers said last stands as the reason. */
export function afterExpiry(account: Owner, row: SubmissionRow, at: Moment): SubmissionOutcome {
  return concluded(account, withoutTime({ ...row, attempts: row.attempts - 1 }), at);
}

/**
 * A claim that was taken over while it was `committing`: whoever was in the transaction is uncertain. Where nobody is marked, all that
 * were open were in it.
 */
export function afterDeath(account: Owner, row: SubmissionRow, at: Moment): SubmissionOutcome {
  return concluded(account, { ...row, recipients: withUncertainty(row.recipients) }, at);
}

/** Three workers in a row were lost over it: nothing more is tried. */
export function afterParking(account: Owner, row: SubmissionRow, at: Moment): SubmissionOutcome {
  const detail = "Postern was lost three times in a row while it worked on this message.";
  const recipients = row.state === "committing" ? withUncertainty(row.recipients) : row.recipients;
  return concluded(
    { ...account, onUncertain: "hold" },
    {
      ...row,
      recipients: closed(recipients, detail),
      lastError: { code: "internal", detail },
      warnings: withWarning(row.warnings, "parked"),
    },
    at,
  );
}

function withUncertainty(recipients: RecipientRow[]): RecipientRow[] {
  if (recipients.some(({ state }) => state === "uncertain")) return recipients;
  return recipients.map((recipient) => (isOpen(recipient) ? { ...recipient, state: "uncertain" } : recipient));
}

/** Nobody is tried any more; for whom no server said why, this is the reason. */
function closed(recipients: RecipientRow[], text: string): RecipientRow[] {
  return recipients.map((recipient) =>
    isOpen(recipient) ? { ...recipient, state: "rejected", text: recipient.text ?? text } : recipient,
  );
}

function withoutTime(row: SubmissionRow): SubmissionRow {
  const recipients = closed(row.recipients, "The message could not be delivered in time.");
  return { ...row, recipients, warnings: withWarning(row.warnings, "expired") };
}

const withWarning = (warnings: string[], warning: string): string[] => [...new Set([...warnings, warning])];

/** Where a row goes from what its recipients say now. */
function concluded(account: Owner, row: SubmissionRow, at: Moment, notBefore = 0): SubmissionOutcome {
  const state = stateOf(row.recipients);
  if (state === "queued") {
    const next = nextAttempt(row.attempts, at.now, row.deliverBefore, at.random, notBefore);
    if (next === null) return concluded(account, withoutTime(row), at);
    return { ...untold(row, at.now), state, nextAttemptAt: next };
  }
  if (state === "failed") return { ...untold(row, at.now), state, finishedAt: at.now };
  const plan = planFollowUps(account, { ...row, state }, at.now);
  const ended = { ...untold(row, at.now), ...plan, state };
  if (state === "sent") return { ...ended, finishedAt: at.now };
  // Where the sent folder may tell, it is asked first.
  const next =
    account.onUncertain === "hold" || plan.followUps.length > 0
      ? null
      : nextAttempt(row.attempts, at.now, row.deliverBefore, at.random);
  return next === null ? ended : againAll(row, next, at.now);
}

/** Rather sent twice than not at all. */
function againAll(row: SubmissionRow, nextAttemptAt: number, now: number): SubmissionOutcome {
  const recipients = row.recipients.map((recipient): RecipientRow =>
    recipient.state === "uncertain" ? { ...recipient, state: "deferred" } : recipient,
  );
  const warnings = withWarning(row.warnings, "possible-duplicate");
  return { ...untold(row, now), state: "queued", recipients, warnings, nextAttemptAt };
}

/** What of a row an outcome holds, with nothing left to do. */
function untold(row: SubmissionRow, now: number): Omit<SubmissionOutcome, "state"> {
  const { recipients, warnings, lastError, sentCopy, attempts } = row;
  return {
    recipients,
    warnings,
    lastError,
    sentCopy,
    attempts,
    nextAttemptAt: null,
    followUps: [],
    followUpAt: null,
    finishedAt: null,
    updatedAt: now,
  };
}
