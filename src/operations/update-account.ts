import { Failure, invalid } from "../errors.ts";
import type { Account, AccountPatch, OutgoingPatch, ServerPatch } from "../mail/account.ts";
import type { Guard } from "../mail/server.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import { stateEvent } from "../sessions/account-event.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { AccountRow, ServerSettings } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { checkServers } from "./check-servers.ts";
import { findAccount } from "./find-account.ts";
import { verifySides, type VerifySides } from "./verify-sides.ts";
import { viewAccount } from "./view-account.ts";

/**
 * Changes an account. When a server changes and `verify` is not false, its sides are logged in to first; a failure there changes
 * nothing. Fails: `verification-failed`, `account-exists`, `not-found` when it was removed meanwhile.
 */
export const updateAccount =
  (
    needs: VerifySides & {
      accounts: Pick<Store["accounts"], "get" | "update" | "setState" | "setCapabilities">;
      vault: Vault;
      guard: Pick<Guard, "check">;
      mailboxes: Pick<Mailboxes, "renew" | "drop">;
      submitters: { drop(accountId: string): void };
      wake: Pick<Wake, "wake">;
    },
  ) =>
  async (caller: AppCaller, accountId: string, patch: AccountPatch): Promise<Account> => {
    for (;;) {
      const before = await findAccount(needs.accounts, caller, accountId);
      const row = patched(needs.vault, before, patch, needs.clock.now());
      const reconnects =
        patch.incoming !== undefined || (patch.outgoing !== undefined && !isOfRateOnly(patch.outgoing));
      if (reconnects) checkServers(needs.guard, row);
      if (reconnects) await needs.mailboxes.renew(before.id);
      const verified = reconnects && patch.verify ? await verifySides(needs, row) : null;
      const outcome = await needs.accounts.update(row, before.version, { anew: isOtherMailbox(before, row) });
      if (outcome === "exists")
        throw new Failure("account-exists", "This app already has an account with this externalId.");
      if (outcome === "stale") continue;
      needs.wake.wake("watch", row.id);
      needs.wake.wake("submissions", row.id);
      if (!reconnects) return viewAccount(row);
      const capabilities = verified?.capabilities ?? row.capabilities;
      if (capabilities !== null) await needs.accounts.setCapabilities(row.id, capabilities);
      const state = row.state === "paused" ? "paused" : verified === null ? "connecting" : "connected";
      const next = { state, lastError: null } as const;
      const version = before.version + 1;
      const now = needs.clock.now();
      if (await needs.accounts.setState({ id: row.id, version }, next, now, stateEvent(row, next, now)))
        needs.wake.wake("events", row.appId);
      needs.wake.wake("watch", row.id);
      needs.mailboxes.drop(row.id);
      needs.submitters.drop(row.id);
      needs.wake.wake("submissions", row.id);
      return viewAccount({ ...row, capabilities });
    }
  };

/** Where and as whom to log in stays as it is. */
function isOfRateOnly(patch: OutgoingPatch): boolean {
  return Object.keys(patch).every((key) => key === "maxPerMinute");
}

function patched(vault: Vault, before: AccountRow, patch: AccountPatch, now: number): AccountRow {
  const { watch } = patch;
  return {
    ...before,
    email: patch.email ?? before.email,
    name: patch.name === undefined ? before.name : patch.name,
    externalId: patch.externalId === undefined ? before.externalId : patch.externalId,
    metadata: patch.metadata ?? before.metadata,
    ...(patch.incoming !== undefined && serverPatched(vault, before, "incoming", patch.incoming)),
    ...(patch.outgoing !== undefined && serverPatched(vault, before, "outgoing", patch.outgoing)),
    watch: {
      mode: watch?.mode ?? before.watch.mode,
      folders: watch?.folders ?? before.watch.folders,
      notifySince: watch?.notifySince === undefined ? before.watch.notifySince : Date.parse(watch.notifySince),
    },
    onUncertain: patch.onUncertain ?? before.onUncertain,
    saveToSent: patch.saveToSent ?? before.saveToSent,
    updatedAt: now,
  };
}

function serverPatched(
  vault: Vault,
  before: AccountRow,
  side: "incoming" | "outgoing",
  patch: ServerPatch | OutgoingPatch,
): Partial<AccountRow> {
  const settings = before[side];
  if (settings === null)
    throw invalid(`/${side}`, "no-such-server", `This account has no ${side} server to change; store a new account.`);
  const ca = patch.tls?.ca;
  const servername = patch.tls?.servername;
  const { maxPerMinute: rate, ...others } = settings;
  const maxPerMinute =
    "maxPerMinute" in patch && patch.maxPerMinute !== undefined ? patch.maxPerMinute : (rate ?? null);
  const next: ServerSettings = {
    ...others,
    host: patch.host ?? settings.host,
    port: patch.port ?? settings.port,
    security: patch.security ?? settings.security,
    auth: { type: "password", username: patch.auth?.username ?? settings.auth.username },
    tls: {
      ca: ca === undefined ? settings.tls.ca : ca,
      servername: servername === undefined ? settings.tls.servername : servername,
    },
    ...(maxPerMinute !== null && { maxPerMinute }),
  };
  const password = patch.auth?.password;
  if (password === undefined && whereOf(next) !== whereOf(settings))
    throw invalid(`/${side}/auth/password`, "required", "A change of where to connect needs the password again.");
  const sealed = password === undefined ? {} : sealedPassword(vault, before, side, password);
  return { [side]: next, ...sealed };
}

/** Another host or username: what was known of its folders and messages says nothing of those that are there now. */
function isOtherMailbox(before: AccountRow, after: AccountRow): boolean {
  return before.incoming !== null && maildropLogin(before) !== maildropLogin(after);
}

/** All that decides who gets to see the password. */
function whereOf({ host, port, security, tls }: ServerSettings): string {
  return JSON.stringify([host, port, security, tls.ca, tls.servername]);
}

function sealedPassword(
  vault: Vault,
  account: AccountRow,
  side: "incoming" | "outgoing",
  password: string,
): Partial<AccountRow> {
  return side === "incoming"
    ? { sealedIncomingPassword: vault.seal(account, "incomingPassword", password) }
    : { sealedOutgoingPassword: vault.seal(account, "outgoingPassword", password) };
}
