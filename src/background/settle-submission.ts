import type { Failure } from "../errors.ts";
import type { SubmitOutcome } from "../mail/submitter.ts";
import type { RecipientRow, SubmissionRow } from "../store/rows.ts";

/** Failures that another attempt can't change. All others, before the dot, are tried again until the message expires. */
const permanent = new Set<Failure["code"]>([
  "message-too-large",
  "unsupported-by-server",
  "no-outgoing",
  "address-not-allowed",
]);

const isOpen = ({ state }: RecipientRow) => state === "pending" || state === "deferred";

/** The recipients that the next attempt goes to. */
export function openRecipients(recipients: RecipientRow[]): string[] {
  return recipients.filter(isOpen).map(({ email }) => email);
}

/** What an attempt told about those it went to, put in the place of what was known. */
export function withOutcome(recipients: RecipientRow[], outcome: SubmitOutcome): RecipientRow[] {
  const told = new Map(outcome.recipients.map((recipient) => [recipient.email, recipient]));
  return recipients.map((recipient) => told.get(recipient.email) ?? recipient);
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

/** Lost after the dot, by an attempt that nobody can ask any more. */
export function withUncertainty(recipients: RecipientRow[]): RecipientRow[] {
  return recipients.map((recipient) => (isOpen(recipient) ? { ...recipient, state: "uncertain" } : recipient));
}

/** The time is over: what the servers said last stands as the reason. */
export function expired(recipients: RecipientRow[]): RecipientRow[] {
  const text = "The message could not be delivered in time.";
  return recipients.map((recipient) =>
    isOpen(recipient) ? { ...recipient, state: "rejected", text: recipient.text ?? text } : recipient,
  );
}

/** Where a submission stands by its recipients: `queued` while there is somebody left to try. */
export function stateOf(
  recipients: RecipientRow[],
): Extract<SubmissionRow["state"], "queued" | "sent" | "failed" | "uncertain"> {
  if (recipients.some(({ state }) => state === "uncertain")) return "uncertain";
  if (recipients.some(isOpen)) return "queued";
  return recipients.some(({ state }) => state === "accepted") ? "sent" : "failed";
}
