import type { Fleet } from "../mail/fleet.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock, Log, Metrics } from "../observe.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";
import type { DeliveryStore, WebhookStore } from "../store/webhook-store.ts";
import type { Attempted } from "../webhooks/attempt-delivery.ts";
import { outcomeOf } from "../webhooks/outcome.ts";
import { claimDeliveries } from "./claim-deliveries.ts";
import { confirmWaiting } from "./confirm-waiting.ts";
import { holdDeliveries } from "./held-deliveries.ts";
import { learn } from "./learn-receiver.ts";
import { hasLasted, noteReceivers } from "./note-receiver.ts";
import { createReceivers, hasNews, type Held, isBlocked, isFailing, mustWait, type Receiver } from "./receivers.ts";
import { reportDelivery } from "./report-delivery.ts";
import { type Outcome, settleDeliveries } from "./settle-deliveries.ts";
import { brokenBy, untouched } from "./unattempted.ts";

export type DeliverNeeds = {
  webhooks: Pick<WebhookStore, "byId" | "note" | "disable">;
  deliveries: Pick<DeliveryStore, "due" | "claim" | "abandon" | "renew" | "confirm" | "settle" | "countPending">;
  /** Posts a body to a webhook, under the id of its event; what came of it. */
  attempt: (webhook: WebhookRow, message: { id: string; body: string }) => Promise<Attempted>;
  wake: Pick<Wake, "wake">;
  /** Absent: this process is the only one. */
  fleet?: Fleet;
  /** Requests under way at once, of all webhooks together; absent: as many as is good for a process. */
  webhookHands?: number;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** Names this process in claims. */
  owner: string;
  /** How long a claim holds without being renewed, beyond the time that an attempt may take, milliseconds. */
  leaseMs: number;
  /** How long an attempt may take, milliseconds. */
  timeoutMs: number;
  /** From 0 to 1, for jitter. */
  random: () => number;
};

export type Deliverer = {
  /**
   * One step: extends the claims, claims what is due as far as there are hands for it, and begins. It does not wait for receivers:
   * each end begins what waits, and wakes "deliveries" when it is time for a step. `nextAt` is when the next step is due by itself, or null;
   * one before `notBefore` would find little for what it costs. Milliseconds since the epoch. Fails with `storage-unavailable`.
   */
  step(): Promise<{ nextAt: number | null; notBefore: number }>;
  /** Begins nothing more, gives back what was not begun, and waits for what is under way and its outcomes. */
  stop(): Promise<void>;
};

/** How soon one step may follow another, milliseconds: what comes in between is one step's. */
const restMs = 10;
/** Webhooks whose deliveries are claimed in one step. */
const claimedAtOnce = 64;
/** How soon a webhook is asked again that had nothing to claim after all, milliseconds. */
const againMs = 250;
/** How long a receiver is remembered that is sent nothing, and how often that is seen to and the pending are counted, milliseconds. */
const rememberMs = 300_000;
const countMs = 30_000;
/** How long outcomes are still tried to be written at the end, milliseconds. */
const lastWritesMs = 3_000;

/** Delivers events to webhooks, each webhook by itself: one whose receiver is slow or dead holds up no other. */
export function deliverWebhooks(needs: DeliverNeeds): Deliverer {
  const { deliveries, clock, log, metrics, wake } = needs;
  const receivers = createReceivers(needs.fleet, needs.webhookHands);
  const settling = settleDeliveries(needs, written);
  const held = holdDeliveries(needs, receivers);
  const confirm = confirmWaiting(needs, receivers, { giveBack, begin: beginFresh });
  const notes = noteReceivers(needs, keepOnlyWhatMay);
  const claim = claimDeliveries(needs, {
    receivers,
    held,
    settle,
    giveBack,
    giveBackAll,
    maySend,
    keepOnlyWhatMay,
    begin,
  });
  /** Told when no request is under way. */
  let onQuiet = (): void => {};
  let countedAt = 0;
  let isFirst = true;
  let isCalled = false;
  let isStopping = false;

  /** Asks for a step, once until it comes. */
  function callStep(appId: string): void {
    if (!isCalled) wake.wake("deliveries", appId);
    isCalled = true;
  }

  function settle({ epoch }: Held, outcome: Omit<Outcome, "epoch">): void {
    settling.add({ ...outcome, epoch });
  }

  function giveBack(mine: Held): void {
    settle(mine, untouched(mine.delivery, clock.now()));
  }

  function giveBackAll(receiver: Receiver, kept = 0): void {
    for (const one of receivers.cut(receiver, kept)) giveBack(one);
  }

  function maySend(receiver: Receiver): boolean {
    return !isStopping && !isBlocked(receiver, clock.now());
  }

  /** Gives back what must not be sent now, or would hold others up. */
  function keepOnlyWhatMay(receiver: Receiver): void {
    if (!maySend(receiver)) giveBackAll(receiver);
    else if (isFailing(receiver)) giveBackAll(receiver, Math.max(0, 1 - receiver.busy));
  }

  /** Begins what waits, as far as hands and rates allow, and what has waited long as soon as it is confirmed. */
  function begin(): void {
    beginFresh();
    const [first] = receivers.unconfirmed(clock.now());
    // What failed is tried again by the next step.
    if (first !== undefined) confirm().catch(() => callStep(first.delivery.appId));
  }

  function beginFresh(): void {
    for (;;) {
      const next = receivers.begin(clock.now());
      if (next === null) return;
      void deliver(next.receiver, next.held);
    }
  }

  /** Never rejects. */
  async function deliver(receiver: Receiver, mine: Held): Promise<void> {
    try {
      if (held.isLate(mine)) giveBack(mine);
      else await attempt(receiver, mine);
    } catch (error) {
      log.write("error", "delivery.broke", { deliveryId: mine.delivery.id, error });
      held.letGo(mine);
    }
    receivers.end(receiver);
    keepOnlyWhatMay(receiver);
    begin();
    const isPaced = receiver.waiting.length > 0 && mustWait(receiver, clock.now());
    if (isPaced || (receiver.more && receivers.wanted(receiver) > 0)) callStep(receiver.webhook.appId);
    if (receivers.busy() === 0) onQuiet();
  }

  async function attempt(receiver: Receiver, mine: Held): Promise<void> {
    const { webhook } = receiver;
    const { delivery, body } = mine;
    const began = clock.now();
    let attempted: Attempted;
    try {
      attempted = await needs.attempt(webhook, { id: delivery.eventId, body });
    } catch (error) {
      log.write("error", "delivery.broke", { deliveryId: delivery.id, error });
      attempted = brokenBy(began, clock.now());
    }
    const now = clock.now();
    const outcome = outcomeOf(delivery, attempted, { now, random: needs.random() });
    // What went wrong with us says nothing about the receiver.
    if (attempted.attempt.error?.code !== "internal") {
      const lasting = hasLasted(delivery, began);
      learn(receiver, { ...outcome, at: began, tookMs: now - began, lasting }, webhook);
      if (outcome.receiver !== "good" || hasNews(receiver)) notes.add(receiver);
    }
    settle(mine, outcome.settled);
    reportDelivery(needs, delivery, outcome.settled.state, attempted.attempt);
  }

  /** Outcomes stand: their claims are over, and what was found out about their receivers is noted. */
  async function written(outcomes: Outcome[]): Promise<void> {
    for (const { id, epoch, state } of outcomes) {
      const mine = held.find(id, epoch);
      if (mine === null) continue;
      held.letGo(mine);
      // When it is due next has to be known to whoever waits for that.
      if (state === "pending") callStep(mine.delivery.appId);
    }
    await notes.write();
  }

  function measure(): void {
    metrics.gauge("postern_webhook_requests", receivers.busy());
    if (clock.now() - countedAt < countMs) return;
    countedAt = clock.now();
    receivers.forget(clock.now() - rememberMs);
    deliveries.countPending().then(
      (pending) => metrics.gauge("postern_webhook_deliveries_pending", pending),
      () => {},
    );
  }

  return {
    async step() {
      isCalled = false;
      if (isFirst) await deliveries.abandon(needs.owner, clock.now());
      isFirst = false;
      await held.renew();
      // What is known comes before what is to be found out: else it would be delivered a second time.
      if (settling.isStuck()) return { nextAt: clock.now() + againMs, notBefore: clock.now() + restMs };
      await confirm();
      await notes.write();
      const begun = clock.now();
      const waiting = await deliveries.due();
      const now = clock.now();
      // However many webhooks there are, looking for what is due takes no more than a third of the time.
      const notBefore = begun + Math.max(restMs, 3 * (now - begun));
      for (const receiver of receivers.all.values()) receiver.more = false;
      const due = waiting.filter(({ dueAt }) => dueAt <= now);
      for (const { webhookId } of due) {
        const known = receivers.all.get(webhookId);
        if (known !== undefined) known.more = true;
      }
      const asked = receivers.inTurn(due, now);
      const answers = await Promise.allSettled(asked.slice(0, claimedAtOnce).map(claim));
      begin();
      measure();
      const failed = answers.find((answer) => answer.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      const wasEmpty = answers.some((answer) => answer.status === "fulfilled" && !answer.value);
      const at = [
        ...(asked.length > claimedAtOnce ? [now] : []),
        ...(wasEmpty ? [now + againMs] : []),
        ...waiting.flatMap(({ dueAt }) => (dueAt > now ? dueAt : [])),
        ...[...receivers.ready()].flatMap((one) => (mustWait(one, now) ? one.beginsFrom : [])),
      ];
      const nextAt = at.reduce((first, one) => Math.min(first, one), held.renewal());
      return { nextAt: nextAt === Infinity ? null : nextAt, notBefore };
    },

    async stop() {
      isStopping = true;
      for (const receiver of receivers.all.values()) keepOnlyWhatMay(receiver);
      if (receivers.busy() > 0) await new Promise<void>((resolve) => (onQuiet = resolve));
      await settling.end(clock.now() + lastWritesMs);
    },
  };
}
