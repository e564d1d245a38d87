import { Failure } from "../errors.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import { stateEvent } from "../sessions/account-event.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

export type TellHealth = {
  accounts: Pick<Store["accounts"], "byId" | "setState">;
  wake: Pick<Wake, "wake">;
  clock: Clock;
};

/** So many looks in a row fail before the account is called degraded: what is wrong for a moment is nobody's concern. */
const failuresTold = 3;

/** What kept an account from being watched as a whole is over. Fails `storage-unavailable`. */
export async function tellWell(needs: TellHealth, account: AccountRow): Promise<void> {
  if (account.state !== "degraded" || account.lastError?.side !== "incoming") return;
  await setState(needs, account, { state: "connected", lastError: null });
}

/** A folder of the account can't be looked at: the account is watched in part. Fails `storage-unavailable`. */
export async function tellFolderFailed(
  needs: TellHealth,
  account: AccountRow,
  { folderId, failure }: { folderId: string; failure: Failure },
): Promise<void> {
  if (account.state !== "connected") return;
  const detail = `The folder ${folderId} can't be watched: ${failure.message}`;
  const lastError = { side: "incoming" as const, code: failure.code, detail, at: needs.clock.now() };
  await setState(needs, account, { state: "degraded", lastError });
}

/**
 * A look at the account has failed, so many times in a row. What connecting or logging in failed with has been told where that
 * happened. Never fails.
 */
export async function tellLooksFailed(
  needs: TellHealth,
  account: AccountRow | null,
  error: unknown,
  failures: number,
): Promise<void> {
  if (account?.state !== "connected" || failures < failuresTold) return;
  const code = error instanceof Failure ? error.code : "internal";
  const why = error instanceof Failure ? error.message : "An error of Postern's own; its log tells more.";
  const detail = `The mailbox can't be watched: ${why}`;
  const lastError = { side: "incoming" as const, code, detail, at: needs.clock.now() };
  await setState(needs, account, { state: "degraded", lastError }).catch(() => undefined);
}

async function setState(
  { accounts, wake, clock }: TellHealth,
  account: AccountRow,
  next: Pick<AccountRow, "state" | "lastError">,
): Promise<void> {
  const now = clock.now();
  if (await accounts.setState(account, next, now, stateEvent(account, next, now))) wake.wake("events", account.appId);
}
