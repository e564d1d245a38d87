import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { News } from "../mail/watch.ts";
import type { Log } from "../observe.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { LoginPace } from "../sessions/login-pace.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { AlertsTold } from "./alerts-told.ts";
import { canWait, lookAtAccount, type Looked } from "./look-at-account.ts";
import { lookAtFolder, type LookedAt } from "./look-at-folder.ts";
import { leastInterval, learntFrom } from "./maildrop-pace.ts";
import { alertsOf, tellAlerts } from "./tell-alerts.ts";
import { tellFolderFailed, type TellHealth, tellLooksFailed, tellWell } from "./tell-health.ts";
import { type FolderTurn, type LookNeeds, Overtaken } from "./turn.ts";

export type WatchNeeds = LookNeeds &
  TellHealth & {
    accounts: LookNeeds["accounts"] & TellHealth["accounts"];
    watches: LookNeeds["watches"] & Pick<Store["watches"], "get" | "noteLooks">;
    mailboxes: Pick<Mailboxes, "lend" | "watch" | "rests">;
    pace: LoginPace;
    log: Log;
    /** From 0 to 1, spreads what would come together. */
    random: () => number;
    /** How often all folders are looked at, and a maildrop is, milliseconds. */
    every: { folders: number; maildrop: number };
  };

/** One account under watch, as its supervisor sees it. */
export type Watched = {
  accountId: string;
  epoch: number;
  signal: AbortSignal;
  /** Told whenever the watch goes on: it has to be told again until `by`, milliseconds since the epoch. */
  alive: (by: number) => void;
  alertsTold: AlertsTold;
  /** All folders have been looked at, at this time. */
  looked: (at: number, mode: "idle" | "poll") => void;
};

/** How long a step of a look may take, and how long after its time a wait may end, milliseconds. */
const stallMs = 120_000;

/** A session that lasted so long was a good one: the next failure is the first again. */
const stableMs = 5 * 60_000;

/** Waits after failures, milliseconds: the first, and the longest; each is up to a half longer or shorter, so at most an hour. */
const backOff = { first: 1_000, longest: 2_400_000 };

/** How long a login that was refused for good may yet be tried again, where its account does not say so. */
const refusedMs = 60_000;

/** How soon one looks again at what a move of ours may have put there. */
const soonMs = 250;

/** How long an account is polled on borrowed sessions after its server allowed no session more, milliseconds. */
const crowdedMs = 10 * 60_000;

/**
 * Watches one account until the signal aborts, somebody else has claimed it, or there is nothing to watch. Never fails: what
 * a server or the line failed with is waited out. True when the claim is to be given back: the account is watched no more until
 * it changes.
 */
export async function watchAccount(shared: WatchNeeds, watched: Watched): Promise<boolean> {
  // How often its maildrop is looked at is learnt for as long as the account is watched.
  const needs = { ...shared, every: { ...shared.every } };
  const { signal } = watched;
  let failures = 0;
  let hasRested = false;
  let crowdedUntil = 0;
  while (!signal.aborted) {
    const begun = needs.clock.now();
    watched.alive(begun + stallMs);
    try {
      const account = await needs.accounts.byId(watched.accountId);
      if (account === null || !isToWatch(account)) return true;
      const isOwn = account.incoming?.protocol === "imap" && account.watch.mode === "push" && begun >= crowdedUntil;
      await (isOwn ? onOwnSession(needs, account, watched) : onLentSessions(needs, account, watched));
      failures = 0;
      hasRested = true;
    } catch (error) {
      if (error instanceof Overtaken || signal.aborted) return false;
      if (error instanceof Failure && error.code === "upstream-throttled") crowdedUntil = needs.clock.now() + crowdedMs;
      failures = needs.clock.now() - begun >= stableMs ? 1 : failures + 1;
      if (hasRested) needs.every.maildrop = learntFrom(error, needs.every.maildrop);
      hasRested = false;
      await tellAlerts(needs, watched, alertsOf(error));
      await waitOut(needs, watched, error, failures);
    }
  }
  return false;
}

function isToWatch({ incoming, watch, state, lastError }: AccountRow): boolean {
  const isRefused = state === "authenticationFailed" && lastError?.side === "incoming";
  return incoming !== null && watch.mode !== "off" && state !== "paused" && !isRefused;
}

/** Waits for the turn to log in at the host; there may be thousands before it. */
async function untilTurn({ pace }: WatchNeeds, host: string, { signal, alive }: Watched): Promise<void> {
  await pace.turn(host, signal, (at) => alive(at + stallMs));
}

/** A session of its own that waits for news of the inbox between looks at all folders. */
async function onOwnSession(needs: WatchNeeds, account: AccountRow, watched: Watched): Promise<void> {
  const { signal } = watched;
  const host = account.incoming?.host ?? "";
  await untilTurn(needs, host, watched);
  if (signal.aborted) return;
  const mailbox = await needs.mailboxes.watch(account);
  needs.pace.passed(host);
  const leave = (): void => void mailbox.close();
  signal.addEventListener("abort", leave);
  const session = { mailbox, idles: canWait(mailbox) };
  try {
    while (!signal.aborted) {
      const round = await lookAtAll(needs, session, watched);
      await tellAlerts(needs, watched, mailbox.alerts());
      if (round === null) return;
      await untilNextRound(needs, session, watched, round);
    }
  } finally {
    signal.removeEventListener("abort", leave);
    await mailbox.close();
    await tellAlerts(needs, watched, mailbox.alerts());
  }
}

/** Sessions lent for each look at all folders: for maildrops, for polling, and where a server allows few sessions. */
async function onLentSessions(needs: WatchNeeds, account: AccountRow, watched: Watched): Promise<void> {
  const host = account.incoming?.host ?? "";
  if (!needs.mailboxes.rests(account)) await untilTurn(needs, host, watched);
  if (watched.signal.aborted) return;
  const lease = await needs.mailboxes.lend(account);
  needs.pace.passed(host);
  let round: Round | null;
  try {
    round = await lookAtAll(needs, { mailbox: lease.session, idles: false }, watched);
  } catch (error) {
    lease.failed(error);
    throw error;
  } finally {
    lease.release();
    await tellAlerts(needs, watched, lease.session.alerts());
  }
  if (round !== null) await rest(needs, watched, round.nextAt);
}

type Round = Looked & { nextAt: number };

/** A session, and whether it can wait for news: some servers offer IDLE and refuse it. */
type Session = { mailbox: Mailbox; idles: boolean };

/** Looks at all folders, and again while there is more to tell; null when the account is no longer to be watched. */
async function lookAtAll(needs: WatchNeeds, { mailbox, idles }: Session, watched: Watched): Promise<Round | null> {
  const progress = (): void => watched.alive(needs.clock.now() + stallMs);
  for (;;) {
    progress();
    const account = await needs.accounts.byId(watched.accountId);
    if (account === null || !isToWatch(account)) return null;
    const since = (await needs.watches.get(account.id))?.lookedAt ?? null;
    const turn = { account, epoch: watched.epoch, mailbox, progress };
    const looked = await lookAtAccount(needs, turn, since);
    if (looked.state === "more" && !watched.signal.aborted) continue;
    if (looked.failed === null) await tellWell(needs, account);
    else await tellFolderFailed(needs, account, looked.failed);
    const mode = idles ? "idle" : "poll";
    watched.looked(looked.listedAt, mode);
    // From the first look on folders that come are told from those that were there: that is not left to the next step.
    if (since === null)
      await needs.watches.noteLooks([{ accountId: account.id, epoch: watched.epoch, lookedAt: looked.listedAt, mode }]);
    const wait = looked.state === "waiting" ? soonMs : untilNextLook(needs, mailbox);
    return { ...looked, nextAt: needs.clock.now() + wait };
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

/** Looks at the inbox whenever the server tells news of it, until it is time to look at all folders again. */
async function untilNextRound(needs: WatchNeeds, session: Session, watched: Watched, round: Round): Promise<void> {
  const { signal } = watched;
  const { turn } = round;
  const inbox = turn?.watched.find(({ role }) => role === "inbox");
  if (turn === null || inbox === undefined || !session.idles) return rest(needs, watched, round.nextAt);
  for (
    let left = round.nextAt - needs.clock.now();
    left > 0 && !signal.aborted;
    left = round.nextAt - needs.clock.now()
  ) {
    watched.alive(round.nextAt + stallMs);
    const news = await turn.watching.waitForNews(inbox.path, left, signal).catch((error: unknown) => {
      if (!(error instanceof Failure) || error.code !== "unsupported-by-server") throw error;
      session.idles = false;
      return null;
    });
    if (!session.idles) return rest(needs, watched, round.nextAt);
    if (news === null) return;
    watched.alive(needs.clock.now() + stallMs);
    await lookUntilDone(needs, { turn, folder: inbox, until: round.nextAt }, news, watched);
  }
}

/** Looks at a folder until all is told, or it is time to look at all of them. */
async function lookUntilDone(
  needs: WatchNeeds,
  { turn, folder, until }: { turn: FolderTurn; folder: FolderRow; until: number },
  news: News,
  { signal }: Watched,
): Promise<void> {
  let state: LookedAt = "more";
  while (state !== "done" && !signal.aborted && needs.clock.now() < until) {
    state = await lookAtFolder(needs, turn, folder, { flags: news.flags });
    if (state === "waiting") await needs.clock.sleep(soonMs, signal);
  }
}

async function rest(needs: WatchNeeds, { signal, alive }: Watched, until: number): Promise<void> {
  alive(until + stallMs);
  await needs.clock.sleep(Math.max(0, until - needs.clock.now()), signal);
}

async function waitOut(needs: WatchNeeds, watched: Watched, error: unknown, failures: number): Promise<void> {
  const { accountId, signal } = watched;
  const code = error instanceof Failure ? error.code : "internal";
  const asked =
    error instanceof Failure && error.details.retryAfter !== undefined ? error.details.retryAfter * 1_000 : 0;
  const isRefused = code === "account-authentication-failed";
  const grown = Math.min(backOff.longest, backOff.first * 2 ** (failures - 1)) * (0.5 + needs.random());
  const wait = Math.max(grown, asked, isRefused && asked === 0 ? refusedMs : 0);
  const cause = error instanceof Failure ? {} : { error: String(error) };
  needs.log.write("info", "watch.failed", { accountId, code, failures, waitMs: Math.round(wait), ...cause });
  const begun = needs.clock.now();
  watched.alive(begun + wait + stallMs);
  const account = await needs.accounts.byId(accountId).catch(() => null);
  await tellLooksFailed(needs, account, error, failures);
  const host = account?.incoming?.host ?? "";
  // Whoever waits because the server was away comes back as soon as it is.
  const isAway = code === "upstream-unreachable" || code === "upstream-timeout";
  if (isAway) await needs.pace.untilPassed(host, wait, signal);
  // Others may get through all the time: what is wrong with this account alone is not tried again with each of them.
  const until = isAway ? begun + Math.min(wait, backOff.first * failures) : begun + wait;
  await needs.clock.sleep(Math.max(0, until - needs.clock.now()), signal);
}
