import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { SubmissionRow } from "../store/submission-rows.ts";
import type { Store } from "../store/store.ts";
import { isSettled } from "./view-submission.ts";

/** A wake is a hint and may be another process's: the row is looked at again after this long in any case. */
const lookMs = 2000;

/** The row once nothing more happens to it by itself, or as it stands when `ms` are over or the caller has left. */
export async function awaitSubmission(
  needs: { submissions: Pick<Store["submissions"], "get">; wake: Wake; clock: Clock },
  row: SubmissionRow,
  ms: number,
  signal?: AbortSignal,
): Promise<SubmissionRow> {
  const until = needs.clock.now() + ms;
  let latest = row;
  for (;;) {
    const left = until - needs.clock.now();
    if (left <= 0 || signal?.aborted === true || isSettled(latest)) return latest;
    if (latest.state === "scheduled" && (latest.sendAt ?? 0) > until) return latest;
    // Begun before the look, so that an end in between is not missed.
    const waiting = new AbortController();
    const leave = signal === undefined ? waiting.signal : AbortSignal.any([signal, waiting.signal]);
    const woken = needs.wake.wait("submission-final", row.id, Math.min(left, lookMs), leave);
    try {
      latest = (await needs.submissions.get(row.accountId, row.id)) ?? latest;
      if (!isSettled(latest)) await woken;
    } finally {
      waiting.abort();
    }
  }
}
