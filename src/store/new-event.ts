import type { EventType } from "../mail/event.ts";
import { orderedId } from "../mail/id.ts";
import type { AccountRow, NewEvent } from "./rows.ts";

/** An event of an account, before it has its place in the app's log; `now` in milliseconds. */
export function newEvent(
  account: Pick<AccountRow, "id" | "appId" | "externalId">,
  type: EventType,
  now: number,
  data: Record<string, unknown>,
  folderRoles: NewEvent["folderRoles"] = null,
): NewEvent {
  const { id: accountId, appId, externalId } = account;
  return { id: orderedId("evt", now), appId, accountId, externalId, type, createdAt: now, folderRoles, data };
}
