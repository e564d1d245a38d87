import { Failure } from "../errors.ts";
import type { Verification } from "../mail/account.ts";
import type { Capabilities } from "../mail/capabilities.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Submitter } from "../mail/submitter.ts";
import { timestamp } from "../mail/time.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow } from "../store/rows.ts";

export type VerifySides = {
  /** Connect and log in with the account's own settings, past the guard; no pool. */
  openMailbox: (account: AccountRow) => Promise<Mailbox>;
  openSubmitter: (account: AccountRow) => Promise<Submitter>;
  clock: Clock;
};

export type VerifiedSides = { verification: Verification; capabilities: Capabilities | null };

/**
 * Logs in on each side that the account has, both at once. Fails `verification-failed` with the side, the phase and the code
 * of the cause.
 */
export async function verifySides(needs: VerifySides, account: AccountRow): Promise<VerifiedSides> {
  const [capabilities, outgoing] = await Promise.all([
    account.incoming === null ? null : onSide("incoming", () => logIn(needs.openMailbox, account)),
    account.outgoing === null ? null : onSide("outgoing", () => askLimits(needs.openSubmitter, account)),
  ]);
  return {
    verification: {
      incoming: account.incoming === null ? null : "ok",
      outgoing,
      checkedAt: timestamp(needs.clock.now()),
    },
    capabilities,
  };
}

async function logIn(open: VerifySides["openMailbox"], account: AccountRow): Promise<Capabilities> {
  const mailbox = await open(account);
  try {
    return mailbox.capabilities();
  } finally {
    await mailbox.close();
  }
}

async function askLimits(open: VerifySides["openSubmitter"], account: AccountRow): Promise<"ok"> {
  const submitter = await open(account);
  try {
    await submitter.limits();
    return "ok";
  } finally {
    await submitter.close();
  }
}

async function onSide<T>(side: "incoming" | "outgoing", check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const { upstream, fix, errors } = cause.details;
    throw new Failure("verification-failed", `The ${side} server could not be verified: ${cause.message}`, {
      fix: fix ?? `Check \`${side}\`, or store the account with \`verify: false\`.`,
      ...(upstream !== undefined && { upstream }),
      ...(errors !== undefined && { errors }),
      extra: { side, phase: upstream?.phase ?? "address", causeCode: cause.code },
      cause,
    });
  }
}
