import { Failure } from "../errors.ts";
import type { Fleet } from "../mail/fleet.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { createLoginGate } from "./login-gate.ts";
import { type LoginKey, loginKey } from "./login-key.ts";
import { mayLogIn, noteFailed, type NoteLogin, notePassed } from "./note-login.ts";
import { untilFree } from "./until-free.ts";
import type { Lease, Wish } from "./lease.ts";
import { createPool } from "./pool.ts";

export type MailboxLease = Lease<Mailbox> & {
  /** To be told what the loan's work failed with: a server that asks to come back later is left alone for that long. */
  failed(error: unknown): void;
  /** Ends the loan of somebody who left in the middle of work: of a maildrop at once, of any other when the work has ended. */
  leave(work: Promise<unknown>): void;
  /** How long a stream may go unread, milliseconds. */
  pauseMs: number;
};

/** A maildrop lets nobody else in meanwhile; of other sessions there are three, and a stream leaves room on its own. */
const pauseMs = { maildrop: 110_000, mailbox: 300_000 };

/**
 * Lends open mailboxes: up to three per account, an idle one closed after a minute (DESIGN §6); of a maildrop one at a time,
 * and a new one for each loan.
 */
export type Mailboxes = {
  /**
   * Lends a session, opening one where needed; one that only streams hold may be shared. Fails: `no-incoming`,
   * `account-paused`, `account-authentication-failed`, `account-busy`, `upstream-throttled`, `mailbox-locked`, `request-timeout` when the caller left, or what connecting failed with.
   * What a login found out is written to the account's state.
   */
  lend(account: AccountRow, wish?: Wish): Promise<MailboxLease>;
  /** Whether a session lies idle that `lend` would lend without a login. */
  rests(account: AccountRow): boolean;
  /** Whether somebody waits for a session of the account. */
  awaited(account: AccountRow): boolean;
  /**
   * Opens a session that is lent to nobody: for who watches the account, and closes it himself. Fails as `lend` does, but never
   * for want of a free one.
   */
  watch(account: AccountRow): Promise<Mailbox>;
  /**
   * Lends none of the account's sessions again that are open now: they may have a folder open whose name is another's by now,
   * or be in the way of a login on a server that allows few. Resolves when those that are idle are closed.
   */
  renew(accountId: string): Promise<void>;
  /** One can log in: forgets the account's refused logins, and what was learnt of its server. */
  proved(accountId: string): void;
  /** Forgets the account's sessions and refused logins: it was changed or removed. */
  drop(accountId: string): void;
  close(): void;
};

export function createMailboxes(
  needs: NoteLogin & {
    /** Connects and logs in; every connection passes the guard. */
    open: (account: AccountRow, wish?: { watch: boolean }) => Promise<Mailbox>;
    /** Drops what was remembered of the account's messages. */
    forget: (accountId: string) => void;
    accounts: Pick<Store["accounts"], "setState" | "setCapabilities">;
    /** Absent: this process is the only one. */
    fleet?: Fleet;
  },
): Mailboxes {
  const mailboxes = createPool<Mailbox>(needs.clock, { limit: 3, idleMs: 60_000, waitMs: 10_000 }, needs.fleet);
  const maildrops = createPool<Mailbox>(needs.clock, { limit: 1, idleMs: 0, waitMs: 10_000 }, needs.fleet);
  const pools = [mailboxes, maildrops];
  const gate = createLoginGate(needs.clock);

  async function open(account: AccountRow, key: LoginKey, wish = { watch: false }): Promise<Mailbox> {
    gate.check(key);
    const mailbox = await needs.open(account, wish).catch(async (error: unknown) => {
      if (error instanceof Failure) {
        const isFinal = error.code === "account-authentication-failed" && gate.refused(key).final;
        await noteFailed(needs, account, "incoming", error, isFinal);
      }
      throw later(error);
    });
    gate.passed(account.id);
    await notePassed(needs, account, "incoming");
    await noteCapabilities(account, mailbox);
    return mailbox;
  }

  async function noteCapabilities(account: AccountRow, mailbox: Mailbox): Promise<void> {
    const capabilities = mailbox.capabilities();
    if (JSON.stringify(account.capabilities) === JSON.stringify(capabilities)) return;
    await needs.accounts.setCapabilities(account.id, capabilities).catch(() => {
      needs.log.write("warn", "account.capabilities_not_written", { accountId: account.id });
    });
  }

  return {
    async lend(account, wish) {
      if (account.incoming === null)
        throw new Failure("no-incoming", "This account has no incoming server, so there is no mailbox to read.", {
          fix: "Store an account with `incoming`.",
        });
      mayLogIn(account, "incoming");
      const key = loginKey(account, "incoming");
      // A maildrop lets one session in at a time, which sees what was there when it began (RFC 1939 §4, §8).
      const isMaildrop = account.incoming.protocol === "pop3";
      const pool = isMaildrop ? maildrops : mailboxes;
      const signal = wish?.signal;
      const opening = () => open(account, key);
      const lease = isMaildrop
        ? await pool.lend(key.id, key.version, () => untilFree(needs.clock, opening, signal), {
            fresh: true,
            ...(signal && { signal }),
          })
        : await pool.lend(key.id, key.version, opening, wish);
      return {
        ...lease,
        pauseMs: isMaildrop ? pauseMs.maildrop : pauseMs.mailbox,
        leave(work) {
          if (isMaildrop) lease.discard();
          else void work.catch(() => {}).then(() => lease.release());
        },
        failed(error) {
          if (error instanceof Failure && error.code === "upstream-throttled") pool.pause(account.id, error);
        },
      };
    },
    rests(account) {
      const key = loginKey(account, "incoming");
      return mailboxes.rests(key.id, key.version);
    },
    awaited(account) {
      const key = loginKey(account, "incoming");
      return pools.some((pool) => pool.awaited(key.id));
    },
    async watch(account) {
      mayLogIn(account, "incoming");
      return open(account, loginKey(account, "incoming"), { watch: true });
    },
    async renew(accountId) {
      await Promise.all(pools.map((pool) => pool.renew(accountId)));
    },
    proved(accountId) {
      for (const pool of pools) pool.forgive(accountId);
      gate.passed(accountId);
    },
    drop(accountId) {
      for (const pool of pools) pool.drop(accountId);
      needs.forget(accountId);
      gate.passed(accountId);
    },
    close() {
      for (const pool of pools) pool.close();
    },
  };
}

/** A server that allows no session more says nothing of when it will. */
function later(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== "account-busy") return error;
  return new Failure(error.code, error.message, { retryAfter: 5, ...error.details });
}
