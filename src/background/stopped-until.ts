import { Failure } from "../errors.ts";
import type { LoginGate } from "../sessions/login-gate.ts";
import type { LoginKey } from "../sessions/login-key.ts";
import { mayLogIn } from "../sessions/note-login.ts";
import type { AccountRow } from "../store/rows.ts";

/** Until when nobody may log in; 0 where one may. An account that has no server any more needs none for its messages to fail. */
export function stoppedUntil(
  gate: Pick<LoginGate, "check">,
  account: AccountRow,
  login: LoginKey,
  now: number,
): number {
  try {
    mayLogIn(account, "outgoing");
    if (account.outgoing !== null) gate.check(login);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { retryAfter } = error.details;
    return retryAfter === undefined ? Infinity : now + retryAfter * 1000;
  }
}
