import type { SQL } from "drizzle-orm";
import { and, eq, getTableColumns, gt, inArray, isNotNull, isNull, or, sql } from "drizzle-orm";
import { bound } from "./bound.ts";
import type { Db, Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";
import type { DeliveryStore } from "./webhook-store.ts";

type Claims = Pick<DeliveryStore, "due" | "claim" | "abandon" | "renew" | "confirm" | "settle">;
type Outcome = Parameters<Claims["settle"]>[0][number];

/** So many claims of one delivery may run out one after another; then it is taken to kill whoever works on it. */
const deathsUntilParked = 3;

/** Of attempts, in one query: they are the part of an outcome that a stranger sizes, and D1 binds at most 2 MB. */
const mostCharacters = 250_000;

/** The half of the deliveries' repository that hands each of them to one worker at a time. */
export function claimDeliveriesRepository(store: Handle): Claims {
  const { webhooks, deliveries, events } = store.tables;
  const { locks, rows } = store.dialect;
  // Each column of each row takes its time: what a claim makes of the others is known.
  const {
    owner: _o,
    leaseUntil: _l,
    deaths: _d,
    webhookId: _w,
    nextAttemptAt: _n,
    finishedAt: _f,
    ...claimed
  } = getTableColumns(deliveries);

  // Literals, not parameters: only so do the databases see that the partial indexes serve.
  const underWay = sql`${deliveries.state} = 'delivering'`;
  const isDeadly = sql`${underWay} and ${deliveries.deaths} + 1 >= ${deathsUntilParked}`;

  const firstOf = (column: "next_attempt_at" | "lease_until", state: "pending" | "delivering") =>
    sql`(select min(${sql.raw(column)}) from ${deliveries}
      where webhook_id = ${webhooks}.id and state = ${sql.raw(`'${state}'`)})`;

  /** The webhooks that have some in a state: each is found by a leap behind the one before, however many deliveries it has. */
  function busy(state: "pending" | "delivering"): SQL {
    const next = sql`select min(webhook_id) from ${deliveries} where state = ${sql.raw(`'${state}'`)}`;
    return sql`(with recursive busy(id) as (
      ${next} union all select (${next} and webhook_id > busy.id) from busy where busy.id is not null
    ) select id from busy)`;
  }

  const waiting = prepared(store, [], (db) =>
    db
      .select({
        webhookId: webhooks.id,
        appId: webhooks.appId,
        holdUntil: webhooks.holdUntil,
        due: firstOf("next_attempt_at", "pending").mapWith(deliveries.nextAttemptAt),
        lease: firstOf("lease_until", "delivering").mapWith(deliveries.leaseUntil),
      })
      .from(webhooks)
      .where(
        and(
          isNull(webhooks.disabledBecause),
          or(inArray(webhooks.id, busy("pending")), inArray(webhooks.id, busy("delivering"))),
        ),
      ),
  );

  /** That a row of `given` names the claim that stands. */
  const isHeld = and(underWay, sql`${deliveries.id} = given.id`, sql`${deliveries.epoch} = given.epoch`);

  const { id, accountId, externalId, sequence, type, createdAt } = events;
  const written = { id, accountId, externalId, sequence, type, createdAt, data: sql<string>`${events.data}` };
  const eventsOf = preparedAmong(store, [], (db, _given, ids) =>
    db
      .select(written)
      .from(events)
      .where(and(inArray(events.id, ids), isNotNull(events.data))),
  );

  /**
   * Ids of up to `limit` deliveries that may be claimed now, those before all whose worker was lost. One that lost two is claimed when no
   * other such one is under way: else one that kills its worker would count deaths for all that were claimed with it.
   */
  function free(webhookId: string, now: number, limit: number): SQL {
    const [webhook, at, most] = [bound(webhookId), bound(now), bound(limit)];
    const isOpen = sql`exists (select 1 from webhooks where id = ${webhook} and disabled_because is null and hold_until <= ${at})`;
    const isSuspect = sql`exists (select 1 from deliveries where webhook_id = ${webhook} and state = 'delivering'
      and deaths > 1 and lease_until > ${at})`;
    const first = (name: string, condition: SQL, column: string, howMany: SQL) => sql`select id from (
      select id from deliveries where webhook_id = ${webhook} and ${condition} and ${sql.raw(column)} <= ${at} and ${isOpen}
      order by ${sql.raw(column)} limit ${howMany} ${locks.ours}) as ${sql.raw(name)}`;
    const lost = first("lost", sql`state = 'delivering' and deaths = 0`, "lease_until", most);
    const again = first("again", sql`state = 'delivering' and deaths > 0 and not ${isSuspect}`, "lease_until", sql`1`);
    const pending = first("fresh", sql`state = 'pending'`, "next_attempt_at", most);
    // Materialized, so that no plan runs it twice and locks others the second time.
    return sql`(with free as materialized (${again} union all ${lost} union all ${pending})
      select id from free limit ${most})`;
  }

  function settleSome(db: Db, outcomes: Outcome[]) {
    const given = outcomes.map(({ id, epoch, state, tries, attemptCount, attempts, nextAttemptAt, finishedAt }) => ({
      id,
      epoch,
      state,
      tries,
      attempt_count: attemptCount,
      attempts: JSON.stringify(attempts),
      next_attempt_at: nextAttemptAt,
      finished_at: finishedAt,
    }));
    return db
      .update(deliveries)
      .set({
        state: sql`given.state`,
        tries: sql`given.tries`,
        attemptCount: sql`given.attempt_count`,
        attempts: sql`given.attempts`,
        nextAttemptAt: sql`given.next_attempt_at`,
        finishedAt: sql`given.finished_at`,
        owner: null,
        leaseUntil: 0,
        deaths: 0,
      })
      .from(sql`${rows(given, outcomeColumns)} as given`)
      .where(isHeld)
      .returning({ id: deliveries.id });
  }

  return {
    async due() {
      const found = await waiting({});
      return found.flatMap(({ webhookId, appId, holdUntil, due, lease }) => {
        const first = Math.min(due ?? Infinity, lease ?? Infinity);
        return first === Infinity ? [] : [{ webhookId, appId, dueAt: Math.max(first, holdUntil) }];
      });
    },

    async claim(webhookId, { owner, now, leaseMs, limit }) {
      const unlessDeadly = (value: string | number, type: "text" | "bigint", parked: number | null) =>
        sql`case when ${isDeadly} then cast(${parked} as ${sql.raw(type)}) else cast(${value} as ${sql.raw(type)}) end`;
      const [taken] = await done(
        store.atomic((db) => [
          db
            .update(deliveries)
            .set({
              state: sql`case when ${isDeadly} then 'parked' else 'delivering' end`,
              owner: unlessDeadly(owner, "text", null),
              leaseUntil: unlessDeadly(now + leaseMs, "bigint", 0),
              finishedAt: sql`case when ${isDeadly} then cast(${now} as bigint) end`,
              nextAttemptAt: null,
              epoch: sql`${deliveries.epoch} + 1`,
              deaths: sql`${deliveries.deaths} + case when ${underWay} then 1 else 0 end`,
            })
            .where(inArray(deliveries.id, free(webhookId, now, limit)))
            .returning(claimed),
        ]),
      );
      const live = taken.filter(({ state }) => state === "delivering");
      const content = new Map(
        (await eventsOf({}, new Set(live.map(({ eventId }) => eventId)))).map((row) => [row.id, row]),
      );
      return live
        .map(({ epoch, ...row }) => {
          const event = content.get(row.eventId);
          const delivery = { ...row, webhookId, nextAttemptAt: null, finishedAt: null };
          return { delivery, epoch, event: event ?? null };
        })
        .toSorted((a, b) => (a.event?.sequence ?? 0) - (b.event?.sequence ?? 0));
    },

    async abandon(owner, now) {
      await done(
        store.atomic((db) => [
          db
            .update(deliveries)
            .set({ leaseUntil: now })
            .where(and(underWay, eq(deliveries.owner, owner), gt(deliveries.leaseUntil, now))),
        ]),
      );
    },

    async renew(claims, leaseUntil) {
      if (claims.length === 0) return [];
      const given = claims.map(({ id, epoch }) => ({ id, epoch }));
      const [renewed] = await done(
        store.atomic((db) => [
          db
            .update(deliveries)
            .set({ leaseUntil })
            .from(sql`${rows(given, { id: "text", epoch: "bigint" })} as given`)
            .where(isHeld)
            .returning({ id: deliveries.id }),
        ]),
      );
      return renewed.map(({ id }) => id);
    },

    async confirm(claims) {
      if (claims.length === 0) return [];
      const given = claims.map(({ id, epoch, version }) => ({ id, epoch, version }));
      const named = rows(given, { id: "text", epoch: "bigint", version: "bigint" });
      const isOpen = sql`${webhooks.id} = ${deliveries.webhookId} and ${webhooks.version} = given.version`;
      // SQLite keeps the order of a cross join: from what is named to its rows.
      const found = await store.read((db) =>
        db
          .select({ id: sql<string>`${deliveries}.id` })
          .from(sql`${named} as given cross join ${deliveries} cross join ${webhooks}`)
          .where(and(isHeld, isOpen, isNull(webhooks.disabledBecause))),
      );
      return found.map(({ id }) => id);
    },

    async settle(outcomes) {
      const [first, ...more] = bySize(outcomes);
      if (first === undefined) return [];
      const written = await done(
        store.atomic((db) => [settleSome(db, first), ...more.map((some) => settleSome(db, some))]),
      );
      return written.flat().map(({ id }) => id);
    },
  };
}

const outcomeColumns = {
  id: "text",
  epoch: "bigint",
  state: "text",
  tries: "bigint",
  attempt_count: "bigint",
  attempts: "text",
  next_attempt_at: "bigint",
  finished_at: "bigint",
} as const;

/** In groups that are small enough for one query. */
function bySize(outcomes: Outcome[]): Outcome[][] {
  const found: Outcome[][] = [];
  let room = 0;
  for (const outcome of outcomes) {
    const size = outcome.attempts.reduce((sum, { excerpt }) => sum + (excerpt?.length ?? 0), 0);
    if (room < size || found.length === 0) {
      found.push([]);
      room = mostCharacters;
    }
    found.at(-1)?.push(outcome);
    room -= size;
  }
  return found;
}
