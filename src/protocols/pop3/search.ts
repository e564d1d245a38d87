import type { Failure } from "../../errors.ts";
import type { Heads, MaildropPosition, Matches, Page, Search, SearchAnswer } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { answerOf } from "./answer-search.ts";
import { type Call, giveWay, inbox } from "./call.ts";
import { type Judged, makeJudge, maxBatch } from "./judge.ts";
import { candidatesOf, positionBehind } from "./position.ts";
import { prune } from "./prune.ts";
import type { Told } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { tookTooLong } from "./top-until.ts";

/** Messages that are judged first; then twice as many each time, so that few are read for a page that is soon full. */
const firstBatch = 10;

/** How long a call reads headers at least, milliseconds: who goes on with its cursor gets further each time. */
const leastMs = 5_000;

/**
 * A page of the messages that match, as `matchSearch` says, by what is kept of headers, flags and sizes. Headers that are not kept
 * are read by TOP; when the time is up before the page is full it is short, and goes on where it ended. Fails `cursor-expired`;
 * `upstream-timeout` where the time did not suffice for one message. The search is one that `assertAnswerable` has passed.
 */
export async function search(call: Call, page: Page<MaildropPlace>, wanted: Search): Promise<Matches<MaildropPlace>> {
  const { found, next, answer } = await find(call, page, wanted);
  const flags = await flagsOf(
    call,
    found.map(({ key }) => key),
  );
  return { uidValidity: 0, messages: found.map((told) => toSummary(told, flags(told.key))), next, answer };
}

/** The same without what a listing tells of messages. */
export async function heads(call: Call, page: Page<MaildropPlace>, wanted: Search): Promise<Heads<MaildropPlace>> {
  const { found, next, answer } = await find(call, page, wanted);
  return {
    uidValidity: 0,
    heads: found.map(({ key, facts }) => ({ place: { path: inbox, key }, receivedAt: facts.receivedAt })),
    next,
    answer,
  };
}

type Found = { found: Told[]; next: MaildropPosition | null; answer: SearchAnswer };

async function find(call: Call, page: Page<MaildropPlace>, { expression, count, until }: Search): Promise<Found> {
  const { maildrop, clock } = call;
  if (expression.op === "none") return { found: [], next: null, answer: { ...decided, ...(count && { total: 0 }) } };
  const first = { ...call, until: Math.max(until, clock.now() + leastMs) };
  const candidates = await candidatesOf(first, page);
  const judge = await makeJudge(call, expression);
  let judged: Judged[] = [];
  let late: Failure | null = null;
  for (let size = firstBatch, left = page.limit; judged.length < candidates.length && left > 0; size *= 2) {
    const batch = candidates.slice(judged.length, judged.length + Math.min(size, maxBatch));
    const result = await judge(judged.length === 0 ? first : { ...call, until }, batch, left);
    judged.push(...result.judged);
    left -= result.judged.filter(({ is }) => is).length;
    late = result.late ?? (clock.now() < until ? null : tookTooLong(call.session.host, true));
    if (late) break;
    await giveWay();
  }
  const matching = judged.flatMap(({ is }, index) => (is ? [index] : []));
  judged = judged.slice(0, (matching[page.limit - 1] ?? judged.length) + 1);
  const next = judged.length < candidates.length ? await nextBehind(call, candidates, judged.length - 1) : null;
  if (judged.length < candidates.length && next === null) throw late ?? tookTooLong(call.session.host, true);
  if (page.after === null) await prune(call);
  return {
    found: judged.flatMap(({ is, told }) => (is && told ? [told] : [])),
    next,
    answer:
      expression.op === "all"
        ? { ...decided, ...(count && { total: maildrop.numbers.length }) }
        : await answerOf(call, { expression, judge, judged, isLate: late !== null, count, until }),
  };
}

const decided: SearchAnswer = { engine: "none", exact: true, undecided: 0 };

/** The cursor's place is a message, and what turned out not to be there is none. */
async function nextBehind(call: Call, candidates: number[], last: number): Promise<MaildropPosition | null> {
  for (let index = last; index >= 0; index--) {
    const position = await positionBehind(call, candidates, index);
    if (position) return position;
  }
  return null;
}
