import { Failure } from "../errors.ts";
import type { Wake } from "../mail/wake.ts";
import type { Log } from "../observe.ts";
import { planFollowUps } from "../operations/plan-follow-ups.ts";
import { submissionEvent } from "../operations/submission-event.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { RecipientRow, SubmissionChange, SubmissionRow } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import { type FollowUpClaim, followUpLeaseMs, holdFollowUp } from "./follow-up-claim.ts";
import { type Tried, tryFollowUp, type TryFollowUp } from "./try-follow-up.ts";

export type FollowUpNeeds = TryFollowUp & {
  submissions: Pick<SubmissionStore, "claimFollowUps" | "followUp">;
  accounts: Pick<Store["accounts"], "byId">;
  wake: Pick<Wake, "wake">;
  log: Log;
};

export type Follower = {
  /**
   * One step: claims what is due as far as there are hands for it, and begins. It does not wait for mail servers: each end wakes "follow-ups". `nextAt` is when the
   * next step is due by itself, milliseconds since the epoch, or null. Fails with `storage-unavailable`.
   */
  step(): Promise<{ nextAt: number | null }>;
  /** Whether something is under way. */
  isBusy(): boolean;
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>;
};

/** Submissions worked on at once, each of another account. */
const hands = 8;

/** How soon a row comes again whose account is worked on already, and one whose account is paused, milliseconds. */
const busyMs = 1_000;
const pausedMs = 300_000;

/** Does what is left to be done after messages were sent, or may have been. */
export function followUp(needs: FollowUpNeeds): Follower {
  const { submissions, accounts, wake, clock, log } = needs;
  const busy = new Map<string, Promise<void>>();
  let isStopping = false;

  function begin(row: SubmissionRow): void {
    const work = follow(row)
      .catch((error: unknown) => log.write("error", "follow_up.broke", { submissionId: row.id, error }))
      .finally(() => {
        busy.delete(row.accountId);
        wake.wake("follow-ups", row.accountId);
      });
    busy.set(row.accountId, work);
  }

  /** It comes again at `at`, as if it had not been claimed. */
  async function putOff(row: SubmissionRow, at: number): Promise<void> {
    await submissions.followUp(row, { followUpAt: at, followUpTries: Math.max(0, row.followUpTries - 1) }, null);
  }

  async function follow(row: SubmissionRow): Promise<void> {
    const account = await accounts.byId(row.accountId);
    if (account === null) return;
    if (account.state === "paused") return putOff(row, clock.now() + pausedMs);
    const claim = holdFollowUp(needs, row);
    try {
      const tried: Tried[] = [];
      for (const kind of row.followUps) {
        const one = await tryFollowUp(needs, account, claim, kind);
        if (one.error !== undefined) report(row, one);
        tried.push(one);
      }
      await write(account, claim, tried);
    } finally {
      await claim.end();
    }
  }

  async function write(account: AccountRow, claim: FollowUpClaim, tried: Tried[]): Promise<void> {
    const now = clock.now();
    const { row } = claim;
    const change = row.state === "uncertain" ? afterLook(account, row, tried, now) : afterSent(row, tried, now);
    const isSettled = change.state !== undefined;
    const event = isSettled ? submissionEvent(account, { ...row, ...change }, now) : null;
    const written = await claim.write(change, event);
    if (written === null) return;
    if (event !== null) wake.wake("events", account.appId);
    if (change.state === "queued") wake.wake("submissions", account.id);
    if (change.state === "sent") wake.wake("submission-final", row.id);
  }

  function report(row: SubmissionRow, { kind, is, error }: Tried): void {
    const code = error instanceof Failure ? error.code : "internal";
    const cause = error instanceof Failure ? {} : { error };
    const isOver = is === "done";
    log.write(isOver ? "warn" : "info", "follow_up.failed", { submissionId: row.id, kind, code, isOver, ...cause });
  }

  return {
    async step() {
      // The end of one that is under way wakes the next step.
      if (isStopping || busy.size >= hands) return { nextAt: null };
      // More than there are hands for: some may be of accounts that are worked on, and hide no others.
      const { rows, nextAt } = await submissions.claimFollowUps(clock.now(), followUpLeaseMs, hands);
      for (const row of rows) {
        if (busy.has(row.accountId) || busy.size >= hands) await putOff(row, clock.now() + busyMs);
        else begin(row);
      }
      // What is due by now is of accounts that are worked on, or is more than there are hands for.
      return { nextAt: nextAt === null ? null : Math.max(nextAt, clock.now() + busyMs) };
    },

    isBusy: () => busy.size > 0,

    async stop() {
      isStopping = true;
      await Promise.all(busy.values());
    },
  };
}

/** What is left after a try, and when it goes on. */
function leftOf(
  row: SubmissionRow,
  tried: Tried[],
): Required<Pick<SubmissionChange, "followUps" | "followUpAt" | "followUpTries">> {
  const left = tried.flatMap((one) => (one.is === "done" ? [] : [one]));
  return {
    followUps: left.map(({ kind }) => kind),
    followUpAt: left.length === 0 ? null : Math.min(...left.map(({ at }) => at)),
    followUpTries: left.some(({ is }) => is === "failed") ? row.followUpTries : 0,
  };
}

function afterSent(row: SubmissionRow, tried: Tried[], now: number): SubmissionChange {
  const warnings = tried.flatMap(({ warning }) => warning ?? []);
  const [sentCopy] = tried.flatMap((one) => (one.sentCopy === undefined ? [] : [one.sentCopy]));
  const isNews = warnings.length > 0 || sentCopy !== undefined;
  return {
    ...leftOf(row, tried),
    ...(isNews && { warnings: [...new Set([...row.warnings, ...warnings])], updatedAt: now }),
    ...(sentCopy !== undefined && { sentCopy }),
  };
}

/** A copy in the sent folder proves that it was sent; where there is none at last, the account says what becomes of it. */
function afterLook(account: AccountRow, row: SubmissionRow, tried: Tried[], now: number): SubmissionChange {
  const left = leftOf(row, tried);
  if (left.followUpAt !== null) return left;
  const settled = { ...left, lastError: null, updatedAt: now };
  if (tried.some((one) => one.is === "done" && one.found === true)) {
    const recipients = row.recipients.map((one) => of(one, "accepted"));
    const sent = { ...settled, state: "sent", recipients, sentCopy: "provider", finishedAt: now } as const;
    return { ...sent, ...planFollowUps(account, { ...row, ...sent }, now) };
  }
  // One that is over can't go out again: then nobody knows, as before.
  if (account.onUncertain === "hold" || account.outgoing === null || now >= row.deliverBefore) return left;
  const recipients = row.recipients.map((one) => of(one, "pending"));
  const warnings = [...new Set([...row.warnings, "possible-duplicate"])];
  return { ...settled, state: "queued", recipients, warnings, nextAttemptAt: now };
}

const of = (recipient: RecipientRow, state: RecipientRow["state"]): RecipientRow =>
  recipient.state === "uncertain" ? { ...recipient, state } : recipient;
