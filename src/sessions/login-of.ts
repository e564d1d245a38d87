import { Failure } from "../errors.ts";
import type { ServerLogin } from "../mail/server.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Vault } from "../vault/vault.ts";
import type { Side } from "./login-key.ts";

/** The account was stored without this side. */
export function noServer(side: Side): Failure {
  return new Failure(`no-${side}`, `This account has no ${side} server.`, {
    fix: `Store an account with \`${side}\`.`,
  });
}

/** An account's login in clear, for as long as it takes to connect. Fails `no-incoming` or `no-outgoing`. */
export function loginOf(vault: Pick<Vault, "openText">, account: AccountRow, side: Side): ServerLogin {
  const settings = account[side];
  const sealed = side === "incoming" ? account.sealedIncomingPassword : account.sealedOutgoingPassword;
  if (settings === null || sealed === null) throw noServer(side);
  return {
    host: settings.host,
    port: settings.port,
    security: settings.security,
    tls: settings.tls,
    username: settings.auth.username,
    password: vault.openText(account, `${side}Password`, sealed),
  };
}
