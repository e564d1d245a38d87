import type { SQL } from "drizzle-orm";
import { and, asc, count, desc, eq, getTableColumns, gt, inArray, lt, lte, ne, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { deliveryStates } from "../mail/webhook.ts";
import { claimDeliveriesRepository } from "./claim-deliveries.ts";
import type { Handle } from "./handle.ts";
import { done, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { DeliveryStore } from "./webhook-store.ts";
import { withoutClaim } from "./without-claim.ts";

const removedAtOnce = 500;

export function deliveriesRepository(store: Handle): DeliveryStore {
  const { webhooks, deliveries, events } = store.tables;
  const columns = withoutClaim(getTableColumns(deliveries));

  const one = prepared(store, ["webhookId", "id"], (db, { webhookId, id }) =>
    db
      .select(columns)
      .from(deliveries)
      .where(and(eq(deliveries.webhookId, webhookId), eq(deliveries.id, id))),
  );

  const waiting = prepared(store, [], (db) =>
    db
      .select({ count: count() })
      .from(deliveries)
      .where(sql`${deliveries.state} = 'pending'`),
  );

  /** The next id of a webhook, from one on, that has deliveries; `standing` is null where the webhook itself is gone. */
  const nextHolder = prepared(store, ["after"], (db, { after }) =>
    db
      .select({
        id: deliveries.webhookId,
        standing: sql`(select webhooks.id from ${webhooks} where webhooks.id = ${deliveries}.webhook_id)`,
      })
      .from(deliveries)
      .where(gt(deliveries.webhookId, after))
      .orderBy(asc(deliveries.webhookId))
      .limit(1),
  );

  const itsContent = sql`(${deliveries.testEvent} is not null or exists
    (select 1 from ${events} where ${events.id} = ${deliveries.eventId} and ${events.data} is not null))`;

  return {
    async insertTest(row, owner, leaseUntil) {
      const epoch = 1;
      const results = await store.atomic((db, require) => [
        require(webhooks, and(eq(webhooks.appId, row.appId), eq(webhooks.id, row.webhookId)), "exists"),
        db.insert(deliveries).values({ ...row, owner, epoch, leaseUntil, deaths: 0 }),
      ]);
      if (results === "refused") throw new Failure("not-found", "The webhook is gone.");
      if (isRefusal(results)) throw new Failure("internal", "The delivery's id was used before.");
      return { epoch };
    },

    async get(webhookId, id) {
      const [row] = await one({ webhookId, id });
      return row ?? null;
    },

    async list(webhookId, { before, limit, states }) {
      // The newest of each state, and the newest of these: none has to be passed over, and all are read at one moment.
      const newest = deliveryStates
        .filter((state) => states === null || states.includes(state))
        .map((state) => {
          const ofState = and(
            eq(deliveries.webhookId, webhookId),
            eq(deliveries.state, state),
            before === null ? undefined : lt(deliveries.id, before),
          );
          return sql`select id from (select ${deliveries.id} from ${deliveries} where ${ofState}
            order by ${deliveries.id} desc limit ${limit}) as newest`;
        });
      if (newest.length === 0) return [];
      return store.read((db) =>
        db
          .select(columns)
          .from(deliveries)
          .where(inArray(deliveries.id, sql`(${sql.join(newest, sql` union all `)})`))
          .orderBy(desc(deliveries.id))
          .limit(limit),
      );
    },

    async redeliver(webhookId, id, now) {
      for (;;) {
        const itself = and(eq(deliveries.webhookId, webhookId), eq(deliveries.id, id));
        const [written] = await done(
          store.atomic((db) => [
            db
              .update(deliveries)
              .set({ state: "pending", tries: 0, nextAttemptAt: now, finishedAt: null, deaths: 0 })
              .where(and(itself, ne(deliveries.state, "delivering"), itsContent))
              .returning(columns),
          ]),
        );
        if (written[0] !== undefined) return written[0];
        const [why] = await store.read((db) =>
          db
            .select({ state: deliveries.state, kept: sql`case when ${itsContent} then 1 else 0 end`.mapWith(Number) })
            .from(deliveries)
            .where(itself),
        );
        if (why === undefined) return null;
        if (why.state === "delivering") return "under-way";
        if (why.kept === 0) return "gone";
        // Its attempt has just ended.
      }
    },

    async sweep({ delivered, created }) {
      let swept = await removeDeliveries(
        store,
        and(sql`${deliveries.state} = 'delivered'`, lt(deliveries.finishedAt, delivered)),
      );
      swept += await removeDeliveries(store, lt(deliveries.createdAt, created));
      for (let after = ""; ;) {
        const [holder] = await nextHolder({ after });
        if (holder === undefined) return swept;
        if (holder.standing === null) swept += await removeDeliveries(store, eq(deliveries.webhookId, holder.id));
        after = holder.id;
      }
    },

    async failTests(now, attempt) {
      const lost = sql`${deliveries.state} = 'delivering' and ${deliveries.testEvent} is not null`;
      const over = { state: "failed", finishedAt: now, owner: null, leaseUntil: 0, deaths: 0 } as const;
      const attempted = { tries: 1, attemptCount: 1, attempts: [attempt] };
      await done(
        store.atomic((db) => [
          db
            .update(deliveries)
            .set({ ...over, ...attempted })
            .where(and(lost, lte(deliveries.leaseUntil, now))),
        ]),
      );
    },

    async countPending() {
      const [row] = await waiting({});
      return row?.count ?? 0;
    },

    ...claimDeliveriesRepository(store),
  };
}

/** Removes those that meet the condition, in steps; how many. */
export async function removeDeliveries(store: Handle, condition: SQL | undefined): Promise<number> {
  const { deliveries } = store.tables;
  for (let count = 0; ;) {
    const [removed] = await done(
      store.atomic((db) => [
        db
          .delete(deliveries)
          .where(
            inArray(
              deliveries.id,
              db.select({ id: deliveries.id }).from(deliveries).where(condition).limit(removedAtOnce),
            ),
          )
          .returning({ id: deliveries.id }),
      ]),
    );
    count += removed.length;
    if (removed.length < removedAtOnce) return count;
  }
}
