import { Failure } from "../errors.ts";
import type { News } from "../mail/watch.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { canWait } from "./look-at-account.ts";
import { lookAtFolder, type LookedAt } from "./look-at-folder.ts";
import { learntFrom } from "./maildrop-pace.ts";
import {
  afterFailure,
  backOff,
  isToWatch,
  lookAtAll,
  lookOnLentSession,
  type Round,
  type Session,
  soonMs,
  stallMs,
  untilTurn,
  type Wait,
  type Watched,
  type WatchEnd,
  type WatchNeeds,
} from "./round.ts";
import { tellAlerts } from "./tell-alerts.ts";
import { type FolderTurn, Overtaken } from "./turn.ts";

/** A session that lasted so long was a good one: the next failure is the first again. */
const stableMs = 5 * 60_000;

/** How long an account is polled on borrowed sessions after its server allowed no session more, milliseconds. */
const crowdedMs = 10 * 60_000;

/**
 * Watches one account until the signal aborts, somebody else has claimed it, or there is nothing to watch. Never fails: what
 * a server or the line failed with is waited out.
 */
export async function watchAccount(shared: WatchNeeds, watched: Watched): Promise<WatchEnd> {
  // How often its maildrop is looked at is learnt for as long as the account is watched.
  const needs = { ...shared, every: { ...shared.every } };
  const { signal } = watched;
  let failures = 0;
  let hasRested = false;
  let crowdedUntil = 0;
  let host = "";
  while (!signal.aborted) {
    const begun = needs.clock.now();
    watched.alive(begun + stallMs);
    try {
      const account = await needs.accounts.byId(watched.accountId);
      if (account === null || !isToWatch(account)) return { dueAt: null };
      host = account.incoming?.host ?? "";
      const isOwn = account.incoming?.protocol === "imap" && account.watch.mode === "push" && begun >= crowdedUntil;
      await (isOwn ? onOwnSession(needs, account, watched) : onLentSessions(needs, account, watched));
      failures = 0;
      hasRested = true;
    } catch (error) {
      if (error instanceof Overtaken || signal.aborted) return null;
      if (error instanceof Failure && error.code === "upstream-throttled") crowdedUntil = needs.clock.now() + crowdedMs;
      failures = needs.clock.now() - begun >= stableMs ? 1 : failures + 1;
      if (hasRested) needs.every.maildrop = learntFrom(error, needs.every.maildrop);
      hasRested = false;
      const wait = await afterFailure(needs, watched, error, failures);
      await waitOut(needs, watched, { wait, host, failures });
    }
  }
  return null;
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

/** Sessions lent for each look at all folders. */
async function onLentSessions(needs: WatchNeeds, account: AccountRow, watched: Watched): Promise<void> {
  const round = await lookOnLentSession(needs, account, watched);
  if (round !== null) await rest(needs, watched, round.nextAt);
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

/** Whoever waits because the server was away comes back as soon as it is. */
async function waitOut(
  needs: WatchNeeds,
  { signal }: Watched,
  { wait, host, failures }: { wait: Wait; host: string; failures: number },
): Promise<void> {
  const begun = needs.clock.now();
  if (wait.isAway) await needs.pace.untilPassed(host, wait.ms, signal);
  // Others may get through all the time: what is wrong with this account alone is not tried again with each of them.
  const until = begun + (wait.isAway ? Math.min(wait.ms, backOff.first * failures) : wait.ms);
  await needs.clock.sleep(Math.max(0, until - needs.clock.now()), signal);
}
