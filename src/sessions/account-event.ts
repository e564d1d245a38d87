import type { EventType } from "../mail/event.ts";
import { timestamp } from "../mail/time.ts";
import { newEvent } from "../store/new-event.ts";
import type { AccountRow, AccountState, NewEvent } from "../store/rows.ts";

/** An account's state as it is told, in its status and in its events. `since` in milliseconds. */
export type StateTold = {
  state: AccountState;
  since: string;
  lastError: { side: "incoming" | "outgoing"; code: string; detail: string; at: string } | null;
};

export function tellState(state: AccountState, since: number, lastError: AccountRow["lastError"]): StateTold {
  return {
    state,
    since: timestamp(since),
    lastError: lastError && { ...lastError, at: timestamp(lastError.at) },
  };
}

/** What tells an app that the state of its account has become another at `now`. */
export function accountEvent(
  account: Pick<AccountRow, "id" | "appId" | "externalId">,
  type: Extract<EventType, `account.${string}`>,
  { state, lastError }: Pick<AccountRow, "state" | "lastError">,
  now: number,
): NewEvent {
  return newEvent(account, type, now, tellState(state, now, lastError));
}

/** What tells that the account's state becomes `next`; null where it stays as it is, or begins to connect. */
export function stateEvent(
  account: AccountRow,
  next: Pick<AccountRow, "state" | "lastError">,
  now: number,
): NewEvent | null {
  if (next.state === account.state || next.state === "connecting") return null;
  const type =
    next.state !== "connected"
      ? (`account.${next.state}` as const)
      : account.state === "connecting"
        ? "account.connected"
        : "account.recovered";
  return accountEvent(account, type, next, now);
}
