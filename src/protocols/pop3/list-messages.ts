import type { Listing, Page } from "../../mail/mailbox.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import type { Call } from "./call.ts";
import { candidatesOf, positionBehind } from "./position.ts";
import { prune } from "./prune.ts";
import { readHeaders } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { assertInTime } from "./top-until.ts";

/** Messages that are looked at together: some MiB of headers at most. */
const batchSize = 200;

type Listed = { number: number; summary: Summary<MaildropPlace> };

/**
 * A page of the maildrop, the highest number first, which is the newest arrival where the server keeps that order. With what
 * is kept of the headers it takes UIDL and nothing else. It goes on below the last message of the page before; where that is gone, at
 * the first of those that stood below it: each message is told once, whatever went and came meanwhile. Fails `cursor-expired`
 * where all of these are gone; `upstream-timeout` when reading headers takes too long, but not for nothing: what was read is kept.
 */
export async function listMessages(call: Call, page: Page<MaildropPlace>): Promise<Listing<MaildropPlace>> {
  const { maildrop } = call;
  const { limit } = page;
  const candidates = await candidatesOf(call, page);

  const listed: Listed[] = [];
  for (let at = 0; at < candidates.length && listed.length < limit;) {
    const batch = candidates.slice(at, at + Math.min(batchSize, limit - listed.length));
    listed.push(...(await lookAt(call, batch)));
    at += batch.length;
    const isKept = batch.some((number) => maildrop.keyOf(number)?.kind === "uidl");
    assertInTime(call.session.host, { ...call, isKept });
  }
  if (page.after === null) await prune(call);

  const last = listed.at(-1);
  const isEnd = listed.length < limit || last === undefined || last.number === candidates.at(-1);
  return {
    uidValidity: 0,
    messages: listed.map(({ summary }) => summary),
    next: isEnd ? null : await positionBehind(call, candidates, candidates.indexOf(last.number)),
  };
}

async function lookAt(call: Call, numbers: number[]): Promise<Listed[]> {
  const { maildrop } = call;
  await maildrop.identify(numbers, call.until);
  const keys = numbers.map((number) => maildrop.keyOf(number)).filter((key) => key !== null);
  const flags = await flagsOf(call, keys);
  const known = numbers.filter((number) => maildrop.keyOf(number) !== null);
  return (await readHeaders(call, known)).map((told) => ({
    number: told.number,
    summary: toSummary(told, flags(told.key)),
  }));
}
