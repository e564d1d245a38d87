import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { createLoginGate } from "./login-gate.ts";
import { createPool, type Lease } from "./pool.ts";

export type MailboxLease = Lease<Mailbox>;

/** Lends open mailboxes: up to three per account, an idle one closed after a minute (DESIGN §6). */
export type Mailboxes = {
  /**
   * Lends a session, opening one where needed. Fails: `no-incoming`, `account-paused`, `account-authentication-failed`,
   * `account-busy`, or what connecting failed with. What a login found out is written to the account's state.
   */
  lend(account: AccountRow): Promise<MailboxLease>;
  /** Forgets the account's sessions and refused logins: it was changed or removed. */
  drop(accountId: string): void;
  close(): void;
};

export function createMailboxes(needs: {
  /** Connects and logs in; every connection passes the guard. */
  open: (account: AccountRow) => Promise<Mailbox>;
  accounts: Pick<Store["accounts"], "setState" | "setCapabilities">;
  clock: Clock;
}): Mailboxes {
  const { accounts, clock } = needs;
  const pool = createPool<Mailbox>(clock, { limit: 3, idleMs: 60_000, waitMs: 10_000 });
  const gate = createLoginGate(clock);

  async function open(account: AccountRow): Promise<Mailbox> {
    gate.check(account);
    const mailbox = await needs.open(account).catch(async (error: unknown) => {
      if (error instanceof Failure) await noteFailure(account, error);
      throw error;
    });
    gate.passed(account.id);
    await noteLogin(account, mailbox);
    return mailbox;
  }

  async function noteLogin(account: AccountRow, mailbox: Mailbox): Promise<void> {
    const capabilities = mailbox.capabilities();
    if (JSON.stringify(account.capabilities) !== JSON.stringify(capabilities))
      await accounts.setCapabilities(account.id, capabilities);
    if (account.state !== "connected")
      await accounts.setState(account.id, { state: "connected", lastError: null }, clock.now());
  }

  async function noteFailure(account: AccountRow, failure: Failure): Promise<void> {
    const state = stateAfter(account, failure);
    if (state === null) return;
    const lastError = { code: failure.code, detail: failure.message, at: clock.now() };
    await accounts.setState(account.id, { state, lastError }, clock.now());
  }

  function stateAfter(account: AccountRow, failure: Failure): AccountRow["state"] | null {
    if (failure.code === "account-authentication-failed")
      return gate.refused(account).final ? "authenticationFailed" : "degraded";
    const unreachable = ["upstream-unreachable", "upstream-timeout", "dns-not-found", "tls-verification-failed"];
    return unreachable.includes(failure.code) ? "unreachable" : null;
  }

  return {
    async lend(account) {
      if (account.incoming === null)
        throw new Failure("no-incoming", "This account has no incoming server, so there is no mailbox to read.", {
          fix: "Store an account with `incoming`.",
        });
      if (account.state === "paused")
        throw new Failure("account-paused", "This account is paused.", { fix: "POST to the account's resume route." });
      if (account.state === "authenticationFailed")
        throw new Failure("account-authentication-failed", "The mail server refused this account's login.", {
          fix: "PATCH the account with a working password, or POST to its verify route.",
        });
      return pool.lend(account.id, account.version, () => open(account));
    },
    drop(accountId) {
      pool.drop(accountId);
      gate.passed(accountId);
    },
    close: () => pool.close(),
  };
}
