import { eq, lte, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import type { Store } from "./store.ts";

/** How long a node that has gone without a word is remembered, milliseconds. */
const rememberMs = 3_600_000;

export function nodesRepository(store: Handle): Store["nodes"] {
  const { nodes } = store.tables;
  return {
    async beat(owner, now, leaseMs) {
      const [, , all] = await done(
        store.atomic((db) => [
          db
            .insert(nodes)
            .values({ owner, seenUntil: now + leaseMs })
            .onConflictDoUpdate({ target: nodes.owner, set: { seenUntil: sql`excluded.seen_until` } }),
          db.delete(nodes).where(lte(nodes.seenUntil, now - rememberMs)),
          db.select().from(nodes),
        ]),
      );
      return all;
    },

    async leave(owner) {
      await done(store.atomic((db) => [db.delete(nodes).where(eq(nodes.owner, owner))]));
    },
  };
}
