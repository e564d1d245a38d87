import { alone, type Fleet, partOf, partOfRate } from "../mail/fleet.ts";
import type { DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";

/** A delivery that this process has claimed. */
export type Held = {
  delivery: DeliveryRow;
  epoch: number;
  /** What is sent: short, however long its event is. */
  body: string;
  receiver: Receiver;
  leaseUntil: number;
  /** When it was last known to be claimed still, of a webhook as it is here. Milliseconds since the epoch. */
  confirmedAt: number;
};

/** What all receivers of an app have together: requests under way, and deliveries claimed. */
type App = { busy: number; held: number };

/** What attempts have shown of a receiver, since its webhook was last changed, and is not on its row yet. */
export type Found = {
  /** Something was delivered. */
  good: boolean;
  /** The first failure since, milliseconds since the epoch. */
  failingSince: number | null;
  /** It asked to be left alone until then; 0: it did not. */
  holdUntil: number;
  /** It answered 410; the webhook as it was then. */
  goneFrom: WebhookRow | null;
  /** What had been failing for a day failed again. */
  lasting: boolean;
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
  /** The processes that send to it. */
  fleet: Fleet;
  found: Found;
  /** Counts what is noted, so that an older reading of the row is told apart. */
  noted: number;
  usedAt: number;
};

export const nothingFound: Found = { good: false, failingSince: null, holdUntil: 0, goneFrom: null, lasting: false };

/** Requests under way at once, of all webhooks together, where the runtime allows as many. */
const mostHands = 512;
/** Deliveries claimed at once, of all webhooks together. */
const heldInAll = 2_560;
/** So many failures in a row leave a webhook one hand. */
const failuresToOneHand = 5;
/**
 * What is claimed ahead is begun in about this time, milliseconds, and is at most this many times what may be under way in all processes
 * together: of its part only, each process would claim the less at once the more there are, and the database do more for each delivery.
 */
const ahead = { ms: 2_000, times: 10 };
/** What was confirmed longer ago is confirmed again before it begins, milliseconds. */
const freshMs = 1_000;
/** The longest that a rate makes the next request wait, milliseconds. */
const longestPace = 1_000;

export type Receivers = ReturnType<typeof createReceivers>;

/** All receivers of a process, and the hands that they share. */
export function createReceivers(fleet: Fleet = alone, handsInAll = mostHands) {
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
        const { failingSince, holdUntil, version, url } = known.webhook;
        const isChanged = webhook.version !== version;
        known.webhook = known.noted === noted || isChanged ? webhook : { ...webhook, failingSince, holdUntil };
        if (isChanged) known.found = nothingFound;
        if (webhook.url !== url) Object.assign(known, { failures: 0, tookMs: null });
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
        fleet,
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
        if (mustWait(one, now) || isStale(one.waiting[0], now, freshMs)) continue;
        if (one.busy >= handsOf(one) || one.busy >= shareOf(one, "busy", handsInAll)) continue;
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

    /** What waits and has to be confirmed, with what soon will be as old: also where no hand is free, lest it lose its turn by that. */
    unconfirmed(now: number): Held[] {
      const late = [...ready].filter(({ waiting }) => isStale(waiting[0], now, freshMs));
      return late.flatMap(({ waiting }) => waiting.filter((one) => isStale(one, now, freshMs / 2)));
    },

    /** Takes away of these what waits; the others have begun or were taken away before. */
    take(some: Set<Held>): Held[] {
      const taken: Held[] = [];
      for (const receiver of new Set([...some].map((one) => one.receiver))) {
        taken.push(...receiver.waiting.filter((one) => some.has(one)));
        receiver.waiting = receiver.waiting.filter((one) => !some.has(one));
        if (receiver.waiting.length === 0) ready.delete(receiver);
      }
      return taken;
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

    /** Whom to ask for what is due: apps with the least under way first, then webhooks. */
    inTurn(due: { webhookId: string }[], now: number): string[] {
      const busyOf = (one: Receiver | undefined) => (one?.busy ?? 0) + (one?.waiting.length ?? 0);
      return due
        .map(({ webhookId }) => ({ webhookId, known: all.get(webhookId) }))
        .filter(({ known }) => {
          if (known === undefined) return true;
          return isBlocked(known, now) ? !hasNews(known) : this.wanted(known) > 0;
        })
        .toSorted((a, b) => (a.known?.app.busy ?? 0) - (b.known?.app.busy ?? 0) || busyOf(a.known) - busyOf(b.known))
        .map(({ webhookId }) => webhookId);
    },

    /** How many more of a webhook's deliveries are to be claimed: none while there is more than half of what may wait. */
    wanted(receiver: Receiver): number {
      const { webhook, tookMs, waiting, busy } = receiver;
      const hands = Math.max(1, Math.min(handsOf(receiver), busy + handsInAll - inAll.busy));
      const inTime = tookMs === null || isFailing(receiver) ? 0 : Math.floor((hands * ahead.ms) / Math.max(tookMs, 1));
      const room = Math.max(hands, Math.min(inTime, ahead.times * webhook.maxConcurrency)) - busy;
      const perSecond = webhook.maxPerSecond === null ? Infinity : partOfRate(fleet, webhook.maxPerSecond);
      const inRate = Math.ceil((perSecond * ahead.ms) / 1000);
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
  return isFailing(receiver) ? 1 : partOf(receiver.fleet, receiver.webhook.maxConcurrency);
}

/** Nothing is to be sent now: it is disabled, or asked to be left alone. */
export function isBlocked({ webhook, found }: Receiver, now: number): boolean {
  const holdUntil = Math.max(webhook.holdUntil, found.holdUntil);
  return webhook.disabledBecause !== null || found.goneFrom !== null || holdUntil > now;
}

/** Its rate lets nothing begin yet. A clock that was set back makes nobody wait longer for it. */
export function mustWait(receiver: Receiver, now: number): boolean {
  if (receiver.beginsFrom > now + longestPace * receiver.fleet.live()) receiver.beginsFrom = now;
  return receiver.beginsFrom > now;
}

/** It was not confirmed in the last `ms`; a clock that was set back tells nothing. */
function isStale(held: Held | undefined, now: number, ms: number): boolean {
  return held !== undefined && Math.abs(now - held.confirmedAt) > ms;
}

/** There is something to write on its row. */
export function hasNews({ webhook, found }: Receiver): boolean {
  const { good, failingSince, holdUntil, goneFrom } = found;
  if (goneFrom !== null || holdUntil > webhook.holdUntil) return true;
  return webhook.failingSince === null ? failingSince !== null : good;
}

/**
 * When the next request may begin after one that begins now. Of 1,000 a second, 50 may come at once; no second, wherever it begins,
 * has more than `maxPerSecond`.
 */
function paced({ webhook: { maxPerSecond }, beginsFrom, fleet }: Receiver, now: number): number {
  if (maxPerSecond === null) return 0;
  const perSecond = partOfRate(fleet, maxPerSecond);
  const atOnce = Math.ceil(perSecond / 20);
  const apart = 1000 / (perSecond - atOnce + 1);
  return Math.max(beginsFrom, now - (atOnce - 1) * apart) + apart;
}
