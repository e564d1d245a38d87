import { Failure } from "../errors.ts";
import type { Log } from "../observe.ts";
import type { AlertsTold } from "./alerts-told.ts";
import { newEvent } from "../store/new-event.ts";
import type { LookNeeds } from "./turn.ts";

export type TellAlerts = Pick<LookNeeds, "wake" | "clock"> & {
  accounts: Pick<LookNeeds["accounts"], "byId">;
  watches: Pick<LookNeeds["watches"], "write">;
  log: Log;
};

/**
 * Tells what the account's server wants its user to see, a text once a day. Never fails: what could not be told is told when the
 * server says it again.
 */
export async function tellAlerts(
  { accounts, watches, wake, clock, log }: TellAlerts,
  { accountId, epoch, alertsTold }: { accountId: string; epoch: number; alertsTold: AlertsTold },
  texts: string[],
): Promise<void> {
  const now = clock.now();
  const untold = alertsTold.untold(accountId, texts, now);
  if (untold.length === 0) return;
  try {
    const account = await accounts.byId(accountId);
    if (account === null) return;
    const events = untold.map((text) => newEvent(account, "account.alert", now, { text }));
    if (!(await watches.write({ id: accountId, appId: account.appId, epoch }, { events }))) return;
    alertsTold.add(accountId, untold, now);
    wake.wake("events", account.appId);
  } catch (error) {
    const code = error instanceof Failure ? error.code : "internal";
    log.write("warn", "account.alert_not_written", { accountId, code });
  }
}

/** What the server wanted to be shown with its refusal: a session that never came to be gives out none. */
export function alertsOf(error: unknown): string[] {
  const said = error instanceof Failure ? error.details.upstream : undefined;
  return said?.responseCode === "ALERT" && said.text !== undefined ? [said.text] : [];
}
