import { deliverWebhooks, type DeliverNeeds } from "../../src/background/deliver-webhooks.ts";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { Failure } from "../../src/errors.ts";
import type { NewEvent } from "../../src/store/rows.ts";
import type { DeliveryRow, WebhookRow } from "../../src/store/webhook-rows.ts";
import { createFakeClock } from "../fake-clock.ts";

/** What a receiver does: its status after so many milliseconds; no status: it never answers. */
export type Receives = (nth: number, at: number) => { ms: number; status?: number; retryAfterMs?: number };

type Kept = DeliveryRow & { epoch: number; owner: string | null; leaseUntil: number; deaths: number; isGone: boolean };

const leaseMs = 20_000;
export const timeoutMs = 15_000;

/** The deliverer over a database and receivers that are made up, on a clock that stands still until it is told to go on. */
export function openHouse(change: Partial<DeliverNeeds> = {}) {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  const webhooks = new Map<string, WebhookRow>();
  const rows = new Map<string, Kept>();
  const receives = new Map<string, Receives>();
  /** Every attempt that was begun, in order. */
  const attempts: { webhookId: string; eventId: string; at: number; url: string; body: string }[] = [];
  const open = new Map<string, number>();
  const mostOpen = new Map<string, number>();
  const disabled: NewEvent[] = [];
  const calls: { name: string; size: number }[] = [];
  const world = { isAway: false, stolen: new Set<string>() };
  let number = 0;

  /** A call of the database: its answer comes later than at once. */
  async function call<T>(name: string, size: number, work: () => T): Promise<T> {
    calls.push({ name, size });
    if (world.isAway) throw new Failure("storage-unavailable", "The database is away.");
    const result = work();
    await Promise.resolve();
    return result;
  }

  const deliveries: DeliverNeeds["deliveries"] = {
    due: () =>
      call("due", 1, () =>
        [...webhooks.values()]
          .filter(({ disabledBecause }) => disabledBecause === null)
          .flatMap(({ id, appId, holdUntil }) => {
            const at = [...rows.values()]
              .filter(({ webhookId }) => webhookId === id)
              .flatMap(({ state, nextAttemptAt, leaseUntil }) =>
                state === "pending" ? (nextAttemptAt ?? []) : state === "delivering" ? leaseUntil : [],
              );
            return at.length === 0 ? [] : { webhookId: id, appId, dueAt: Math.max(Math.min(...at), holdUntil) };
          }),
      ),
    claim: (webhookId, { owner, now, leaseMs: ms, limit }) =>
      call("claim", limit, () => {
        const webhook = webhooks.get(webhookId);
        if (webhook === undefined || webhook.disabledBecause !== null || webhook.holdUntil > now) return [];
        const free = [...rows.values()].filter(
          (row) =>
            row.webhookId === webhookId &&
            (row.state === "pending"
              ? (row.nextAttemptAt ?? Infinity) <= now
              : row.state === "delivering" && row.leaseUntil <= now),
        );
        return free.slice(0, limit).map((row) => {
          if (row.state === "delivering") row.deaths += 1;
          Object.assign(row, { state: "delivering", owner, leaseUntil: now + ms, nextAttemptAt: null });
          row.epoch += 1;
          const event = row.isGone ? null : eventOf(row);
          return { delivery: deliveryOf(row), epoch: row.epoch, event };
        });
      }),
    abandon: (owner, now) =>
      call("abandon", 1, () => {
        for (const row of rows.values())
          if (row.owner === owner && row.state === "delivering") row.leaseUntil = Math.min(row.leaseUntil, now);
      }),
    renew: (claims, leaseUntil) =>
      call("renew", claims.length, () => {
        for (const { id, epoch } of claims) {
          const row = rows.get(id);
          if (row?.epoch === epoch && row.state === "delivering") row.leaseUntil = leaseUntil;
        }
        return claims.filter(stands).map(({ id }) => id);
      }),
    confirm: (claims) =>
      call("confirm", claims.length, () =>
        claims
          .filter((one) => {
            const webhook = webhooks.get(rows.get(one.id)?.webhookId ?? "");
            return stands(one) && webhook?.version === one.version && webhook.disabledBecause === null;
          })
          .map(({ id }) => id),
      ),
    settle: (outcomes) =>
      call("settle", outcomes.length, () =>
        outcomes.flatMap(({ epoch, ...outcome }) => {
          const row = rows.get(outcome.id);
          if (row?.epoch !== epoch || row.state !== "delivering") return [];
          Object.assign(row, outcome, { owner: null, leaseUntil: 0, deaths: 0 });
          return outcome.id;
        }),
      ),
    countPending: () => call("countPending", 1, () => 0),
  };

  function stands({ id, epoch }: { id: string; epoch: number }): boolean {
    const row = rows.get(id);
    return row?.epoch === epoch && row.state === "delivering";
  }

  const alter = (id: string, part: Partial<WebhookRow>): void => {
    const row = webhooks.get(id);
    if (row !== undefined) webhooks.set(id, { ...row, ...part });
  };

  const needs: DeliverNeeds = {
    deliveries,
    webhooks: {
      byId: (id) => call("byId", 1, () => webhooks.get(id) ?? null),
      note: ({ id, version }, { failingSince, holdUntil }) =>
        call("note", 1, () => {
          const row = webhooks.get(id);
          if (row?.version !== version) return;
          if (failingSince === null || (failingSince !== undefined && row.failingSince === null))
            alter(id, { failingSince });
          if (holdUntil !== undefined && holdUntil > row.holdUntil) alter(id, { holdUntil });
        }),
      disable: ({ id, version }, because, now, event) =>
        call("disable", 1, () => {
          const row = webhooks.get(id);
          if (row?.version !== version || row.disabledBecause !== null) return false;
          alter(id, { disabledBecause: because, disabledAt: now, version: version + 1 });
          disabled.push(event);
          return true;
        }),
    },
    attempt: async (webhook, { id: eventId, body }) => {
      const at = clock.now();
      const nth = attempts.filter(({ webhookId }) => webhookId === webhook.id).length;
      attempts.push({ webhookId: webhook.id, eventId, at, url: webhook.url, body });
      count(webhook.id, 1);
      const { ms, status, retryAfterMs } = receives.get(webhook.id)?.(nth, at) ?? { ms: 1, status: 204 };
      await clock.sleep(status === undefined ? timeoutMs : ms);
      count(webhook.id, -1);
      const error = status === undefined ? { code: "upstream-timeout", detail: "It did not answer." } : null;
      const attempt = { at, durationMs: clock.now() - at, status: status ?? null, error, excerpt: null };
      return { attempt, retryAfterMs: retryAfterMs ?? null };
    },
    wake,
    clock,
    log: { write() {} },
    metrics: { count() {}, observe() {}, gauge() {} },
    owner: "me",
    leaseMs,
    timeoutMs,
    random: () => 0.5,
    ...change,
  };

  function count(webhookId: string, by: number): void {
    const now = (open.get(webhookId) ?? 0) + by;
    open.set(webhookId, now);
    mostOpen.set(webhookId, Math.max(now, mostOpen.get(webhookId) ?? 0));
  }

  const deliverer = deliverWebhooks(needs);
  let nextAt: number | null = clock.now();

  /** What the entry's loop does, as long as there is something to do now. */
  async function settleDown(): Promise<void> {
    for (let round = 0; round < 50; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const woken = await isWoken();
      if (!woken && (nextAt === null || nextAt > clock.now())) return;
      nextAt = await deliverer.step().then(
        (stepped) => stepped.nextAt,
        () => clock.now() + 1_000,
      );
    }
  }

  /** The wait of a loop that has no time. */
  async function isWoken(): Promise<boolean> {
    const over = new AbortController();
    const waiting = wake.wait(["deliveries", "events"], null, 1_000, over.signal);
    over.abort();
    return waiting;
  }

  return {
    clock,
    wake,
    deliverer,
    needs,
    webhooks,
    rows,
    attempts,
    mostOpen,
    disabled,
    calls,
    world,

    add(part: Partial<WebhookRow> = {}, behaviour?: Receives): string {
      const id = part.id ?? `whk_${String(++number).padStart(3, "0")}`;
      webhooks.set(id, webhookRow({ id, createdAt: clock.now(), ...part }));
      if (behaviour !== undefined) receives.set(id, behaviour);
      return id;
    },
    change: alter,
    receive: (id: string, behaviour: Receives) => receives.set(id, behaviour),

    /** So many events for a webhook, as their atomic leaves them. */
    queue(webhookId: string, howMany = 1, part: Partial<Kept> = {}): Kept[] {
      const { appId = "" } = webhooks.get(webhookId) ?? {};
      const added = Array.from({ length: howMany }, (): Kept => {
        const nth = String(++number).padStart(6, "0");
        return { ...newDelivery(`dlv_${nth}`, `evt_${nth}`, clock.now()), webhookId, appId, ...part };
      });
      for (const row of added) rows.set(row.id, row);
      wake.wake("events", appId);
      return added;
    },

    /** Lets time pass, in ticks. */
    async pass(ms: number, tick = ms): Promise<void> {
      await settleDown();
      for (let passed = 0; passed < ms; passed += tick) {
        await clock.advance(Math.min(tick, ms - passed));
        await settleDown();
      }
    },

    states(webhookId: string): Record<string, number> {
      const found: Record<string, number> = {};
      for (const { webhookId: of, state } of rows.values())
        if (of === webhookId) found[state] = (found[state] ?? 0) + 1;
      return found;
    },
    begun: (webhookId: string) => attempts.filter((one) => one.webhookId === webhookId),
    openOf: (webhookId: string) => open.get(webhookId) ?? 0,
    openInAll: () => [...open.values()].reduce((sum, one) => sum + one, 0),
  };
}

function newDelivery(id: string, eventId: string, now: number): Kept {
  return {
    id,
    appId: "",
    webhookId: "",
    accountId: "acc",
    eventId,
    type: "message.created",
    testEvent: null,
    state: "pending",
    tries: 0,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: now,
    createdAt: now,
    finishedAt: null,
    epoch: 0,
    owner: null,
    leaseUntil: 0,
    deaths: 0,
    isGone: false,
  };
}

function deliveryOf({ epoch: _e, owner: _o, leaseUntil: _l, deaths: _d, isGone: _g, ...row }: Kept): DeliveryRow {
  return row;
}

function eventOf({ eventId, accountId, type, createdAt }: Kept) {
  return { id: eventId, accountId, externalId: null, sequence: 1, type, createdAt, data: "{}" };
}

export function webhookRow(part: Partial<WebhookRow>): WebhookRow {
  return {
    id: "whk",
    appId: "app_a",
    url: "https://receiver.example/hook?token=1",
    description: "",
    types: null,
    accountIds: null,
    folderRoles: null,
    maxConcurrency: 20,
    maxPerSecond: null,
    sealedKey: "",
    sealedSecret: "",
    sealedPreviousSecret: null,
    previousSecretUntil: null,
    headerNames: [],
    sealedHeaders: null,
    disabledBecause: null,
    disabledAt: null,
    failingSince: null,
    holdUntil: 0,
    createdAt: 0,
    updatedAt: 0,
    version: 1,
    ...part,
  };
}
