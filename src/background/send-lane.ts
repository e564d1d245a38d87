import { Failure } from "../errors.ts";
import type { ServerLogin } from "../mail/server.ts";
import type { Submitter } from "../mail/submitter.ts";
import type { SubmitterLease, Submitters } from "../sessions/lend-submitter.ts";
import type { LoginKey } from "../sessions/login-key.ts";
import { loginOf } from "../sessions/login-of.ts";
import { noteFailed, type NoteLogin, notePassed } from "../sessions/note-login.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { type House, keepOnlyWhatMay } from "./claim-due.ts";
import { ClaimLost, type Commit } from "./commit-submissions.ts";
import { commitEarly, type Sent, sendSubmission } from "./send-submission.ts";
import { mustWait, pace } from "./pace.ts";
import { type HeldSubmission, isBlocked, type Lane, type Sender } from "./senders.ts";
import { afterAttempt, afterCut, afterExpiry, stateOf } from "./settle-submission.ts";

export type LaneNeeds = NoteLogin & {
  blobs: Pick<Store["blobs"], "read">;
  vault: Pick<Vault, "openText">;
  submitters: Pick<Submitters, "lend" | "gate">;
  /** Connects when used, past the guard. */
  openSubmitter: (server: ServerLogin) => Submitter;
  commit: Commit;
  /** Claims more for an account. */
  claim: (accountId: string) => Promise<boolean>;
  /** From 0 to 1, for jitter. */
  random: () => number;
};

/** A connection that is lent, and the login that it was lent for. */
type Line = { lease: SubmitterLease; login: LoginKey };

/** How soon an account is tried again none of whose sessions was to be had, milliseconds. */
const busyMs = 1_000;

/** Failures that are no reason to doubt the server. */
const notTheServers = new Set<Failure["code"]>([
  "message-too-large",
  "unsupported-by-server",
  "no-outgoing",
  "address-not-allowed",
  "storage-unavailable",
  "not-found",
  "internal",
]);

/** Sends what waits for an account, one message after another over one connection. Never fails. */
export async function sendLane(needs: LaneNeeds, house: House, lane: Lane): Promise<void> {
  const { clock } = needs;
  const { senders, held } = house;
  const { sender } = lane;
  let line: Line | null = null;
  let mine: HeldSubmission | null = null;
  try {
    while (hasWork(house, sender, clock.now())) {
      const asked = clock.now();
      lane.since = asked;
      const { login } = sender;
      // What waits is free for other lanes until there is a connection for it.
      const found: Line | Failure = await connect(needs, sender, line);
      line = found instanceof Failure ? null : found;
      senders.rest(lane);
      mine = await next(needs, house, lane);
      if (found instanceof Failure) {
        await conclude(needs, house, lane, { mine, login, sent: untried(mine, found), ms: clock.now() - asked });
        break;
      }
      if (mine === null) break;
      const began = clock.now();
      const atDot = (): void => commitAhead(needs, house, sender);
      const sent = await sendSubmission(needs, mine, found.lease.submitter, atDot).catch(nullIfLost);
      if (sent === null) held.abandon(mine);
      else await conclude(needs, house, lane, { mine, login, sent, ms: clock.now() - began });
      senders.rest(lane);
      if (sent === null || sent.failure === null) continue;
      found.lease.discard();
      line = null;
      if (sent.failure.code === "account-busy") break;
    }
  } catch (error) {
    needs.log.write("error", "submissions.lane_broke", { accountId: sender.account.id, error });
    // Held, it would be extended for ever; it runs out instead, and says itself whether its dot may have gone out.
    if (mine !== null) held.letGo(mine);
  } finally {
    line?.lease.release();
    senders.end(lane);
    keepOnlyWhatMay(house, sender, clock.now());
    house.begin();
    if (house.isCrowded || sender.more) house.callStep(sender.account.id);
  }
}

/** Something waits, or will at once, and may be sent. */
function hasWork({ stopping }: House, sender: Sender, now: number): boolean {
  if (stopping.aborted || isBlocked(sender, now) || mustWait(sender, now)) return false;
  return sender.waiting.length > 0 || sender.claiming !== null;
}

/** A connection for the account's login as it is: the one that is there, or a new one. */
async function connect(needs: LaneNeeds, sender: Sender, line: Line | null): Promise<Line | Failure> {
  const { login, account } = sender;
  if (line !== null && line.login === login) return line;
  line?.lease.release();
  const open = (): Submitter => needs.openSubmitter(loginOf(needs.vault, account, "outgoing"));
  try {
    return { lease: await needs.submitters.lend(login, open), login };
  } catch (error) {
    if (error instanceof Failure) return error;
    return new Failure("internal", "The message could not be sent.", { cause: error });
  }
}

const untried = (mine: HeldSubmission | null, failure: Failure): Sent => ({
  recipients: mine?.submission.recipients ?? [],
  failure,
  isThrottled: failure.code === "upstream-throttled",
  hasTold: false,
});

function nullIfLost(error: unknown): null {
  if (error instanceof ClaimLost) return null;
  throw error;
}

/** What the lane is to send now; null when that is nothing. */
async function next(needs: LaneNeeds, house: House, lane: Lane): Promise<HeldSubmission | null> {
  const { senders, held } = house;
  const { sender } = lane;
  const { id } = sender.account;
  for (;;) {
    const now = needs.clock.now();
    if (!hasWork(house, sender, now)) return null;
    const mine = senders.take(sender);
    if (sender.more && !house.isCrowded && senders.wanted(sender, now) > 0)
      // What failed is tried again by the next step.
      needs.claim(id).catch(() => house.callStep(id));
    if (mine === null) await sender.claiming?.catch(() => {});
    else if (held.isLate(mine)) held.giveBack(mine);
    else if (now >= mine.submission.deliverBefore)
      held.settle(mine, afterExpiry(sender.account, mine.submission, { now, random: needs.random() }));
    else {
      pace(sender, now);
      Object.assign(lane, { since: now, isFree: false });
      return mine;
    }
  }
}

/** While a lane waits for the answer to its dot, the write before the next one goes to disk: of as many messages at most as there are lanes to take them. */
function commitAhead(needs: LaneNeeds, house: House, sender: Sender): void {
  if (!hasWork(house, sender, needs.clock.now())) return;
  const next = sender.waiting.slice(0, sender.lanes.size).find(({ early }) => early === null);
  if (next !== undefined && !house.held.isLate(next)) commitEarly(needs.commit, next);
}

/** Settles a message by what became of it, and takes in what that says of its account. Where there was no connection, there may be no message. */
async function conclude(
  needs: LaneNeeds,
  house: House,
  lane: Lane,
  { mine, login, sent, ms }: { mine: HeldSubmission | null; login: LoginKey; sent: Sent; ms: number },
): Promise<void> {
  const { senders, held } = house;
  const { sender } = lane;
  const { failure } = sent;
  const at = { now: needs.clock.now(), random: needs.random() };
  const isUntold = failure !== null && !sent.hasTold;
  const isRefused = failure?.code === "account-authentication-failed";
  const isBusy = failure?.code === "account-busy";
  const makesDo = isBusy && senders.makeDo(lane, at.now);

  if (mine !== null) {
    const { submission } = mine;
    // What is the account's alone is not held against the message.
    const isAccounts = isRefused || (isBusy && (makesDo || isOurs(failure)));
    const isUncounted = (isUntold && isAccounts) || failure?.code === "storage-unavailable";
    if (isUncounted && isAccounts && !mine.isCommitted) held.giveBack(mine);
    else if (isUncounted) held.settle(mine, afterCut(submission, sent, at), { failure, ms });
    else held.settle(mine, afterAttempt(sender.account, submission, sent, at), { failure, ms });
    if (failure?.code === "internal")
      needs.log.write("error", "submission.broke", { submissionId: submission.id, error: failure });
  }

  if (failure === null) await pass(needs, house, sender, sent, ms);
  else if (isRefused) await refuse(needs, house, sender, login, failure);
  else if (isBusy && isOurs(failure) && !makesDo) sender.holdUntil = Math.max(sender.holdUntil, at.now + busyMs);
  else if (!makesDo && !notTheServers.has(failure.code)) {
    const retryAfterMs = (failure.details.retryAfter ?? 0) * 1000;
    senders.doubt(sender, sent.isThrottled ? "throttled" : "failed", at.now, retryAfterMs);
  }
  keepOnlyWhatMay(house, sender, needs.clock.now());
}

/** It came to no server. */
const isOurs = ({ details }: Failure): boolean => details.upstream === undefined;

/** A login worked, at least. */
async function pass(needs: LaneNeeds, { senders }: House, sender: Sender, sent: Sent, ms: number): Promise<void> {
  const { account } = sender;
  needs.submitters.gate.passed(account.id);
  // What is lost after the dot would be lost for the next one as well.
  const isLost = stateOf(sent.recipients) === "uncertain";
  if (sent.isThrottled || isLost) senders.doubt(sender, sent.isThrottled ? "throttled" : "failed", needs.clock.now());
  else senders.prove(sender, ms);
  if (account.state === "connected" || account.state === "paused" || account.lastError?.side === "incoming") return;
  // The row is read anew before the next claims; until then it is not written again and again.
  sender.account = { ...account, state: "connected", lastError: null };
  await notePassed(needs, account, "outgoing");
}

/** A refused login is the account's: its queue stops, and no message is the worse for it. Neither is one that was changed in the meantime. */
async function refuse(
  needs: LaneNeeds,
  { senders }: House,
  sender: Sender,
  login: LoginKey,
  failure: Failure,
): Promise<void> {
  const { account } = sender;
  if (login !== sender.login) return;
  if (!isOurs(failure)) {
    const { final } = needs.submitters.gate.refused(login);
    await noteFailed(needs, account, "outgoing", failure, final);
  }
  sender.isProven = false;
  senders.keep(sender.account, needs.clock.now());
  if (sender.stoppedUntil === 0) senders.doubt(sender, "failed", needs.clock.now());
}
