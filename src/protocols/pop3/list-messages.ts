import { Failure, invalid } from "../../errors.ts";
import { passesByFlags } from "../../mail/filter.ts";
import type { Filter, Listing, MaildropPosition, Page } from "../../mail/mailbox.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import { bestEffort, type Call } from "./call.ts";
import { passesByHeader } from "./filter.ts";
import { readHeaders } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { assertInTime } from "./top-until.ts";

/** Messages that are looked at together: some MiB of headers at most. */
const batchSize = 200;

/** Of how many messages below a page its cursor knows the names. */
const namedBelow = 4;

type Listed = { number: number; summary: Summary<MaildropPlace> };

export function assertPage({ limit }: Page<MaildropPlace>): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return;
  throw invalid("?limit", "out-of-range", "limit is a whole number from 1 on.");
}

/**
 * A page of the maildrop, the highest number first, which is the newest arrival where the server keeps that order. With what
 * is kept of the headers it takes UIDL and nothing else. It goes on below the last message of the page before; where that is gone, at
 * the first of those that stood below it: each message is told once, whatever went and came meanwhile. Fails `cursor-expired`
 * where all of these are gone; `upstream-timeout` when reading headers takes too long, but not for nothing: what was read is kept.
 */
export async function listMessages(
  call: Call,
  { limit, after }: Page<MaildropPlace>,
  filter: Filter,
): Promise<Listing<MaildropPlace>> {
  const { maildrop } = call;
  const from = after === null ? Infinity : await goOnAt(call, after);
  const candidates = maildrop.numbers.filter((number) => number <= from).reverse();
  const isAny = Object.values(filter).every((value) => value === undefined);

  const listed: Listed[] = [];
  for (let at = 0; at < candidates.length && listed.length < limit;) {
    const batch = candidates.slice(at, at + (isAny ? Math.min(batchSize, limit - listed.length) : batchSize));
    listed.push(...(await lookAt(call, batch, filter)));
    at += batch.length;
    const isKept = batch.some((number) => maildrop.keyOf(number)?.kind === "uidl");
    assertInTime(call.session.host, { ...call, isKept });
  }
  const page = listed.slice(0, limit);
  if (after === null) await prune(call);

  const last = page.at(-1);
  const isEnd = page.length < limit || last === undefined || last.number === maildrop.numbers[0];
  return {
    uidValidity: 0,
    messages: page.map(({ summary }) => summary),
    next: isEnd
      ? null
      : { key: maildropKeyText(last.summary.place.key), below: await keysBelow(call, candidates, last.number) },
  };
}

/** The highest number that the next page may tell. A message found by its name: its number may be another one by now. */
async function goOnAt({ maildrop, until }: Call, { key, below }: MaildropPosition): Promise<number> {
  const last = (await maildrop.find([key], until)).get(key);
  if (last !== undefined) return last - 1;
  for (const text of below) {
    const first = (await maildrop.find([text], until)).get(text);
    if (first !== undefined) return first;
  }
  throw new Failure(
    "cursor-expired",
    "The messages where the cursor goes on are gone, and POP3 keeps no place for them.",
    {
      fix: "Start again without a cursor.",
    },
  );
}

/** The names of the next messages below a number, the highest first. */
async function keysBelow({ maildrop, until }: Call, candidates: number[], number: number): Promise<string[]> {
  const next = candidates.filter((candidate) => candidate < number).slice(0, namedBelow);
  await maildrop.identify(next, until);
  return next
    .map((each) => maildrop.keyOf(each))
    .filter((key) => key !== null)
    .map(maildropKeyText);
}

/** Those of the messages that pass. A header is read only where the flags don't settle it. */
async function lookAt(call: Call, numbers: number[], filter: Filter): Promise<Listed[]> {
  const { maildrop } = call;
  await maildrop.identify(numbers, call.until);
  const keys = numbers.map((number) => maildrop.keyOf(number)).filter((key) => key !== null);
  const flags = await flagsOf(call, keys);
  const wanted = numbers.filter((number) => {
    const key = maildrop.keyOf(number);
    return key !== null && passesByFlags(filter, flags(key).flags);
  });
  return (await readHeaders(call, wanted))
    .filter(({ facts }) => passesByHeader(filter, facts))
    .map((told) => ({ number: told.number, summary: toSummary(told, flags(told.key)) }));
}

/**
 * Forgets what is kept of messages that are gone. Where not all messages are known by name, only of those with unique-ids; where
 * none has one, only of those without: a server that tells none now may have told them yesterday.
 */
async function prune(call: Call): Promise<void> {
  const { maildrop, kept, clock } = call;
  const { keys, isAll } = maildrop.known();
  const uidls = keys.filter(({ kind }) => kind === "uidl");
  const hasNone = uidls.length === 0 && maildrop.numbers.length > 0;
  if (hasNone && !isAll) return;
  const kind = hasNone ? "fingerprint" : isAll ? undefined : "uidl";
  await bestEffort(call, kept.keepOnly(isAll ? keys : uidls, clock.now(), kind));
}
