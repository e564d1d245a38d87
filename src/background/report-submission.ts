import type { Failure } from "../errors.ts";
import type { Log, Metrics } from "../observe.ts";
import type { RecipientRow, SubmissionOutcome, SubmissionRow } from "../store/submission-rows.ts";

/** One wide line and the figures of an attempt: no address, no content. `ms`: how long it took. */
export function reportSubmission(
  { log, metrics }: { log: Log; metrics: Pick<Metrics, "count" | "observe"> },
  { id, appId, accountId, size }: SubmissionRow,
  { state, recipients, attempts }: SubmissionOutcome,
  { failure, ms }: { failure: Failure | null; ms: number },
): void {
  const counts = { accepted: 0, rejected: 0, deferred: 0, uncertain: 0, pending: 0 };
  for (const recipient of recipients) counts[stateIn(recipient)] += 1;
  const { pending: _, ...told } = counts;
  log.write("info", "submission", {
    submissionId: id,
    appId,
    accountId,
    state,
    attempt: attempts,
    octets: size,
    ...told,
    ms,
    ...(failure !== null && { code: failure.code, phase: failure.details.upstream?.phase ?? null }),
  });
  metrics.count("postern_submission_attempts_total", { outcome: state });
  metrics.observe("postern_submission_attempt_seconds", ms / 1000);
}

const stateIn = ({ state }: RecipientRow) => state;
