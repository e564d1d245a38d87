import type { Submission } from "../mail/submission.ts";
import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { RecipientRow, SubmissionRow } from "../store/submission-rows.ts";

/** A submission as the API tells it; `committing` is ours alone, and what its recipients would be were the worker to die. */
export function viewSubmission(row: SubmissionRow): Submission {
  return {
    id: row.id,
    accountId: row.accountId,
    state: row.state === "committing" ? "sending" : row.state,
    messageId: row.messageId,
    subject: row.subject,
    envelope: row.envelope,
    recipients: row.state === "committing" ? row.recipients.map(notYetUncertain) : row.recipients,
    size: row.size,
    attempts: row.attempts,
    nextAttemptAt: timestampOrNull(row.nextAttemptAt),
    lastError: row.lastError,
    sendAt: timestampOrNull(row.sendAt),
    deliverBefore: timestamp(row.deliverBefore),
    inReplyTo: row.original?.messageId ?? null,
    action: row.original?.action ?? null,
    saveToSent: row.saveToSent,
    sentCopy: row.sentCopy,
    metadata: row.metadata,
    warnings: row.warnings,
    createdAt: timestamp(row.createdAt),
    updatedAt: timestamp(row.updatedAt),
  };
}

const notYetUncertain = (recipient: RecipientRow): RecipientRow =>
  recipient.state === "uncertain" ? { ...recipient, state: "pending" } : recipient;

/** True when nothing more happens to it by itself. */
export function isSettled(row: Pick<SubmissionRow, "state">): boolean {
  return isFinal(row) || row.state === "uncertain";
}

export function isFinal(row: Pick<SubmissionRow, "state">): boolean {
  return row.state === "sent" || row.state === "failed" || row.state === "canceled";
}
