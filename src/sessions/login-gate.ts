import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

/** Waits before the second and the third try with a refused password; servers penalise faster ones (DESIGN §6). */
const waits = [60_000, 600_000];

/**
 * Remembers refused logins per account and version, so that a bad password is tried at 0, 1 and 10 minutes and then not
 * again until the account changes. Everything in between is answered without a login.
 */
export function createLoginGate(clock: Clock): LoginGate {
  const refused = new Map<string, { version: number; count: number; notBefore: number }>();
  return {
    check(account) {
      const entry = refused.get(account.id);
      if (entry === undefined || entry.version !== account.version) return;
      const wait = entry.notBefore - clock.now();
      if (wait <= 0) return;
      throw new Failure("account-authentication-failed", "The mail server refused this account's login.", {
        fix: "PATCH the account with a working password, or POST to its verify route.",
        ...(Number.isFinite(wait) && { retryAfter: Math.ceil(wait / 1000) }),
      });
    },
    refused(account) {
      const last = refused.get(account.id);
      const before = last?.version === account.version ? last : undefined;
      if (before !== undefined && clock.now() < before.notBefore) return { final: false };
      const count = (before?.count ?? 0) + 1;
      const wait = waits[count - 1] ?? Number.POSITIVE_INFINITY;
      refused.set(account.id, { version: account.version, count, notBefore: clock.now() + wait });
      return { final: count > waits.length };
    },
    passed(accountId) {
      refused.delete(accountId);
    },
  };
}

export type LoginGate = {
  /** Fails with `account-authentication-failed` while no try is due. */
  check(account: { id: string; version: number }): void;
  /** Counts a refused login, parallel ones as one; `final` after the third. */
  refused(account: { id: string; version: number }): { final: boolean };
  passed(accountId: string): void;
};
