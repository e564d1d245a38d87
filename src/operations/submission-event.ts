import type { EventType } from "../mail/event.ts";
import { newEvent } from "../store/new-event.ts";
import type { AccountRow, NewEvent } from "../store/rows.ts";
import type { SubmissionRow, SubmissionState } from "../store/submission-rows.ts";
import { viewSubmission } from "./view-submission.ts";

const types: Partial<Record<SubmissionState, EventType>> = {
  sent: "submission.sent",
  failed: "submission.failed",
  canceled: "submission.canceled",
  uncertain: "submission.uncertain",
};

/** What is told of a submission that has come to be as this row says; `submission.deferred` where it waits for another attempt. Null for what is not told. */
export function submissionEvent(
  account: Pick<AccountRow, "id" | "appId" | "externalId">,
  row: SubmissionRow,
  now: number,
): NewEvent | null {
  const isDeferred = row.state === "queued" && row.attempts > 0;
  const type = isDeferred ? "submission.deferred" : types[row.state];
  return type === undefined ? null : newEvent(account, type, now, viewSubmission(row));
}
