import type { Event } from "../mail/event.ts";
import { timestamp } from "../mail/time.ts";
import type { EventRow } from "../store/rows.ts";

/** An event as the API tells it: in the log, on the stream, and in what webhooks are sent. */
export function viewEvent(row: EventRow): Event {
  return { ...viewEnvelope(row), data: row.data ?? {} };
}

/** All of an event but its `data`, which stands behind it. */
export function viewEnvelope({
  id,
  type,
  createdAt,
  accountId,
  externalId,
  sequence,
}: Omit<EventRow, "appId" | "folderRoles" | "data">): Omit<Event, "data"> {
  const account = accountId === "" ? null : accountId;
  return { id, type, createdAt: timestamp(createdAt), accountId: account, externalId, sequence };
}
