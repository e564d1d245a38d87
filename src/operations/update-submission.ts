import { Failure, invalid } from "../errors.ts";
import type { Submission, SubmissionPatch } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionChange, SubmissionRow, SubmissionState } from "../store/submission-rows.ts";
import { changeSubmission } from "./change-submission.ts";
import { checkSendAt } from "./check-sending.ts";
import { findAccount } from "./find-account.ts";
import { planFollowUps } from "./plan-follow-ups.ts";
import { submissionEvent } from "./submission-event.ts";
import { viewSubmission } from "./view-submission.ts";

export type UpdateSubmissionNeeds = {
  accounts: Pick<Store["accounts"], "get">;
  submissions: Pick<Store["submissions"], "get" | "change">;
  wake: Wake;
  clock: Clock;
};

/**
 * Puts a submission that waits off or forward, or settles an uncertain one: as sent, or to be sent once more. Fails `not-found`,
 * `not-changeable` in any other state, `validation-failed` for a time that is past or too far.
 */
export const updateSubmission =
  (needs: UpdateSubmissionNeeds) =>
  async (caller: AppCaller, accountId: string, submissionId: string, patch: SubmissionPatch): Promise<Submission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const now = needs.clock.now();
    const { states, changed } = "resolve" in patch ? resolving(account, patch.resolve, now) : moving(patch.sendAt, now);
    const row = await changeSubmission(needs, account, submissionId, (seen, updatedAt) => {
      if (!states.includes(seen.state)) throw notChangeable(seen);
      const change = changed(seen);
      const event = "resolve" in patch ? submissionEvent(account, { ...seen, ...change, updatedAt }, updatedAt) : null;
      return { states, change, event };
    });
    if (row.nextAttemptAt !== null) needs.wake.wake("submissions", account.id);
    if (row.followUpAt !== null) needs.wake.wake("follow-ups", account.id);
    if (row.state === "sent") needs.wake.wake("submission-final", row.id);
    return viewSubmission(row);
  };

type Move = { states: SubmissionState[]; changed: (row: SubmissionRow) => SubmissionChange };

/** The time that there is for delivery stays as long; it is counted from `sendAt`, also of one that goes out at once. */
function moving(asked: string | null, now: number): Move {
  const sendAt = asked === null ? now : Date.parse(asked);
  const reason = asked === null ? null : checkSendAt(sendAt, now);
  if (reason !== null) throw invalid("/sendAt", reason.code, reason.detail);
  return {
    states: ["scheduled", "queued"],
    changed: (row) => ({
      state: asked === null ? "queued" : "scheduled",
      sendAt,
      nextAttemptAt: sendAt,
      deliverBefore: sendAt + lifetime(row),
    }),
  };
}

function resolving(account: AccountRow, as: "sent" | "retry", now: number): Move {
  const states: SubmissionState[] = ["uncertain"];
  if (as === "sent") {
    return {
      states,
      changed(row) {
        const sent = { ...row, state: "sent" as const, recipients: uncertainAs(row, "accepted") };
        const { state, recipients } = sent;
        const left = { followUpTries: 0, ...planFollowUps(account, sent, now) };
        return { state, recipients, nextAttemptAt: null, finishedAt: now, ...left };
      },
    };
  }
  return {
    states,
    changed: (row) => ({
      state: "queued",
      recipients: uncertainAs(row, "pending"),
      warnings: [...new Set([...row.warnings, "possible-duplicate"])],
      nextAttemptAt: now,
      ...(row.deliverBefore <= now && { sendAt: now, deliverBefore: now + lifetime(row) }),
      finishedAt: null,
      followUps: [],
      followUpAt: null,
      followUpTries: 0,
    }),
  };
}

function uncertainAs({ recipients }: SubmissionRow, state: "accepted" | "pending"): SubmissionRow["recipients"] {
  return recipients.map((recipient) => (recipient.state === "uncertain" ? { ...recipient, state } : recipient));
}

/** How long delivery is tried from when the message is due, milliseconds. */
function lifetime({ deliverBefore, sendAt, createdAt }: SubmissionRow): number {
  return deliverBefore - (sendAt ?? createdAt);
}

function notChangeable({ state }: SubmissionRow): Failure {
  const shown = state === "committing" ? "sending" : state;
  return new Failure("not-changeable", `This submission is ${shown}, so this can't be changed.`, {
    fix: "sendAt is changed while it is scheduled or queued; resolve is for one that is uncertain.",
  });
}
