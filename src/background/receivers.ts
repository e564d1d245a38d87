import type { DeliveryClaim, WebhookRow } from "../store/webhook-rows.ts";

/** A delivery that this process has claimed. */
export type Held = DeliveryClaim & { receiver: Receiver; leaseUntil: number };

/** What all receivers of an app have together: requests under way, and deliveries claimed. */
type App = { busy: number; held: number };

/** What attempts have shown of a receiver and is not on its row yet. */
export type Found = {
  /** Something was delivered. */
  good: boolean;
  /** The first failure since, milliseconds since the epoch. */
  failingSince: number | null;
  /** It asked to be left alone until then; 0: it did not. */
  holdUntil: number;
  /** It answered 410; the webhook as it was then. */
  goneFrom: WebhookRow | null;
};

/** A webhook's receiver, as this process knows it. */
export type Receiver = {
  /** As it was read last, and with what was noted since. */
  webhook: WebhookRow;
  app: App;
  /** Claimed and not begun, in their order. */
  waiting: Held[];
  /** Requests under way. */
  busy: number;
  /** More than what was claimed is due. */
  more: boolean;
  /** Failures since the last success. */
  failures: number;
  /** How long a request takes, smoothed, milliseconds; null before the first. */
  tookMs: number | null;
  /** When its rate lets the next request begin. */
  beginsFrom: number;
  found: Found;
  /** Counts what is noted, so that an older reading of the row is told apart. */
  noted: number;
  usedAt: number;
};

export const nothingFound: Found = { good: false, failingSince: null, holdUntil: 0, goneFrom: null };

/** Requests under way at once, of all webhooks together. */
const handsInAll = 512;
/** Deliveries claimed at once, of all webhooks together. */
const heldInAll = 2_560;
/** So many failures in a row leave a webhook one hand. */
const failuresToOneHand = 5;
/** What is claimed ahead is begun in about this time, milliseconds, and is this many times what may be under way at most. */
const ahead = { ms: 2_000, times: 10 };
/** The weight of the last request in the smoothed duration. */
const weight = 0.2;

export type Receivers = ReturnType<typeof createReceivers>;

/** All receivers of a process, and the hands that they share. */
export function createReceivers() {
  const all = new Map<string, Receiver>();
  const apps = new Map<string, App>();
  /** Those for whom something waits; who got a hand last is the last. */
  const ready = new Set<Receiver>();
  const inAll: App = { busy: 0, held: 0 };

  /**
   * The fuller the house, the less for one: a webhook, with a quarter of what its app has, may have what is left to all. So there is
   * always something for who has nothing, however many receivers of however few apps are slow.
   */
  const shareOf = ({ app }: Receiver, what: keyof App, of: number): number => of - inAll[what] - app[what] / 4;

  function count({ app }: Receiver, what: keyof App, by: number): void {
    app[what] += by;
    inAll[what] += by;
  }

  return {
    all,

    /** Keeps a webhook's row as it was read; `noted` is what the receiver's was when the reading began. */
    keep(webhook: WebhookRow, noted: number, now: number): Receiver {
      const known = all.get(webhook.id);
      if (known !== undefined) {
        const { failingSince, holdUntil } = known.webhook;
        known.webhook = known.noted === noted ? webhook : { ...webhook, failingSince, holdUntil };
        return known;
      }
      const app = apps.get(webhook.appId) ?? { busy: 0, held: 0 };
      apps.set(webhook.appId, app);
      const receiver: Receiver = {
        webhook,
        app,
        waiting: [],
        busy: 0,
        more: false,
        // Who was failing before this process knew him has to be good first.
        failures: webhook.failingSince === null ? 0 : failuresToOneHand,
        tookMs: null,
        beginsFrom: 0,
        found: nothingFound,
        noted,
        usedAt: now,
      };
      all.set(webhook.id, receiver);
      return receiver;
    },

    /** Adds what was claimed for a webhook. */
    put(receiver: Receiver, claimed: Held[]): void {
      receiver.waiting.push(...claimed);
      if (receiver.waiting.length > 0) ready.add(receiver);
    },

    /**
     * Takes a hand and what it is to do now: apps with the fewest under way come first, then webhooks, in turns. Null when there is
     * nothing, or no hand for it.
     */
    begin(now: number): { receiver: Receiver; held: Held } | null {
      let best: Receiver | null = null;
      for (const one of ready) {
        if (one.beginsFrom > now || one.busy >= handsOf(one) || one.busy >= shareOf(one, "busy", handsInAll)) continue;
        const fewer = best === null ? -1 : one.app.busy - best.app.busy || one.busy - best.busy;
        if (fewer < 0) best = one;
      }
      const held = best?.waiting.shift();
      if (best === null || held === undefined) return null;
      ready.delete(best);
      if (best.waiting.length > 0) ready.add(best);
      best.busy += 1;
      count(best, "busy", 1);
      best.usedAt = now;
      best.beginsFrom = paced(best, now);
      return { receiver: best, held };
    },

    /** Gives the hand back. */
    end(receiver: Receiver): void {
      receiver.busy -= 1;
      count(receiver, "busy", -1);
    },

    /** Takes away what waits beyond the first `kept`. */
    cut(receiver: Receiver, kept: number): Held[] {
      const taken = receiver.waiting.splice(kept);
      if (receiver.waiting.length === 0) ready.delete(receiver);
      return taken;
    },

    ready: (): Iterable<Receiver> => ready,

    /** How many more of a webhook's deliveries are to be claimed: none while there is more than half of what may wait. */
    wanted(receiver: Receiver): number {
      const { webhook, tookMs, waiting, busy } = receiver;
      const hands = Math.max(1, Math.min(handsOf(receiver), busy + handsInAll - inAll.busy));
      const inTime = tookMs === null || isFailing(receiver) ? 0 : Math.floor((hands * ahead.ms) / Math.max(tookMs, 1));
      const room = Math.max(hands, Math.min(inTime, ahead.times * webhook.maxConcurrency)) - busy;
      const inRate = webhook.maxPerSecond === null ? Infinity : Math.ceil((webhook.maxPerSecond * ahead.ms) / 1000);
      const share = Math.max(1, Math.floor(shareOf(receiver, "held", heldInAll)));
      const more = Math.min(room, inRate, share) - waiting.length;
      return more < waiting.length ? 0 : Math.max(0, more);
    },

    /** Counts what is claimed, or asked for, and by a negative number what is so no more. */
    hold: (receiver: Receiver, howMany: number) => count(receiver, "held", howMany),

    busy: () => inAll.busy,

    /** Forgets whom nothing was sent since `before`. */
    forget(before: number): void {
      for (const [id, one] of all)
        if (one.usedAt < before && one.busy === 0 && one.waiting.length === 0 && !hasNews(one)) all.delete(id);
      const kept = new Set([...all.values()].map(({ webhook }) => webhook.appId));
      for (const appId of apps.keys()) if (!kept.has(appId)) apps.delete(appId);
    },
  };
}

export function isFailing({ failures }: Receiver): boolean {
  return failures >= failuresToOneHand;
}

function handsOf(receiver: Receiver): number {
  return isFailing(receiver) ? 1 : receiver.webhook.maxConcurrency;
}

/** Nothing is to be sent now: it is disabled, or asked to be left alone. */
export function isBlocked({ webhook, found }: Receiver, now: number): boolean {
  const holdUntil = Math.max(webhook.holdUntil, found.holdUntil);
  return webhook.disabledBecause !== null || found.goneFrom !== null || holdUntil > now;
}

/** There is something to write on its row. */
export function hasNews({ webhook, found }: Receiver): boolean {
  const { good, failingSince, holdUntil, goneFrom } = found;
  if (goneFrom !== null || holdUntil > webhook.holdUntil) return true;
  return webhook.failingSince === null ? failingSince !== null : good;
}

/** Takes in how a request ended, after so many milliseconds. */
export function learn(
  receiver: Receiver,
  done: { receiver: "good" | "failed" | "gone"; holdUntil: number | null; at: number; tookMs: number },
  webhook: WebhookRow,
): void {
  const { found, tookMs } = receiver;
  const isGood = done.receiver === "good";
  receiver.tookMs = tookMs === null ? done.tookMs : tookMs + weight * (done.tookMs - tookMs);
  receiver.failures = isGood ? 0 : receiver.failures + 1;
  receiver.found = {
    good: found.good || isGood,
    failingSince: isGood ? null : (found.failingSince ?? done.at),
    holdUntil: Math.max(found.holdUntil, done.holdUntil ?? 0),
    goneFrom: done.receiver === "gone" ? webhook : found.goneFrom,
  };
}

/**
 * When the next request may begin after one that begins now. Of 1,000 a second, 50 may come at once; no second, wherever it begins,
 * has more than `maxPerSecond`.
 */
function paced({ webhook: { maxPerSecond }, beginsFrom }: Receiver, now: number): number {
  if (maxPerSecond === null) return 0;
  const atOnce = Math.ceil(maxPerSecond / 20);
  const apart = 1000 / (maxPerSecond - atOnce + 1);
  return Math.max(beginsFrom, now - (atOnce - 1) * apart) + apart;
}
