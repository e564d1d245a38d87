import type { Wake } from "../mail/wake.ts";
import type { Clock, Log } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionClaim } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import type { HeldSubmissions } from "./held-submissions.ts";
import { mustWait } from "./pace.ts";
import { type HeldSubmission, isBlocked, looked, lookMs, type Sender, type Senders } from "./senders.ts";
import { afterDeath, afterExpiry, afterParking } from "./settle-submission.ts";

export type ClaimNeeds = {
  submissions: Pick<SubmissionStore, "claim" | "contents">;
  accounts: Pick<Store["accounts"], "byId">;
  wake: Pick<Wake, "wait">;
  clock: Clock;
  log: Log;
  owner: string;
  leaseMs: number;
  random: () => number;
};

/** What the parts of the sender share. */
export type House = {
  senders: Senders;
  held: HeldSubmissions;
  /** Aborts at the end: nothing more is begun. */
  stopping: AbortSignal;
  /** There are accounts with something due and no hand: who has one goes on to the end of what it has claimed only. */
  isCrowded: boolean;
  /** Begins what waits. */
  begin(): void;
  /** Asks for a step, once until it comes. */
  callStep(accountId: string): void;
  /** Waited for at the end. */
  follow<T>(work: Promise<T>): Promise<T>;
};

/** Messages of an account that are settled at one look because their time is over. */
const expiredAtOnce = 50;
/** Messages up to this length are read together with their claims, so many octets in all. */
const shortOctets = 64 * 1024;
const readAheadOctets = 1024 * 1024;

/** Gives back what must not be sent now. */
export function keepOnlyWhatMay({ senders, held, stopping }: House, sender: Sender, now: number): void {
  if (!stopping.aborted && !isBlocked(sender, now) && !mustWait(sender, now)) return;
  for (const mine of senders.cut(sender)) held.giveBack(mine);
}

/** Claims of accounts, and what they are found to be. */
export function claimDue(needs: ClaimNeeds, house: House) {
  const { submissions, clock, leaseMs } = needs;
  const { senders, held } = house;

  /** Reads an account's row again; null when it is gone. */
  async function read(accountId: string): Promise<Sender | null> {
    const row = await needs.accounts.byId(accountId);
    if (row !== null) return senders.keep(row, clock.now());
    const known = senders.all.get(accountId);
    // Its submissions went with it.
    for (const mine of known === undefined ? [] : senders.cut(known)) held.letGo(mine);
    senders.all.delete(accountId);
    return null;
  }

  /** Claims what is due for an account, and begins; false when there was nothing. */
  async function claim(accountId: string): Promise<boolean> {
    const known = senders.all.get(accountId);
    const sender = known ?? (await read(accountId));
    if (sender === null) return false;
    const now = clock.now();
    if (isBlocked(sender, now)) return look(sender);
    if (isTooEarly(sender, now)) return true;
    const limit = senders.wanted(sender, now);
    if (limit === 0) return true;
    senders.ask(sender, limit, now);
    const claiming = house.follow(claimFor(sender, limit, known !== undefined));
    sender.claiming = claiming;
    try {
      return await claiming;
    } finally {
      if (sender.claiming === claiming) sender.claiming = null;
    }
  }

  async function claimFor(sender: Sender, limit: number, isKnown: boolean): Promise<boolean> {
    const { id } = sender.account;
    const now = clock.now();
    // What was changed before a message was accepted counts for it: the row is read anew.
    const [claimed, reading] = await Promise.allSettled([
      submissions.claim(id, { owner: needs.owner, now, leaseMs, limit, only: "due" }),
      isKnown ? read(id) : sender,
    ]);
    if (claimed.status === "rejected") {
      senders.ask(sender, -limit, now);
      throw claimed.reason;
    }
    sender.more = claimed.value.length === limit;
    const mine = takeIn(sender, claimed.value, now + leaseMs);
    if (reading.status === "fulfilled") await readAhead(mine);
    senders.ask(sender, -limit, now);
    if (reading.status === "rejected") {
      for (const one of mine) held.giveBack(one);
      throw reading.reason;
    }
    senders.put(sender, mine);
    keepOnlyWhatMay(house, sender, clock.now());
    house.begin();
    // All that was claimed had its outcome already.
    if (sender.more && mine.length === 0) house.callStep(id);
    return claimed.value.length > 0;
  }

  /** Holds claims; what is left of them to be sent. Of the others the outcome is known. */
  function takeIn(sender: Sender, claims: SubmissionClaim[], leaseUntil: number): HeldSubmission[] {
    const { account } = sender;
    return claims.flatMap(({ submission, epoch, isParked, isAlone }) => {
      const mine = held.take({
        submission,
        epoch,
        sender,
        leaseUntil,
        isAlone,
        content: null,
        isCommitted: false,
        early: null,
      });
      const at = { now: clock.now(), random: needs.random() };
      if (isParked) {
        needs.log.write("error", "submission.parked", { submissionId: submission.id, accountId: account.id });
        held.settle(mine, afterParking(account, submission, at));
      } else if (submission.state === "committing") held.settle(mine, afterDeath(account, submission, at));
      else if (at.now >= submission.deliverBefore) held.settle(mine, afterExpiry(account, submission, at));
      else return [mine];
      return [];
    });
  }

  /** Short messages are read together; what can't be read so is read as it goes out. */
  async function readAhead(some: HeldSubmission[]): Promise<void> {
    let octets = 0;
    const short = some.filter(({ submission: { size } }) => size <= shortOctets && (octets += size) <= readAheadOctets);
    const ids = short.flatMap(({ submission: { blobId } }) => blobId ?? []);
    if (ids.length === 0) return;
    const contents = await submissions.contents(ids).catch(() => new Map<string, Uint8Array>());
    for (const mine of short) mine.content = contents.get(mine.submission.blobId ?? "") ?? null;
  }

  /** An account that may send nothing is looked at: whether it may by now, and for messages whose time is over. */
  async function look(blocked: Sender): Promise<boolean> {
    const { id } = blocked.account;
    looked(blocked, clock.now());
    const sender = await read(id);
    if (sender === null) return false;
    const now = clock.now();
    if (!isBlocked(sender, now)) return claim(id);
    void hear(sender);
    if (isTooEarly(sender, now)) return true;
    const how = { owner: needs.owner, now, leaseMs, limit: expiredAtOnce, only: "expired" } as const;
    const claims = await house.follow(submissions.claim(id, how));
    for (const mine of takeIn(sender, claims, now + leaseMs)) held.giveBack(mine);
    return true;
  }

  /** A step has to extend what is held before more is claimed. */
  function isTooEarly({ account }: Sender, now: number): boolean {
    if (!held.isOverdue(now)) return false;
    house.callStep(account.id);
    return true;
  }

  /** Who wakes the queue of a stopped account may have changed that. */
  async function hear(sender: Sender): Promise<void> {
    const isWoken = await needs.wake.wait("submissions", sender.account.id, lookMs, house.stopping);
    if (isWoken && sender.stoppedUntil > 0) sender.lookAt = 0;
  }

  return { claim, look };
}
