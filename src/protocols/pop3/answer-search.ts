import type { SearchAnswer } from "../../mail/mailbox.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { Expression } from "../../mail/search.ts";
import { bestEffort, type Call, giveWay } from "./call.ts";
import { type Judge, type Judged, maxBatch } from "./judge.ts";
import { needsHeader } from "./search-facts.ts";

/** Headers that are read to count what matches; where more are not known the number is not told. */
const maxReadToCount = 200;

/** What a page was made of: the messages that were judged for it, and whether the time is up. */
type Asked = {
  expression: Expression;
  judge: Judge;
  judged: Judged[];
  isLate: boolean;
  count: boolean;
  until: number;
};

/** How a search was answered: of how many messages the headers are known, and how many match where all is known that decides. */
export async function answerOf(call: Call, asked: Asked): Promise<SearchAnswer> {
  const { numbers } = call.maildrop;
  const { judged, expression } = asked;
  const known = needsHeader(expression) ? await knownHeaders(call, judged) : new Set(numbers);
  const total = asked.count ? await countMatches(call, asked, known) : null;
  return {
    engine: "headers",
    exact: true,
    undecided: judged.filter(({ is }) => is === null).length,
    ...(total !== null && { total }),
    ...(known.size < numbers.length && { coverage: { known: known.size, of: numbers.length } }),
  };
}

/** The messages whose headers are kept, or were just read. */
async function knownHeaders(call: Call, judged: Judged[]): Promise<Set<number>> {
  const { maildrop, kept } = call;
  const read = new Set<number>();
  noteRead(read, judged);
  if (read.size === maildrop.numbers.length) return read;
  const texts = await bestEffort(call, kept.headers.keys());
  const isKnown = (number: number): boolean => {
    const key = maildrop.keyOf(number);
    return maildrop.readFieldsOf(number) !== null || (key !== null && texts?.has(maildropKeyText(key)) === true);
  };
  return new Set(maildrop.numbers.filter((number) => read.has(number) || isKnown(number)));
}

function noteRead(known: Set<number>, judged: Judged[]): void {
  for (const { number, isRead } of judged) if (isRead) known.add(number);
}

/** Null where it can't be told; of what is read to tell it `known` is told. */
async function countMatches(
  call: Call,
  { judge, judged, isLate, until }: Asked,
  known: Set<number>,
): Promise<number | null> {
  const isJudged = new Set(judged.map(({ number }) => number));
  const rest = call.maildrop.numbers.filter((number) => !isJudged.has(number));
  const unknown = rest.filter((number) => !known.has(number));
  if (isLate || unknown.length > maxReadToCount) return null;
  const all = [...judged];
  for (let at = 0; at < rest.length; at += maxBatch) {
    const result = await judge({ ...call, until }, rest.slice(at, at + maxBatch), null);
    noteRead(known, result.judged);
    all.push(...result.judged);
    if (result.late || call.clock.now() >= until) return null;
    await giveWay();
  }
  return all.every(({ is }) => is !== null) ? all.filter(({ is }) => is).length : null;
}
