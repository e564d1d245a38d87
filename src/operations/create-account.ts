import { randomBytes } from "node:crypto";
import { Failure, invalid } from "../errors.ts";
import type { Account, AccountInput, OutgoingInput, ServerInput } from "../mail/account.ts";
import { randomId } from "../mail/id.ts";
import type { Guard } from "../mail/server.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import { stateEvent } from "../sessions/account-event.ts";
import type { AccountRow, ServerSettings } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { checkServers } from "./check-servers.ts";
import { verifySides, type VerifySides } from "./verify-sides.ts";
import { viewAccount } from "./view-account.ts";

/**
 * Stores an account with sealed secrets, after logging in on each side unless `verify` is false.
 * Fails: `scope-missing` for an account-bound key, `address-not-allowed`, `verification-failed`,
 * `account-exists`.
 */
export const createAccount =
  (
    needs: VerifySides & {
      accounts: Pick<Store["accounts"], "insert" | "setState">;
      vault: Vault;
      guard: Pick<Guard, "check">;
      wake: Pick<Wake, "wake">;
    },
  ) =>
  async (caller: AppCaller, input: AccountInput): Promise<Account> => {
    if (caller.accountIds !== null)
      throw new Failure("scope-missing", "A key that is bound to accounts can't store new ones.", {
        fix: "Use a key of the app without `accountIds`.",
      });
    const { incoming, outgoing } = input;
    if (incoming === undefined && outgoing === undefined)
      throw invalid("/incoming", "required", "An account needs `incoming`, `outgoing` or both.");

    const now = needs.clock.now();
    const id = randomId("acc");
    const holder = { id, appId: caller.appId, sealedKey: needs.vault.newKey({ id, appId: caller.appId }) };
    const row: AccountRow = {
      ...holder,
      email: input.email,
      name: input.name ?? null,
      externalId: input.externalId ?? null,
      metadata: input.metadata ?? {},
      incoming: incoming === undefined ? null : settingsOf(incoming),
      outgoing: outgoing === undefined ? null : settingsOf(outgoing),
      sealedIncomingPassword:
        incoming === undefined ? null : needs.vault.seal(holder, "incomingPassword", incoming.auth.password),
      sealedOutgoingPassword:
        outgoing === undefined ? null : needs.vault.seal(holder, "outgoingPassword", outgoing.auth.password),
      sealedIdKey: needs.vault.seal(holder, "idKey", randomBytes(32)),
      watch: {
        mode: input.watch.mode,
        folders: input.watch.folders,
        notifySince: input.watch.notifySince === undefined ? null : Date.parse(input.watch.notifySince),
      },
      onUncertain: input.onUncertain,
      saveToSent: input.saveToSent,
      capabilities: null,
      idStability: null,
      state: "connecting",
      stateSince: now,
      lastError: null,
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
    checkServers(needs.guard, row);
    if (input.verify) {
      const { capabilities } = await verifySides(needs, row);
      row.capabilities = capabilities;
    }
    if (!(await needs.accounts.insert(row)))
      throw new Failure("account-exists", "This app already has an account with this externalId.", {
        fix: "GET /v1/accounts?externalId=… finds it.",
      });
    if (input.verify) await tellConnected(needs, row, now);
    needs.wake.wake("watch", row.id);
    return viewAccount(row);
  };

function settingsOf(input: ServerInput<"imap" | "pop3"> | OutgoingInput): ServerSettings {
  const maxPerMinute = "maxPerMinute" in input ? input.maxPerMinute : undefined;
  return {
    protocol: input.protocol,
    host: input.host,
    port: input.port,
    security: input.security,
    auth: { type: "password", username: input.auth.username },
    tls: { ca: input.tls?.ca ?? null, servername: input.tls?.servername ?? null },
    ...(maxPerMinute !== undefined && { maxPerMinute }),
  };
}

/** Its login has worked before it was stored. Where that can't be written, the next login tells it. */
async function tellConnected(
  needs: { accounts: Pick<Store["accounts"], "setState">; wake: Pick<Wake, "wake"> },
  row: AccountRow,
  now: number,
): Promise<void> {
  const next = { state: "connected" as const, lastError: null };
  await needs.accounts.setState(row, next, now, stateEvent(row, next, now)).catch(() => undefined);
  row.state = next.state;
  needs.wake.wake("events", row.appId);
}
