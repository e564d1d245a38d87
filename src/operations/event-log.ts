import { z } from "zod";
import { Failure } from "../errors.ts";
import type { EventType } from "../mail/event.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { EventRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { reaches } from "./find-account.ts";

/** Which events are wanted; absent: all that the caller may see. */
export type EventFilter = { type?: EventType[] | undefined; account?: string[] | undefined };

/** An app's log as one caller sees it through one filter. A position is the sequence of the last event that is behind it. */
export type EventLog = {
  /** The same for logs that hold the same. */
  name: string;
  /** The position behind everything that there is. */
  newest(): Promise<number>;
  /** The position before everything that is kept. */
  oldest(): Promise<number>;
  /** Fails `changes-expired` for an event that is no longer kept, and for what is no event of this app. */
  positionOf(eventId: string): Promise<number>;
  /** Fails `invalid-cursor`, and `changes-expired` when events behind it have been pruned. */
  positionAt(cursor: string): Promise<number>;
  cursorAt(position: number): string;
  /**
   * At most `limit` events behind `after`, ascending. `next` is where to go on: behind the last of them, or when these are all that there
   * are, behind everything that was looked through.
   */
  read(after: number, limit: number): Promise<EventsRead>;
};

export type EventsRead = { rows: EventRow[]; next: number; hasMore: boolean };

export type EventLogNeeds = { events: Pick<Store["events"], "list" | "sequenceOf" | "bounds">; cursorKey: Uint8Array };

export function openEventLog({ events, cursorKey }: EventLogNeeds, caller: AppCaller, filter: EventFilter): EventLog {
  const { appId } = caller;
  const types = filter.type === undefined ? null : [...new Set(filter.type)].sort();
  const asked = filter.account === undefined ? null : [...new Set(filter.account)].sort();
  const accountIds = asked === null ? caller.accountIds : asked.filter((accountId) => reaches(caller, accountId));
  const terms = ["events", appId, types, asked];

  return {
    name: JSON.stringify([appId, types, accountIds]),
    async newest() {
      return (await events.bounds(appId)).newest;
    },
    async oldest() {
      const { newest, oldest } = await events.bounds(appId);
      return oldest === null ? newest : oldest - 1;
    },
    async positionOf(eventId) {
      const sequence = await events.sequenceOf(appId, eventId);
      if (sequence === null) throw expired();
      return sequence;
    },
    async positionAt(cursor) {
      const position = decodeCursor(cursorKey, terms, cursor, z.int());
      const { newest, oldest } = await events.bounds(appId);
      // Beyond the end is where a log stood that a backup has taken the place of.
      if (position < (oldest === null ? newest : oldest - 1) || position > newest) throw expired();
      return position;
    },
    cursorAt: (position) => encodeCursor(cursorKey, terms, position),
    async read(after, limit) {
      // Asked for first: what is written in between is read, or told the next time.
      const { newest } = await events.bounds(appId);
      const nothing = newest <= after || accountIds?.length === 0;
      const rows = nothing ? [] : await events.list(appId, { after, limit: limit + 1, types, accountIds });
      const kept = rows.slice(0, limit);
      const last = kept.at(-1)?.sequence ?? after;
      const hasMore = rows.length > limit;
      return { rows: kept, next: hasMore ? last : Math.max(last, newest), hasMore };
    },
  };
}

function expired(): Failure {
  return new Failure("changes-expired", "Events behind this point are no longer kept, or it is none of this app's.", {
    fix: "List what you need of each account anew; then start again without a resume point, and take events from there on.",
  });
}
