import type { Wake } from "../mail/wake.ts";
import type { Metrics } from "../observe.ts";
import { submissionEvent } from "../operations/submission-event.ts";
import type { SubmissionOutcome } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import { reportSubmission } from "./report-submission.ts";
import { afterReturn } from "./settle-submission.ts";
import type { HeldSubmission } from "./senders.ts";
import { type Settled, type SettleNeeds, settleSubmissions } from "./settle-submissions.ts";

export type HoldNeeds = SettleNeeds & {
  submissions: Pick<SubmissionStore, "renew">;
  wake: Pick<Wake, "wake">;
  metrics: Pick<Metrics, "count" | "observe">;
  leaseMs: number;
};

export type HeldSubmissions = ReturnType<typeof holdSubmissions>;

/**
 * All that this process has claimed, from the claim until its outcome is written. `callStep` asks for a step of an account's queue.
 */
export function holdSubmissions(needs: HoldNeeds, callStep: (accountId: string) => void) {
  const { submissions, clock, log, wake, leaseMs } = needs;
  const held = new Map<string, HeldSubmission>();
  const settling = settleSubmissions(needs, written);

  const renewalOf = ({ leaseUntil }: HeldSubmission) => leaseUntil - leaseMs / 2;

  function letGo(mine: HeldSubmission): void {
    if (held.get(mine.submission.id) === mine) held.delete(mine.submission.id);
  }

  /** The claim is another's; what was written last says whether the message may have gone out. */
  function abandon(mine: HeldSubmission): void {
    const { id: submissionId, accountId } = mine.submission;
    letGo(mine);
    log.write("warn", "submission.abandoned", {
      submissionId,
      accountId,
      reason: "claimed by another worker, or removed with its account",
    });
  }

  /** Outcomes stand: their claims are over, and who waits for them is told. */
  function written(some: Settled[], standing: Set<string>): void {
    for (const one of some) {
      const { id, accountId } = one.mine.submission;
      letGo(one.mine);
      if (one.outcome === null || one.mine.isAlone) callStep(accountId);
      if (one.outcome === null) continue;
      if (standing.has(id)) tell(one, one.outcome);
      else abandon(one.mine);
    }
  }

  function tell({ mine, event, attempt }: Settled, outcome: SubmissionOutcome): void {
    const { submission } = mine;
    if (attempt !== null) reportSubmission(needs, submission, outcome, attempt);
    if (event !== null) wake.wake("events", submission.appId);
    if (outcome.followUpAt !== null) wake.wake("follow-ups", submission.accountId);
    if (outcome.state !== "queued") wake.wake("submission-final", submission.id);
    // When it is due next has to be known to whoever waits for that.
    else callStep(submission.accountId);
  }

  /** What became of it is to be written; an attempt that does not count is told to nobody. */
  function settle(mine: HeldSubmission, outcome: SubmissionOutcome, attempt: Settled["attempt"] = null): void {
    const { submission, sender } = mine;
    const isUncounted = outcome.state === "queued" && outcome.attempts < submission.attempts;
    const row = { ...submission, ...outcome };
    const event = isUncounted ? null : submissionEvent(sender.account, row, outcome.updatedAt);
    settling.add({ mine, outcome, event, attempt });
  }

  return {
    take(mine: HeldSubmission): HeldSubmission {
      held.set(mine.submission.id, mine);
      return mine;
    },

    letGo,
    abandon,

    settle,

    /** It was not begun, and is given back as it was. */
    giveBack(mine: HeldSubmission): void {
      // A row that says that its dot is about to go out is not taken back by a claim: here it is known that none did.
      if (mine.isCommitted) settle(mine, afterReturn(mine.submission, clock.now()));
      else settling.add({ mine, outcome: null, event: null, attempt: null });
    },

    /** It may be another's before an attempt gets far. */
    isLate: ({ leaseUntil }: HeldSubmission): boolean => leaseUntil - clock.now() <= leaseMs / 4,

    /** Extends claims in time, all by one write, and those that ran out and are nobody else's yet. Those that are another's are let go, and returned. */
    async renew(): Promise<HeldSubmission[]> {
      const now = clock.now();
      const all = [...held.values()];
      if (!all.some((one) => renewalOf(one) <= now)) return [];
      const leaseUntil = now + leaseMs;
      const claims = all.map(({ submission, epoch }) => ({ id: submission.id, epoch }));
      const standing = new Set(await submissions.renew(claims, leaseUntil));
      const lost: HeldSubmission[] = [];
      for (const one of all) {
        if (standing.has(one.submission.id)) one.leaseUntil = Math.max(one.leaseUntil, leaseUntil);
        // What was settled in the meantime is nobody's.
        else if (held.get(one.submission.id) === one) lost.push(one);
      }
      for (const one of lost) letGo(one);
      return lost;
    },

    /**
     * A claim of ours has run out and is not extended yet (the process slept), or outcomes can't be written: who claims now may take from us a message
     * whose outcome we know, and would find it uncertain.
     */
    isOverdue: (now: number): boolean => settling.isStuck() || [...held.values()].some((one) => one.leaseUntil <= now),

    /** When claims have to be renewed next; null where there are none. */
    renewsAt(): number | null {
      let first: number | null = null;
      for (const one of held.values()) first = Math.min(first ?? Infinity, renewalOf(one));
      return first;
    },

    isStuck: () => settling.isStuck(),
    end: (by: number) => settling.end(by),
  };
}
