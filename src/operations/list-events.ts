import { invalid } from "../errors.ts";
import type { Event } from "../mail/event.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { type EventFilter, type EventLogNeeds, openEventLog } from "./event-log.ts";
import { viewEvent } from "./view-event.ts";

/** Unlike a list that ends, a log grows: `nextCursor` is always there. */
export type EventPage = { data: Event[]; nextCursor: string; hasMore: boolean };

type Asked = EventFilter & {
  limit: number;
  cursor?: string | undefined;
  /** The event to go on behind, in the place of a cursor. */
  after?: string | undefined;
};

/**
 * A page of the app's log, oldest first, from the oldest event that is kept or from a resume point on. Fails `invalid-cursor`,
 * and `changes-expired` when the resume point is no longer kept.
 */
export const listEvents =
  (needs: EventLogNeeds) =>
  async (caller: AppCaller, { limit, cursor, after, ...filter }: Asked): Promise<EventPage> => {
    if (cursor !== undefined && after !== undefined)
      throw invalid("?after", "conflict", "Either `cursor` or `after` says where to go on, not both.");
    const log = openEventLog(needs, caller, filter);
    const start =
      cursor !== undefined
        ? await log.positionAt(cursor)
        : after !== undefined
          ? await log.positionOf(after)
          : await log.oldest();
    const { rows, next, hasMore } = await log.read(start, limit);
    return { data: rows.map(viewEvent), nextCursor: log.cursorAt(next), hasMore };
  };
