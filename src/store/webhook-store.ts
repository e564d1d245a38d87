import type { DeliveryAttempt, DeliveryState } from "../mail/webhook.ts";
import type { NewEvent } from "./rows.ts";
import type { DeliveryClaim, DeliveryRow, WebhookRow } from "./webhook-rows.ts";

/** The part of `Store` that keeps webhooks. */
export interface WebhookStore {
  insert(row: WebhookRow): Promise<void>;
  get(appId: string, id: string): Promise<WebhookRow | null>;
  /** By id alone; for background work. */
  byId(id: string): Promise<WebhookRow | null>;
  /**
   * Ascending by id. `within` null means all of the app; else only those that name accounts, and none but these.
   */
  list(appId: string, page: { after: string | null; limit: number; within: string[] | null }): Promise<WebhookRow[]>;
  /**
   * Writes the row where its version is still `version`, as version + 1; `createdAt` stays. False, and nothing is written, where it is
   * another one or the webhook is gone. `sealedKey` stays too, and so do `failingSince` and `holdUntil`, which are only taken away, by
   * null and 0.
   */
  update(row: WebhookRow, version: number): Promise<boolean>;
  /** Removes it and, in steps of some hundreds, its deliveries. True when there was one. */
  remove(appId: string, id: string): Promise<boolean>;
  /**
   * What deliveries have found out about the receiver, where the webhook's version is still `version`: else it may be about another one.
   * `failingSince` is only set where none is set yet, and only null takes it away; `holdUntil` is only moved up. Not a change of its version.
   */
  note(
    webhook: Pick<WebhookRow, "id" | "version">,
    found: { failingSince?: number | null; holdUntil?: number },
  ): Promise<void>;
  /**
   * Disables it and appends the event, in one atomic, where it is enabled and its version is still `version`, which counts on, lest a
   * change that was under way enable it again. True when it did.
   */
  disable(
    webhook: Pick<WebhookRow, "id" | "version">,
    because: "gone" | "failing",
    now: number,
    event: NewEvent,
  ): Promise<boolean>;
  /** The wrapped data keys of all apps' webhooks, ascending by id; for a rotation of the sealing secret. */
  sealedKeys(page: { after: string | null; limit: number }): Promise<Pick<WebhookRow, "id" | "appId" | "sealedKey">[]>;
  /** Writes a key that was wrapped anew, unless another one has come in its place. */
  rewrap(id: string, before: string, sealedKey: string): Promise<void>;
}

/**
 * The part of `Store` that keeps deliveries. Those of events are inserted by the atomic that appends the event, for each webhook of
 * the app that is enabled at that moment and asks for it, due at once.
 */
export interface DeliveryStore {
  /** Of a test; under way from the start, claimed by `owner`. Fails `not-found` when the webhook is gone. */
  insertTest(row: DeliveryRow, owner: string, leaseUntil: number): Promise<{ epoch: number }>;
  get(webhookId: string, id: string): Promise<DeliveryRow | null>;
  /** Newest first (descending id). */
  list(
    webhookId: string,
    page: { before: string | null; limit: number; states: DeliveryState[] | null },
  ): Promise<DeliveryRow[]>;
  /**
   * Enabled webhooks that have a delivery pending, with when the first of them is due (or their hold ends, when that is later); all
   * apps', in no order. A delivery whose claim ran out counts as due then.
   */
  due(): Promise<{ webhookId: string; appId: string; dueAt: number }[]>;
  /**
   * Claims up to `limit` of a webhook's due deliveries, the longest due first, in one atomic update: owner, lease, epoch + 1, `delivering`.
   * Also those whose lease ran out; of these each counts a death, and one with three in a row is `parked` and not claimed.
   * None where the webhook is disabled or gone, or held. In the order of their events.
   */
  claim(
    webhookId: string,
    by: { owner: string; now: number; leaseMs: number; limit: number },
  ): Promise<DeliveryClaim[]>;
  /** Lets the claims of `owner` run out now: they are of a process that had his name before. */
  abandon(owner: string, now: number): Promise<void>;
  /** Extends leases while their epochs hold, also where they ran out; one atomic for all. Ids of those that stand. */
  renew(claims: { id: string; epoch: number }[], leaseUntil: number): Promise<string[]>;
  /** Of claims, the ids of those that may still be begun: the epoch holds, and the webhook is enabled and its version is `version`. */
  confirm(claims: { id: string; epoch: number; version: number }[]): Promise<string[]>;
  /**
   * Writes outcomes while their epochs hold and gives the claims back, one atomic for all; the others are left alone. A row that is
   * given back without an attempt keeps its attempts and `nextAttemptAt`. Ids of those that were written.
   */
  settle(
    outcomes: (Pick<
      DeliveryRow,
      "id" | "state" | "tries" | "attemptCount" | "attempts" | "nextAttemptAt" | "finishedAt"
    > & {
      epoch: number;
    })[],
  ): Promise<string[]>;
  /**
   * Makes a delivery that is over, or waits, due at `now` and begins its schedule anew; the row then. "under-way": it is being delivered;
   * "gone": its event's content is no longer kept. Null when there is no such delivery.
   */
  redeliver(webhookId: string, id: string, now: number): Promise<DeliveryRow | "under-way" | "gone" | null>;
  /**
   * Removes what was delivered before `delivered`, anything created before `created`, and what belongs to no webhook any more;
   * returns how many. In steps of some hundreds.
   */
  sweep(before: { delivered: number; created: number }): Promise<number>;
  /** Makes tests `failed`, with this attempt, whose claim ran out by `now`: nobody else ends them while their webhook is disabled. */
  failTests(now: number, attempt: DeliveryAttempt): Promise<void>;
  /** How many deliveries wait, of all apps; for metrics. */
  countPending(): Promise<number>;
}
