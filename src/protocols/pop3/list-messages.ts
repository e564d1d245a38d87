import { invalid } from "../../errors.ts";
import { passesByFlags } from "../../mail/filter.ts";
import type { Filter, Listing, Page } from "../../mail/mailbox.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import { bestEffort, type Call } from "./call.ts";
import { passesByHeader } from "./filter.ts";
import { readHeaders } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { assertInTime } from "./top-until.ts";

/** Messages that are looked at together: some MiB of headers at most. */
const batchSize = 200;

type Listed = { number: number; summary: Summary<MaildropPlace> };

export function assertPage({ limit }: Page<MaildropPlace>): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return;
  throw invalid("?limit", "out-of-range", "limit is a whole number from 1 on.");
}

/**
 * A page of the maildrop, the highest number first, which is the newest arrival where the server keeps that order. With what
 * is kept of the headers it takes STAT and UIDL. It goes on below the last message of the page before; where that is gone, below
 * where it stood: if older ones are gone too, a message may be told twice then, and none is lost. Fails `upstream-timeout`
 * when reading headers takes too long, but not for nothing: what was read is kept.
 */
export async function listMessages(
  call: Call,
  { limit, after }: Page<MaildropPlace>,
  filter: Filter,
): Promise<Listing<MaildropPlace>> {
  const { maildrop } = call;
  const below = after === null ? Infinity : ((await numberAt(call, after.key)) ?? after.sequence);
  const candidates = maildrop.numbers.filter((number) => number < below).reverse();
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
    next: isEnd ? null : { key: maildropKeyText(last.summary.place.key), sequence: last.number },
  };
}

async function numberAt({ maildrop, until }: Call, key: string): Promise<number | undefined> {
  return (await maildrop.find([key], until)).get(key);
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
