import { Failure } from "../errors.ts";
import { learntFrom } from "./maildrop-pace.ts";
import {
  afterFailure,
  isToWatch,
  lookOnLentSession,
  stallMs,
  type Watched,
  type WatchEnd,
  type WatchNeeds,
} from "./round.ts";
import { Overtaken } from "./turn.ts";

/** What one look leaves to the next. */
export type Looked = {
  /** Of the account, as it was looked at: a changed one begins anew. */
  version: number;
  /** Looks that failed in a row. */
  failures: number;
  /** How often its maildrop is looked at, milliseconds: learnt from the server's complaints. */
  maildropMs: number;
  /** From when on headers of its maildrop are read ahead again (`WatchNeeds.every`); absent: at once. */
  headersFrom?: number;
};

/** Keeps that between the looks. */
export type LookMemory = {
  read(accountId: string): Promise<Looked | null>;
  write(accountId: string, looked: Looked): Promise<void>;
};

/**
 * How long it is sure to be remembered that a login was refused, milliseconds. Looks until the next try is due end before the login; they keep
 * that in mind.
 */
const rememberedMs = 60_000;

/**
 * Watches one account by a single look at all its folders, for who is woken by an alarm. Never fails: what a server or the
 * line failed with decides when the account is due again.
 */
export async function lookOnce(shared: WatchNeeds & { memory: LookMemory }, watched: Watched): Promise<WatchEnd> {
  const { clock, memory } = shared;
  const { accountId, epoch, signal } = watched;
  watched.alive(clock.now() + stallMs);
  const account = await shared.accounts.byId(accountId);
  if (account === null || !isToWatch(account)) return { dueAt: null };
  const last = await memory.read(accountId);
  const before = last?.version === account.version ? last : null;
  const { maildropMs = shared.every.maildrop, headersFrom = 0 } = before ?? {};
  const needs = { ...shared, every: { ...shared.every, maildrop: maildropMs, headersFrom } };
  const remember = (failures: number) => {
    const { maildrop, headersFrom } = needs.every;
    const looked = { version: account.version, failures, maildropMs: maildrop };
    return memory.write(accountId, { ...looked, ...(headersFrom > 0 && { headersFrom }) });
  };
  try {
    const round = await lookOnLentSession(needs, account, watched);
    if (round === null) return signal.aborted ? null : { dueAt: null };
    await needs.watches.noteLooks([{ accountId, epoch, lookedAt: round.listedAt, mode: "poll" }]);
    await remember(0);
    return { dueAt: Math.round(round.nextAt) };
  } catch (error) {
    if (error instanceof Overtaken || signal.aborted) return null;
    const failures = (before?.failures ?? 0) + 1;
    // Only a look that came one interval after a good one says something about the interval.
    if (before?.failures === 0) needs.every.maildrop = learntFrom(error, needs.every.maildrop);
    await remember(failures);
    const { ms } = await afterFailure(needs, watched, error, failures);
    const isRefused = error instanceof Failure && error.code === "account-authentication-failed";
    return { dueAt: clock.now() + (isRefused ? Math.min(ms, rememberedMs) : ms) };
  }
}
