import { Failure } from "../errors.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock, Log } from "../observe.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { stateEvent } from "./account-event.ts";
import type { Side } from "./login-key.ts";

export type NoteLogin = {
  accounts: Pick<Store["accounts"], "setState">;
  wake: Pick<Wake, "wake">;
  clock: Clock;
  log: Log;
};

/**
 * Refuses an account that must not log in on this side: it is paused, or its login was refused for good. Fails
 * `account-paused`, `account-authentication-failed`.
 */
export function mayLogIn(account: AccountRow, side: Side): void {
  if (account.state === "paused") throw new Failure("account-paused", "This account is paused.");
  if (account.state === "authenticationFailed" && account.lastError?.side === side)
    throw new Failure("account-authentication-failed", `The ${side} mail server refused this account's login.`, {
      fix: "PATCH the account with a working password, or POST to its verify route.",
    });
}

/** A login worked: what an earlier failure of the same side had left in the account's state is over. Never fails. */
export async function notePassed(needs: NoteLogin, account: AccountRow, side: Side): Promise<void> {
  if (account.state === "connected" || account.state === "paused") return;
  if (account.lastError !== null && account.lastError.side !== side) return;
  await write(needs, account, { state: "connected", lastError: null });
}

/** What an attempt to connect or log in failed with, as far as it says something about the account. Never fails. */
export async function noteFailed(
  needs: NoteLogin,
  account: AccountRow,
  side: Side,
  failure: Failure,
  isFinal: boolean,
): Promise<void> {
  const state = stateAfter(failure, isFinal);
  if (state === null || account.state === "paused") return;
  const lastError = { side, code: failure.code, detail: failure.message, at: needs.clock.now() };
  await write(needs, account, { state, lastError });
}

const unreachable = new Set(["upstream-unreachable", "upstream-timeout", "dns-not-found", "tls-verification-failed"]);

function stateAfter(failure: Failure, isFinal: boolean): AccountRow["state"] | null {
  if (failure.code === "account-authentication-failed") return isFinal ? "authenticationFailed" : "degraded";
  return unreachable.has(failure.code) ? "unreachable" : null;
}

/** The state tells and decides little; where it can't be written, the work it is about goes on. */
async function write(
  { accounts, wake, clock, log }: NoteLogin,
  account: AccountRow,
  state: Pick<AccountRow, "state" | "lastError">,
): Promise<void> {
  const now = clock.now();
  try {
    if (await accounts.setState(account, state, now, stateEvent(account, state, now)))
      wake.wake("events", account.appId);
  } catch (error) {
    const code = error instanceof Failure ? error.code : "internal";
    log.write("warn", "account.state_not_written", { accountId: account.id, state: state.state, code });
  }
}
