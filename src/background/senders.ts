import { alone, type Fleet, partOf } from "../mail/fleet.ts";
import type { LoginGate } from "../sessions/login-gate.ts";
import { type LoginKey, loginKey } from "../sessions/login-key.ts";
import type { AccountRow } from "../store/rows.ts";
import type { SubmissionRow } from "../store/submission-rows.ts";
import { inRate, mustWait } from "./pace.ts";
import { stoppedUntil } from "./stopped-until.ts";

/** A submission that this process has claimed. */
export type HeldSubmission = {
  submission: SubmissionRow;
  epoch: number;
  sender: Sender;
  /** Milliseconds since the epoch. */
  leaseUntil: number;
  /** The message, where it is short; null: it is read from the store as it goes out. */
  content: Uint8Array | null;
  /** The row may say by now that its dot is about to go out. */
  isCommitted: boolean;
  /** The write of that, where it was begun before the message's turn; `Commit`. */
  early: Promise<void> | null;
  /** Others of the account wait for its end: `SubmissionClaim`. */
  isAlone: boolean;
};

/** A connection's worth of work on an account's queue: one message after another. */
export type Lane = {
  sender: Sender;
  /** When it began with what it is at: a message, or a connection for one; null while it waits. */
  since: number | null;
  /** It has no message yet. */
  isFree: boolean;
  /** It is at it for so long that it has given its hand to others. */
  isLong: boolean;
};

/** An account that sends, as this process knows it. */
export type Sender = {
  /** As it was read last. */
  account: AccountRow;
  login: LoginKey;
  /** Claimed and not begun, in their order. */
  waiting: HeldSubmission[];
  lanes: Set<Lane>;
  /** Its server took no more than so many connections at once, until then. */
  fewer: { lanes: number; until: number };
  /** How many claims are being asked for; resolves when they are there. */
  asked: number;
  claiming: Promise<unknown> | null;
  /** More than what was claimed is due. */
  more: boolean;
  /** A message was dealt with, by this login, since something went wrong. */
  isProven: boolean;
  /** Sessions that failed, or were told to slow down, since. */
  failures: number;
  /** Nothing is sent before: the server is away, or wants to be left alone. */
  holdUntil: number;
  /** Nobody may log in before: it is paused, or its login is refused. Infinity: until that changes; 0: one may. */
  stoppedUntil: number;
  /** While nothing may be sent: when it is looked at again all the same. */
  lookAt: number;
  /** How long a message takes, smoothed, milliseconds. */
  tookMs: number;
  /** When its rate lets the next message begin. */
  beginsFrom: number;
  fleet: Fleet;
  /** When it got claims last. */
  servedAt: number;
};

/** Lanes at once, of all accounts together: those that are long at one message left out, and with them. */
const hands = 64;
const handsAndLong = 512;
/** Of these, for accounts whose last session failed. */
const handsForDoubted = 16;
/** Lanes at once per account, in all processes together: as many as their pools have sessions. */
const handsEach = 3;
/** A lane that is at one message for so long makes room for others, milliseconds. */
const longMs = 10_000;
/** What is claimed ahead is begun in about this time, milliseconds, and is this many messages at most: nobody can cancel it any more. */
const ahead = { ms: 500, most: 96 };
/** A server is fast that takes less than this for a message, milliseconds. */
const fastMs = 20;
/** How long an account makes do with fewer connections, milliseconds. */
const fewerMs = 300_000;
/** The weight of the last message in the smoothed duration, and that before the first one. */
const weight = 0.2;
const firstTookMs = 50;
/** How often an account that may send nothing is looked at, milliseconds. */
export const lookMs = 30_000;
/** How long an account is left alone, milliseconds: after the first failed session, or refusal for coming too fast, and at most. */
const pauses = { failed: { first: 5_000, longest: 60_000 }, throttled: { first: 60_000, longest: 900_000 } };

/** All senders of a process, and the hands that they share. */
export function createSenders(gate: Pick<LoginGate, "check">, fleet: Fleet = alone) {
  const all = new Map<string, Sender>();
  /** Those for whom something waits. */
  const ready = new Set<Sender>();
  const lanes = new Set<Lane>();

  const countOf = (which: (lane: Lane) => boolean): number => [...lanes].filter(which).length;
  const free = (): number => Math.min(hands - countOf(({ isLong }) => !isLong), handsAndLong - lanes.size);

  return {
    all,

    /** Keeps an account's row as it was read, and sees whether it may log in. */
    keep(account: AccountRow, now: number): Sender {
      const login = loginKey(account, "outgoing");
      const known = all.get(account.id);
      const sender: Sender = known ?? {
        account,
        login,
        waiting: [],
        lanes: new Set(),
        fewer: { lanes: handsEach, until: 0 },
        asked: 0,
        claiming: null,
        more: true,
        isProven: false,
        failures: 0,
        holdUntil: 0,
        stoppedUntil: 0,
        lookAt: 0,
        tookMs: firstTookMs,
        beginsFrom: 0,
        fleet,
        servedAt: 0,
      };
      all.set(account.id, sender);
      if (sender.login.version !== login.version)
        Object.assign(sender, { login, isProven: false, failures: 0, holdUntil: 0 });
      sender.account = account;
      sender.stoppedUntil = stoppedUntil(gate, account, sender.login, now);
      return sender;
    },

    /** Adds what was claimed for an account. */
    put(sender: Sender, claimed: HeldSubmission[]): void {
      sender.waiting.push(...claimed);
      if (sender.waiting.length > 0) ready.add(sender);
    },

    /** Takes what waits longest; null when nothing does. */
    take(sender: Sender): HeldSubmission | null {
      const first = sender.waiting.shift() ?? null;
      if (sender.waiting.length === 0) ready.delete(sender);
      return first;
    },

    /** Takes away all that waits. */
    cut(sender: Sender): HeldSubmission[] {
      ready.delete(sender);
      return sender.waiting.splice(0);
    },

    /** Takes away of these what waits. */
    takeAway(some: HeldSubmission[]): void {
      const gone = new Set(some);
      for (const sender of new Set(some.map((one) => one.sender))) {
        sender.waiting = sender.waiting.filter((one) => !gone.has(one));
        if (sender.waiting.length === 0) ready.delete(sender);
      }
    },

    /**
     * Takes a hand for an account for which something waits: first for those that have the fewest. Null when there is nothing, or no hand
     * for it.
     */
    begin(now: number): Lane | null {
      if (ready.size === 0 || free() <= 0) return null;
      const isForDoubted = countOf(({ isLong, sender }) => !isLong && sender.failures > 0) < handsForDoubted;
      let best: Sender | null = null;
      for (const one of ready) {
        if (isBlocked(one, now) || mustWait(one, now) || (one.failures > 0 && !isForDoubted)) continue;
        // Who waits for the next message gets it.
        const idle = [...one.lanes].filter(({ isFree }) => isFree).length;
        if (one.lanes.size >= handsOf(one, now) || one.waiting.length <= idle) continue;
        if (best === null || one.lanes.size < best.lanes.size) best = one;
      }
      if (best === null) return null;
      const lane: Lane = { sender: best, since: null, isFree: true, isLong: false };
      best.lanes.add(lane);
      lanes.add(lane);
      return lane;
    },

    /** Gives the hand back. */
    end(lane: Lane): void {
      lanes.delete(lane);
      lane.sender.lanes.delete(lane);
    },

    /** The lane is done with what it was at. */
    rest(lane: Lane): void {
      Object.assign(lane, { since: null, isFree: true, isLong: false });
    },

    /** Has lanes that are with one message for long make room. */
    stretch(now: number): void {
      for (const lane of lanes) lane.isLong = lane.since !== null && now - lane.since >= longMs;
    },

    /** A message was dealt with, in so many milliseconds. */
    prove(sender: Sender, tookMs: number): void {
      Object.assign(sender, { isProven: true, failures: 0 });
      sender.tookMs += weight * (tookMs - sender.tookMs);
    },

    /**
     * A session failed, or was told to slow down: the account is left alone for a while, and then has one hand until something succeeds. Times in
     * milliseconds.
     */
    doubt(sender: Sender, why: keyof typeof pauses, now: number, retryAfterMs = 0): void {
      const { first, longest } = pauses[why];
      // What fails beside it fails for the same reason.
      if (sender.holdUntil <= now) sender.failures += 1;
      const pause = Math.min(first * 2 ** Math.min(sender.failures - 1, 20), longest);
      sender.holdUntil = Math.max(sender.holdUntil, now + Math.max(pause, retryAfterMs));
      sender.isProven = false;
    },

    /** No connection more was to be had: it is content with those that it has, for a while. False where it has no other. */
    makeDo(lane: Lane, now: number): boolean {
      const { sender } = lane;
      const others = sender.lanes.size - 1;
      if (others > 0) sender.fewer = { lanes: others, until: now + fewerMs };
      return others > 0;
    },

    /** Counts claims that are asked for, and by a negative number what is so no more. */
    ask(sender: Sender, howMany: number, now: number): void {
      sender.asked += howMany;
      sender.servedAt = now;
    },

    /** These accounts as they are to be served: those that fail last, and else who was served longest ago first. */
    inTurn(accountIds: string[]): string[] {
      const of = (id: string) => all.get(id);
      return accountIds.toSorted(
        (a, b) =>
          Number((of(a)?.failures ?? 0) > 0) - Number((of(b)?.failures ?? 0) > 0) ||
          (of(a)?.servedAt ?? 0) - (of(b)?.servedAt ?? 0),
      );
    },

    /** How many more of an account's submissions are to be claimed: none while there is more than half of what may wait. */
    wanted(sender: Sender, now: number): number {
      if (isBlocked(sender, now) || mustWait(sender, now)) return 0;
      const most = Math.floor((partOf(fleet, handsEach) * ahead.ms) / Math.max(sender.tookMs, 1));
      const room = sender.isProven ? Math.max(partOf(fleet, handsEach), Math.min(most, ahead.most)) : 1;
      const before = sender.waiting.length + sender.asked;
      const more = Math.min(room, inRate(sender, now)) - before;
      return more < before ? 0 : more;
    },

    free,
    busy: () => lanes.size,

    /** Forgets accounts that have had nothing to do since `before`. */
    forget(before: number, now: number): void {
      for (const [id, one] of all) {
        const isIdle = one.lanes.size + one.waiting.length + one.asked === 0 && one.servedAt < before;
        if (isIdle && !isBlocked(one, now) && !mustWait(one, now)) all.delete(id);
      }
    },
  };
}

export type Senders = ReturnType<typeof createSenders>;

function handsOf({ isProven, fewer, fleet }: Sender, now: number): number {
  if (!isProven) return 1;
  return Math.min(partOf(fleet, handsEach), fewer.until > now ? fewer.lanes : Infinity);
}

/** Its server deals with a message in no more than a write to the disk takes. */
export const isFast = ({ isProven, tookMs }: Sender): boolean => isProven && tookMs < fastMs;

/** Nothing may be sent now. */
export const isBlocked = ({ holdUntil, stoppedUntil }: Sender, now: number): boolean =>
  holdUntil > now || stoppedUntil > now;

/** When a blocked account is to be looked at. */
export const looksAt = ({ holdUntil, stoppedUntil, lookAt }: Sender): number =>
  Math.min(lookAt, Math.max(holdUntil, stoppedUntil));

/** It is looked at now, and again after a while. */
export function looked(sender: Sender, now: number): void {
  sender.lookAt = now + lookMs;
}
