import type { Fleet } from "../mail/fleet.ts";
import type { Metrics } from "../observe.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import { claimDue, type ClaimNeeds, type House, keepOnlyWhatMay } from "./claim-due.ts";
import { commitSubmissions } from "./commit-submissions.ts";
import { type HoldNeeds, holdSubmissions } from "./held-submissions.ts";
import { type LaneNeeds, sendLane } from "./send-lane.ts";
import { mustWait } from "./pace.ts";
import { createSenders, isBlocked, looksAt } from "./senders.ts";

/** `leaseMs`: how long a claim holds without being renewed; `owner` names this process in claims. */
export type SendNeeds = Omit<LaneNeeds, "commit" | "claim"> &
  ClaimNeeds &
  HoldNeeds & {
    submissions: Pick<SubmissionStore, "due" | "abandon" | "commit">;
    metrics: Metrics;
    /** Absent: this process is the only one. */
    fleet?: Fleet;
  };

export type Dispatcher = {
  /**
   * One step: extends the claims, claims what is due as far as there are hands for it, and begins. It does not wait for servers: each end
   * begins what waits, and wakes "submissions" when it is time for a step. `nextAt` is when the next step is due by itself, or null;
   * one before `notBefore` would find little for what it costs. Milliseconds since the epoch. Fails with `storage-unavailable`.
   */
  step(): Promise<{ nextAt: number | null; notBefore: number }>;
  /** Begins nothing more, gives back what was not begun, and waits for what is under way and its outcomes. */
  stop(): Promise<void>;
};

/** How soon one step may follow another, milliseconds: what comes in between is one step's. */
const restMs = 10;
/** Accounts that are claimed for, and that are looked at although they may send nothing, in one step. */
const claimedAtOnce = 64;
const lookedAtOnce = 32;
/** How soon an account is asked again that had nothing to claim after all, milliseconds. */
const againMs = 250;
/** How long an account is remembered that sends nothing, and how often that is seen to, milliseconds. */
const rememberMs = 300_000;
const tidyMs = 30_000;
/** How long outcomes are still tried to be written at the end, milliseconds. */
const lastWritesMs = 3_000;

/** Sends what is due, each account by itself: one whose server is slow, dead or refuses its login holds up no other. */
export function sendSubmissions(needs: SendNeeds): Dispatcher {
  const { submissions, clock, metrics } = needs;
  const senders = createSenders(needs.submitters.gate, needs.fleet);
  const held = holdSubmissions(needs, callStep);
  const stopping = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const house: House = { senders, held, stopping: stopping.signal, isCrowded: false, begin, callStep, follow };
  const { claim, look } = claimDue(needs, house);
  const ofLanes = { ...needs, claim, commit: commitSubmissions(needs) };
  let tidiedAt = 0;
  let isFirst = true;
  let isCalled = false;

  function callStep(accountId: string): void {
    if (!isCalled) needs.wake.wake("submissions", accountId);
    isCalled = true;
  }

  function follow<T>(work: Promise<T>): Promise<T> {
    const over = work.finally(() => underWay.delete(over));
    underWay.add(over);
    return over;
  }

  function begin(): void {
    if (stopping.signal.aborted) return;
    for (let lane = senders.begin(clock.now()); lane !== null; lane = senders.begin(clock.now()))
      void follow(sendLane(ofLanes, house, lane));
  }

  /** Whom to claim for: as many as there are hands, who was served longest ago first. */
  function inTurn(due: string[], now: number): string[] {
    const asked = due.filter((id) => {
      const known = senders.all.get(id);
      return known === undefined || senders.wanted(known, now) > 0;
    });
    const without = senders.inTurn(asked.filter((id) => (senders.all.get(id)?.lanes.size ?? 0) === 0));
    const free = Math.min(Math.max(0, senders.free()), claimedAtOnce);
    house.isCrowded = without.length > free;
    return house.isCrowded ? without.slice(0, free) : asked;
  }

  function tidy(now: number): void {
    metrics.gauge("postern_submissions_under_way", senders.busy());
    if (now - tidiedAt < tidyMs) return;
    tidiedAt = now;
    senders.forget(now - rememberMs, now);
  }

  /** Extends claims when there are no steps any more: else another process takes over what is about to end here. */
  async function keepClaims(until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      senders.takeAway(await held.renew().catch(() => []));
      await clock.sleep(againMs, until);
    }
  }

  return {
    async step() {
      isCalled = false;
      if (isFirst) await submissions.abandon(needs.owner, clock.now());
      isFirst = false;
      senders.takeAway(await held.renew());
      // What is known comes before what is to be found out.
      if (held.isStuck()) return { nextAt: clock.now() + againMs, notBefore: clock.now() + restMs };
      const begun = clock.now();
      senders.stretch(begun);
      const { accounts, nextAt } = await submissions.due(begun);
      const now = clock.now();
      // However many accounts there are, looking for what is due takes no more than a third of the time.
      const notBefore = begun + Math.max(restMs, 3 * (now - begun));
      const due = accounts.map(({ accountId }) => accountId);
      for (const sender of senders.all.values()) sender.more = false;
      const known = due.flatMap((id) => senders.all.get(id) ?? []);
      for (const sender of known) sender.more = true;
      const looks = known.filter((one) => isBlocked(one, now) && looksAt(one) <= now).slice(0, lookedAtOnce);
      const answers = await Promise.allSettled([...inTurn(due, now).map(claim), ...looks.map(look)]);
      begin();
      tidy(now);
      const failed = answers.find((answer) => answer.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      const wasEmpty = answers.some((answer) => answer.status === "fulfilled" && !answer.value);
      const waiting = [...senders.all.values()].filter(({ more }) => more);
      const at = [
        ...(wasEmpty ? [now + againMs] : []),
        ...[nextAt, held.renewsAt()].flatMap((one) => one ?? []),
        ...waiting.flatMap((one) => (isBlocked(one, now) ? looksAt(one) : mustWait(one, now) ? one.beginsFrom : [])),
      ];
      return { nextAt: at.length === 0 ? null : at.reduce((first, one) => Math.min(first, one)), notBefore };
    },

    async stop() {
      stopping.abort("stopping");
      for (const sender of senders.all.values()) keepOnlyWhatMay(house, sender, clock.now());
      const over = new AbortController();
      const keeping = keepClaims(over.signal);
      while (underWay.size > 0) await Promise.allSettled(underWay);
      await held.end(clock.now() + lastWritesMs);
      over.abort("over");
      await keeping;
    },
  };
}
