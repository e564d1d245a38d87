import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Log } from "../observe.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { LoginPace } from "../sessions/login-pace.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { AlertsTold } from "./alerts-told.ts";
import { fillHeaders } from "./fill-headers.ts";
import { indexEarlier } from "./index-earlier.ts";
import { lookAtAccount, type Looked } from "./look-at-account.ts";
import { lookAtFolder } from "./look-at-folder.ts";
import { leastInterval } from "./maildrop-pace.ts";
import { alertsOf, tellAlerts } from "./tell-alerts.ts";
import { tellFolderFailed, type TellHealth, tellLooksFailed, tellWell } from "./tell-health.ts";
import type { FolderTurn, LookNeeds, Turn } from "./turn.ts";

/** What looks at an account need, once or for as long as it is watched. */
export type WatchNeeds = LookNeeds &
  TellHealth & {
    accounts: LookNeeds["accounts"] & TellHealth["accounts"];
    watches: LookNeeds["watches"] & Pick<Store["watches"], "get" | "noteLooks">;
    mailboxes: Pick<Mailboxes, "lend" | "watch" | "rests" | "awaited">;
    pace: LoginPace;
    log: Log;
    /** From 0 to 1, spreads what would come together. */
    random: () => number;
    /**
     * How often all folders are looked at, and a maildrop is, milliseconds. From when on headers of a maildrop are read ahead, where
     * its server did not take that well: milliseconds since the epoch.
     */
    every: { folders: number; maildrop: number; headersFrom?: number };
  };

/** One account under watch, as its supervisor sees it. */
export type Watched = {
  accountId: string;
  epoch: number;
  signal: AbortSignal;
  /**
   * Told whenever the watch goes on, and before anything is written: it has to be told again until `by`, milliseconds since the epoch. Throws
   * `Overtaken` when the claim has run out.
   */
  alive: (by: number) => void;
  alertsTold: AlertsTold;
  /** All folders have been looked at, at this time. */
  looked: (at: number, mode: "idle" | "poll") => void;
};

/** How a watch ended: when the account is due again (null: not until it changes), or null where it is another's by now. */
export type WatchEnd = { dueAt: number | null } | null;

/** How long a step of a look may take, and how long after its time a wait may end, milliseconds. */
export const stallMs = 120_000;

/** Waits after failures, milliseconds: the first, and the longest; each is up to a half longer or shorter, so at most an hour. */
export const backOff = { first: 1_000, longest: 2_400_000 };

/** How long a login that was refused for good may yet be tried again, where its account does not say so. */
const refusedMs = 60_000;

/** How soon one looks again at what a move of ours may have put there. */
export const soonMs = 250;

/** How long after a look earlier messages are put into the index of threads, milliseconds. */
const indexingMs = 10_000;

/** Whether there is a mailbox that somebody wants watched and that lets us in. */
export function isToWatch({ incoming, watch, state, lastError }: AccountRow): boolean {
  const isRefused = state === "authenticationFailed" && lastError?.side === "incoming";
  return incoming !== null && watch.mode !== "off" && state !== "paused" && !isRefused;
}

/** Waits for the turn to log in at the host; there may be thousands before it. */
export async function untilTurn({ pace }: WatchNeeds, host: string, { signal, alive }: Watched): Promise<void> {
  await pace.turn(host, signal, (at) => alive(at + stallMs));
}

/** A look at all folders, and when the next one is due, milliseconds since the epoch. */
export type Round = Looked & { nextAt: number };

/** A session, and whether it can wait for news: some servers offer IDLE and refuse it. */
export type Session = { mailbox: Mailbox; idles: boolean };

/** Looks at all folders, and again while there is more to tell; null when the account is no longer to be watched. */
export async function lookAtAll(
  needs: WatchNeeds,
  { mailbox, idles }: Session,
  watched: Watched,
): Promise<Round | null> {
  const progress = (): void => watched.alive(needs.clock.now() + stallMs);
  progress();
  for (;;) {
    const account = await needs.accounts.byId(watched.accountId);
    if (account === null || !isToWatch(account)) return null;
    const since = (await needs.watches.get(account.id))?.lookedAt ?? null;
    const turn = { account, epoch: watched.epoch, mailbox, progress };
    const looked = await lookAtAccount(needs, turn, since);
    progress();
    if (looked.state === "more" && !watched.signal.aborted) continue;
    if (looked.failed === null) await tellWell(needs, account);
    else await tellFolderFailed(needs, account, looked.failed);
    const mode = idles ? "idle" : "poll";
    watched.looked(looked.listedAt, mode);
    // From the first look on folders that come are told from those that were there: that is not left to the next step.
    if (since === null)
      await needs.watches.noteLooks([{ accountId: account.id, epoch: watched.epoch, lookedAt: looked.listedAt, mode }]);
    if (mailbox.watching.kind === "maildrop") await fillHeaders(needs, account, mailbox.watching, watched.signal);
    const wait = looked.state === "waiting" ? soonMs : untilNextLook(needs, mailbox);
    const nextAt = Math.round(needs.clock.now() + wait);
    if (looked.state !== "done") return { ...looked, nextAt };
    const isQuiet = await indexInQuiet(needs, { turn, inboxTurn: looked.turn }, watched);
    return { ...looked, nextAt: isQuiet ? nextAt : Math.round(needs.clock.now() + soonMs) };
  }
}

/**
 * Puts earlier messages into the index of threads for a while after a look, as long as nothing new comes to the inbox and nobody
 * waits for the session; some in any case, lest who asks again and again hold it up for ever. False where something new is not
 * told yet.
 */
async function indexInQuiet(
  needs: WatchNeeds,
  { turn, inboxTurn }: { turn: Turn; inboxTurn: FolderTurn | null },
  { signal }: Watched,
): Promise<boolean> {
  const inbox = inboxTurn?.watched.find(({ role }) => role === "inbox");
  const until = needs.clock.now() + indexingMs;
  const isOver = (): boolean => signal.aborted || needs.mailboxes.awaited(turn.account) || needs.clock.now() >= until;
  if (signal.aborted) return true;
  for (let isFirst = true; ; isFirst = false) {
    const step = await indexEarlier(needs, turn);
    // A maildrop is locked meanwhile (RFC 1939 §4): one step is enough.
    if ((step === "idle" && isFirst) || inboxTurn === null || turn.mailbox.dead) return true;
    const isLast = step !== "more" || isOver();
    // That flags have changed is told once by some servers: maybe it was, amid these messages.
    const looked = inbox && (await lookAtFolder(needs, inboxTurn, inbox, { flags: isLast }));
    if (looked !== undefined && looked !== "done") return false;
    if (isLast) return true;
  }
}

/** How long after a look at everything the next one begins, milliseconds. */
function untilNextLook({ every, random }: WatchNeeds, { watching }: Mailbox): number {
  const spread = 0.9 + 0.2 * random();
  if (watching.kind === "folders") return every.folders * spread;
  const least = leastInterval(watching.loginDelay);
  every.maildrop = Math.max(every.maildrop, least);
  return Math.max(least, every.maildrop * spread);
}

/**
 * One look at all folders on a session that is lent for it: for maildrops, for polling, and where a server allows few sessions. Null when the
 * account is no longer to be watched, or the signal has aborted.
 */
export async function lookOnLentSession(
  needs: WatchNeeds,
  account: AccountRow,
  watched: Watched,
): Promise<Round | null> {
  const host = account.incoming?.host ?? "";
  if (!needs.mailboxes.rests(account)) await untilTurn(needs, host, watched);
  if (watched.signal.aborted) return null;
  const lease = await needs.mailboxes.lend(account);
  needs.pace.passed(host);
  try {
    return await lookAtAll(needs, { mailbox: lease.session, idles: false }, watched);
  } catch (error) {
    lease.failed(error);
    throw error;
  } finally {
    lease.release();
    await tellAlerts(needs, watched, lease.session.alerts());
  }
}

/** How long to leave an account alone, milliseconds, and whether that is because its server was away. */
export type Wait = { ms: number; isAway: boolean };

/** Tells what a look failed with, so many in a row; how long the account is to be left alone. Never fails. */
export async function afterFailure(
  needs: WatchNeeds,
  watched: Watched,
  error: unknown,
  failures: number,
): Promise<Wait> {
  const { accountId } = watched;
  await tellAlerts(needs, watched, alertsOf(error));
  const code = error instanceof Failure ? error.code : "internal";
  const asked =
    error instanceof Failure && error.details.retryAfter !== undefined ? error.details.retryAfter * 1_000 : 0;
  const isRefused = code === "account-authentication-failed";
  const grown = Math.min(backOff.longest, backOff.first * 2 ** (failures - 1)) * (0.5 + needs.random());
  const ms = Math.round(Math.max(grown, asked, isRefused && asked === 0 ? refusedMs : 0));
  const cause = error instanceof Failure ? {} : { error: String(error) };
  needs.log.write("info", "watch.failed", { accountId, code, failures, waitMs: ms, ...cause });
  watched.alive(needs.clock.now() + ms + stallMs);
  const account = await needs.accounts.byId(accountId).catch(() => null);
  await tellLooksFailed(needs, account, error, failures);
  return { ms, isAway: code === "upstream-unreachable" || code === "upstream-timeout" };
}
