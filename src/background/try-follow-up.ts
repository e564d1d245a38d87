import { Failure } from "../errors.ts";
import type { OriginalMessage, SentCopy } from "../mail/submission.ts";
import type { Clock } from "../observe.ts";
import type { FiledSentCopy } from "../operations/file-sent-copy.ts";
import type { FoundInSent } from "../operations/look-in-sent.ts";
import { filesSentCopy, nextLook } from "../operations/plan-follow-ups.ts";
import type { AccountRow } from "../store/rows.ts";
import type { FollowUp, SubmissionRow } from "../store/submission-rows.ts";
import type { FollowUpClaim } from "./follow-up-claim.ts";

export type TryFollowUp = {
  lookInSent: (account: AccountRow, messageId: string, since: number | null) => Promise<FoundInSent>;
  fileSentCopy: (
    account: AccountRow,
    row: SubmissionRow,
    mayStore: (() => Promise<boolean>) | null,
  ) => Promise<FiledSentCopy>;
  flagOriginal: (account: AccountRow, original: OriginalMessage) => Promise<void>;
  clock: Clock;
  /** From 0 to 1, for jitter. */
  random: () => number;
};

/**
 * What came of a try. "done": nothing is left of it; "waits": it goes on at `at`; "failed": the same, because of `error`. `sentCopy` and `warning` are
 * what is to be told. Times in milliseconds since the epoch.
 */
export type Tried = { kind: FollowUp; sentCopy?: SentCopy | null; warning?: string; error?: unknown } & (
  | { is: "done"; found?: boolean }
  | { is: "waits" | "failed"; at: number }
);

/** Waits after failures, milliseconds: doubled from the first to the longest, each up to a quarter longer or shorter. */
const backOff = { first: 60_000, longest: 4 * 3_600_000 };

/** After so many failures in a row it is given up: a day, and an hour for who waits to hear what became of a message. */
const mostTries: Record<FollowUp, number> = { "sent-copy": 13, "flag-original": 13, "look-in-sent": 6 };

/** Failures that another try can't change. */
const refused = new Set<Failure["code"]>([
  "refused-by-server",
  "unsupported-by-server",
  "unsupported-by-protocol",
  "validation-failed",
]);

/** Does one of the things that are left to be done after a message was sent, or may have been. Never fails. */
export async function tryFollowUp(
  needs: TryFollowUp,
  account: AccountRow,
  claim: FollowUpClaim,
  kind: FollowUp,
): Promise<Tried> {
  try {
    if (kind === "look-in-sent") return await look(needs, account, claim.row);
    return await (kind === "sent-copy" ? file(needs, account, claim) : flag(needs, account, claim.row));
  } catch (error) {
    const { followUpTries: tries } = claim.row;
    if (tries >= mostTries[kind]) return { kind, error, is: "done", ...givenUp[kind] };
    return { kind, error, is: "failed", at: needs.clock.now() + waitAfter(error, tries, needs.random()) };
  }
}

const givenUp: Record<FollowUp, Pick<Tried, "sentCopy" | "warning">> = {
  "sent-copy": { sentCopy: "failed", warning: "sent-copy-failed" },
  "flag-original": { warning: "original-not-flagged" },
  "look-in-sent": {},
};

function waitAfter(error: unknown, tries: number, random: number): number {
  const asked = error instanceof Failure ? (error.details.retryAfter ?? 0) * 1_000 : 0;
  const grown = Math.min(backOff.longest, backOff.first * 2 ** Math.max(0, tries - 1));
  return Math.max(asked, Math.round(grown * (0.75 + random / 2)));
}

/** How far a mail server's clock may be behind ours, milliseconds. */
const clockSkew = 60_000;

/**
 * Whether a message that may have been sent was: a copy with its Message-ID proves it, none proves nothing. What was there before it was handed in
 * does not either: a raw message keeps its id, and may have been sent or stored before.
 */
async function look({ lookInSent, clock }: TryFollowUp, account: AccountRow, row: SubmissionRow): Promise<Tried> {
  const kind = "look-in-sent";
  if (!filesSentCopy(account)) return { kind, is: "done", found: false };
  const { folder, place } = await lookInSent(account, row.messageId, row.createdAt - clockSkew);
  if (place !== null) return { kind, is: "done", found: true };
  const at = folder === null ? null : nextLook(row.updatedAt, clock.now());
  return at === null ? { kind, is: "done", found: false } : { kind, is: "waits", at };
}

async function file(
  { fileSentCopy, clock }: TryFollowUp,
  account: AccountRow,
  { row, renew }: FollowUpClaim,
): Promise<Tried> {
  const kind = "sent-copy";
  if (account.incoming?.protocol !== "imap") return { kind, is: "done", sentCopy: null };
  // The provider is given time to put one there itself.
  const isFiled = row.saveToSent === "auto" && filesSentCopy(account);
  const next = isFiled ? nextLook(row.finishedAt ?? row.updatedAt, clock.now()) : null;
  try {
    const filed = await fileSentCopy(account, row, next === null ? renew : null);
    if (filed === "absent") return { kind, is: "waits", at: next ?? clock.now() };
    const told = { stored: "stored", there: "provider", "no-folder": null } as const;
    return { kind, is: "done", sentCopy: told[filed] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const told = { kind, error, is: "done", sentCopy: "failed" } as const;
    if (error.code === "message-too-large") return { ...told, warning: "sent-copy-too-large" };
    // Its octets, where no server has said so.
    const isGone = error.code === "not-found" && error.details.upstream === undefined;
    if (isGone) return { ...told, warning: "sent-copy-failed" };
    throw error;
  }
}

async function flag({ flagOriginal }: TryFollowUp, account: AccountRow, row: SubmissionRow): Promise<Tried> {
  const kind = "flag-original";
  try {
    if (row.original !== null && account.incoming !== null) await flagOriginal(account, row.original);
    return { kind, is: "done" };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const isGone =
      error.code === "message-gone" || (error.code === "not-found" && error.details.upstream === undefined);
    if (isGone) return { kind, error, is: "done" };
    if (refused.has(error.code)) return { kind, error, is: "done", warning: "original-not-flagged" };
    throw error;
  }
}
