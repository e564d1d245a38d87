import type { Event } from "../mail/event.ts";
import { timestamp } from "../mail/time.ts";
import type { EventRow } from "../store/rows.ts";

/** An event as the API tells it: in the log, on the stream, and in what webhooks are sent. */
export function viewEvent({ id, type, createdAt, accountId, externalId, sequence, data }: EventRow): Event {
  const account = accountId === "" ? null : accountId;
  return { id, type, createdAt: timestamp(createdAt), accountId: account, externalId, sequence, data: data ?? {} };
}
