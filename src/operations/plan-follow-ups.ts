import { profileOf } from "../mail/provider-profile.ts";
import type { AccountRow } from "../store/rows.ts";
import type { FollowUp, SubmissionRow } from "../store/submission-rows.ts";

/** When a copy is looked for in the sent folder that the provider files there itself, milliseconds after the message went out. */
const looks = [10_000, 60_000, 300_000] as const;

/** When the sent folder is looked into next, by what is counted from `since` (milliseconds since the epoch); null after the last look. */
export function nextLook(since: number, now: number): number | null {
  const next = looks.find((after) => since + after > now);
  return next === undefined ? null : since + next;
}

/** Whether what the account sends turns up in its sent folder by itself, and can be looked for there. */
export function filesSentCopy({ incoming, outgoing }: Pick<AccountRow, "incoming" | "outgoing">): boolean {
  if (incoming?.protocol !== "imap") return false;
  return [incoming, outgoing].some((server) => server !== null && profileOf(server.host)?.filesSentCopy === true);
}

/**
 * What is left to be done for a row that has just become `sent` or `uncertain`. Of an uncertain one the sent folder can tell only where it
 * can't be there by another transaction: none of its recipients was accepted yet.
 */
export function planFollowUps(
  account: Pick<AccountRow, "incoming" | "outgoing">,
  row: Pick<SubmissionRow, "state" | "recipients" | "original" | "saveToSent" | "sentCopy" | "warnings">,
  now: number,
): Pick<SubmissionRow, "followUps" | "followUpAt" | "sentCopy" | "warnings"> {
  const { sentCopy, warnings } = row;
  const isFiled = filesSentCopy(account);
  if (row.state === "uncertain") {
    const canTell = isFiled && !row.recipients.some(({ state }) => state === "accepted");
    return canTell
      ? { followUps: ["look-in-sent"], followUpAt: nextLook(now, now), sentCopy, warnings }
      : { followUps: [], followUpAt: null, sentCopy, warnings };
  }
  const flags = row.original !== null && account.incoming !== null;
  const copies = row.saveToSent !== "never" && sentCopy === null && account.incoming?.protocol === "imap";
  const followUps: FollowUp[] = [
    ...(flags ? ["flag-original" as const] : []),
    ...(copies ? ["sent-copy" as const] : []),
  ];
  const waits = !flags && row.saveToSent === "auto" && isFiled;
  return {
    followUps,
    followUpAt: followUps.length === 0 ? null : waits ? nextLook(now, now) : now,
    sentCopy: copies ? "pending" : sentCopy,
    warnings,
  };
}
