import type { AccountRow } from "../store/rows.ts";

export type Side = "incoming" | "outgoing";

/**
 * One side of an account as it is logged in to: `version` is another one as soon as its server or password is, whatever its rate. `provedAt`: the account's
 * state says that it works, since then, milliseconds since the epoch; absent: it does not say so.
 */
export type LoginKey = { id: string; readonly version: string; provedAt?: number };

export function loginKey(account: AccountRow, side: Side): LoginKey {
  const password = side === "incoming" ? account.sealedIncomingPassword : account.sealedOutgoingPassword;
  let version: string | undefined;
  return {
    id: account.id,
    ...(account.state === "connected" && { provedAt: account.stateSince }),
    // Not before somebody asks: often it is enough that nothing is known of the id.
    get version() {
      const login = [account[side] && { ...account[side], maxPerMinute: undefined }, password];
      return (version ??= JSON.stringify(login));
    },
  };
}
