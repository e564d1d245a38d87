import { createHash } from "node:crypto";
import type { AccountRow } from "../store/rows.ts";

export type Side = "incoming" | "outgoing";

/** One side of an account as it is logged in to: `version` is another one as soon as its server or password is, whatever its rate. */
export type LoginKey = { id: string; version: string };

export function loginKey(account: AccountRow, side: Side): LoginKey {
  const password = side === "incoming" ? account.sealedIncomingPassword : account.sealedOutgoingPassword;
  const version = createHash("sha256")
    .update(JSON.stringify([account[side] && { ...account[side], maxPerMinute: undefined }, password]))
    .digest("base64url");
  return { id: account.id, version };
}
