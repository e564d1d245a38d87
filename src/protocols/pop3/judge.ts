import type { Failure } from "../../errors.ts";
import type { Flags } from "../../mail/flags.ts";
import { type MaildropKey, maildropKeyText } from "../../mail/maildrop.ts";
import type { SearchFacts } from "../../mail/match-search.ts";
import { type Expression, needsOf, predicatesOf } from "../../mail/search.ts";
import { type Call, giveWay } from "./call.ts";
import { readHeadersInTime, type Told } from "./read-headers.ts";
import { factsOfHeader, isMatch, needsHeader } from "./search-facts.ts";
import { flagsOf } from "./summary.ts";
import { unlessLate } from "./top-until.ts";

/** Messages that are judged together: some MiB of headers at most. */
export const maxBatch = 200;

/** … and without a break: a header of 64 KiB, and a hundred conditions, take some milliseconds each. */
const mostAtOnce = 5;

/**
 * Whether a message matches; null where nobody can tell. `told` is what was asked for of one that matches, else null: headers of
 * all others would be too much to hold. `isRead`: its header is known by now.
 */
export type Judged = { number: number; is: boolean | null; told: Told | null; isRead: boolean };

/**
 * Judges messages in their order, up to the first that the time does not suffice for; `late` is what there is to say of that. Of
 * those that match up to `mostTold` are judged, and told with their headers; null: none is told, and headers are read only to judge.
 */
export type Judge = (
  call: Call,
  numbers: readonly number[],
  mostTold: number | null,
) => Promise<{ judged: Judged[]; late: Failure | null }>;

/** Who judges what flags and sizes settle reads no header. */
export async function makeJudge(search: Call, expression: Expression): Promise<Judge> {
  const needs = needsOf(expression);
  const flagFacts = needs.has("flags") ? await flagFactsOf(search, expression) : async () => () => ({});
  const isByHeader = needsHeader(expression);

  return async (call, numbers, mostTold) => {
    const { maildrop } = call;
    const late = await maildrop.identify(numbers, call.until).then(() => null, unlessLate(call));
    if (late) return { judged: [], late };
    const keys = new Map(numbers.map((number) => [number, maildrop.keyOf(number)]));
    const flags = await flagFacts([...keys.values()].filter((key) => key !== null));
    const sizes = needs.has("size") ? await maildrop.sizesOf(numbers) : null;
    const first = new Map<number, { facts: SearchFacts; is: boolean | null }>();
    let matching = 0;
    for (const [number, key] of keys) {
      const size = sizes?.get(number);
      const facts = key === null ? {} : { ...flags(key), ...(size !== undefined && { size }) };
      const is = key === null ? false : isMatch(expression, facts, false);
      first.set(number, { facts, is });
      if (is === true && ++matching === mostTold) break;
    }

    const wanted = [...first].filter(([, { is }]) => (is === null ? isByHeader : is && mostTold !== null));
    const read = await readHeadersInTime(
      call,
      wanted.map(([number]) => number),
    );
    const told = new Map(read.told.map((one) => [one.number, one]));
    const isWanted = new Set(wanted.map(([number]) => number));
    const judged: Judged[] = [];
    for (const [number, { facts, is }] of first) {
      if (read.unread.has(number)) break;
      const one = told.get(number) ?? null;
      // One that is wanted and not told turned out not to be there.
      const isThere = one !== null || !isWanted.has(number);
      const verdict = isThere && (is ?? verdictOf(expression, facts, one));
      const isTold = verdict === true && mostTold !== null;
      judged.push({ number, is: verdict, told: isTold ? one : null, isRead: one !== null && one.listed !== null });
      if (one !== null && judged.length % mostAtOnce === 0) await giveWay();
    }
    return { judged, late: read.late };
  };
}

function verdictOf(expression: Expression, facts: SearchFacts, told: Told | null): boolean | null {
  if (told === null) return null;
  return isMatch(expression, { ...factsOfHeader(told), ...facts }, told.listed?.isCut === true);
}

type FlagFacts = (keys: MaildropKey[]) => Promise<(key: MaildropKey) => Pick<SearchFacts, "flags" | "keywords">>;

/** Of many messages it is less to read which have a flag than which flags each has. */
async function flagFactsOf(call: Call, expression: Expression): Promise<FlagFacts> {
  const ops = new Set(predicatesOf(expression).map(({ op }) => op));
  if (ops.has("keyword") || call.maildrop.numbers.length <= maxBatch) return (keys) => flagsOf(call, keys);
  const having = async (flag: keyof Flags): Promise<Set<string>> =>
    ops.has(flag) ? call.kept.flags.having(flag) : new Set();
  const [seen, flagged, answered, draft] = await Promise.all([
    having("seen"),
    having("flagged"),
    having("answered"),
    having("draft"),
  ]);
  return async () => (key) => {
    const text = maildropKeyText(key);
    const flags = {
      seen: seen.has(text),
      flagged: flagged.has(text),
      answered: answered.has(text),
      draft: draft.has(text),
    };
    return { flags };
  };
}
