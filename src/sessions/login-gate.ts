import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";
import type { LoginKey } from "./login-key.ts";

/** Waits before the second and the third try with a refused password; servers penalise faster ones (DESIGN §6). */
const waits = [60_000, 600_000];

/**
 * Remembers refused logins per login, so that a bad password is tried at 0, 1 and 10 minutes and then not
 * again until the server or the password changes, or the account's state tells that somebody else, in another process maybe, got in since.
 * Everything in between is answered without a login.
 */
export function createLoginGate(clock: Clock): LoginGate {
  const refused = new Map<string, { version: string; count: number; at: number; notBefore: number }>();
  return {
    check(login) {
      const entry = refused.get(login.id);
      if (entry === undefined || entry.version !== login.version) return;
      if (login.provedAt !== undefined && login.provedAt > entry.at) {
        refused.delete(login.id);
        return;
      }
      const wait = entry.notBefore - clock.now();
      if (wait <= 0) return;
      throw new Failure("account-authentication-failed", "The mail server refused this account's login.", {
        fix: "PATCH the account with a working password, or POST to its verify route.",
        ...(Number.isFinite(wait) && { retryAfter: Math.ceil(wait / 1000), retryable: true }),
      });
    },
    refused(login) {
      const last = refused.get(login.id);
      const before = last?.version === login.version ? last : undefined;
      const now = clock.now();
      if (before !== undefined && now < before.notBefore) return { final: false };
      const count = (before?.count ?? 0) + 1;
      const wait = waits[count - 1] ?? Number.POSITIVE_INFINITY;
      refused.set(login.id, { version: login.version, count, at: now, notBefore: now + wait });
      return { final: count > waits.length };
    },
    passed(accountId) {
      refused.delete(accountId);
    },
  };
}

export type LoginGate = {
  /** Fails with `account-authentication-failed` while no try is due. */
  check(login: LoginKey): void;
  /** Counts a refused login, parallel ones as one; `final` after the third. */
  refused(login: LoginKey): { final: boolean };
  passed(accountId: string): void;
};
