import type { SearchFacts } from "../../src/mail/match-search.ts";
import type { Expression, Predicate } from "../../src/mail/search.ts";

/** Numbers from 0 to below 1, the same for the same seed. */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)];
  if (one === undefined) throw new Error("nothing to pick from");
  return one;
}

const day = 86_400_000;
export const firstDay = Date.UTC(2026, 0, 1);

/** Words that are found in mail now and then; some only by folding. */
export const words = [
  "ann",
  "ANN",
  "q3",
  "report",
  "größe",
  "GRÖSSE",
  "cafe",
  "Café",
  "日本",
  "a b",
  'quo"te',
  "back\\",
  "ß",
];
export const keywords = ["work", "$Later", "Later"];
export const folders = ["inbox", "junk", "fld_00000000000000000000000001"];
const names = ["List-Id", "X-Spam", "Subject"];

export function randomPredicate(random: Random, ops: readonly Predicate["op"][] = allOps): Predicate {
  const op = pick(random, ops);
  switch (op) {
    case "header":
      return { op, name: pick(random, names), value: random() < 0.3 ? "" : pick(random, words) };
    case "messageId":
      return { op, value: pick(random, ["<m1@x.test>", "<ünï@x.test>", "<m2 @x.test>", "<m@x>"]) };
    case "since":
    case "before":
      return { op, at: randomInstant(random) };
    case "largerThan":
    case "smallerThan":
      return { op, octets: pick(random, [0, 1, 1000, 1001, 2000, 2 ** 32 - 1, 2 ** 32, 2 ** 40]) };
    case "keyword":
      return { op, value: pick(random, keywords) };
    case "inFolder":
      return { op, folder: pick(random, folders) };
    case "seen":
    case "flagged":
    case "answered":
    case "draft":
    case "hasAttachment":
      return { op };
    default:
      return { op, value: pick(random, words) };
  }
}

const allOps: readonly Predicate["op"][] = (
  "from to cc bcc subject text body filename header messageId since before seen flagged answered draft hasAttachment " +
  "keyword largerThan smallerThan inFolder"
).split(" ") as Predicate["op"][];

/** Close to one another, a second around midnights, and beyond what SEARCH can name. */
function randomInstant(random: Random): number {
  if (random() < 0.1)
    return pick(random, [Date.parse("0001-01-01T00:00:00Z"), 0, Date.parse("9999-12-31T23:59:59.999Z")]);
  return firstDay + Math.floor(random() * 6) * day + pick(random, [0, 1, -1000, 1000, 43_200_000, day - 1]);
}

export function randomExpression(random: Random, depth: number, leaf: () => Predicate): Expression {
  const kind = random();
  if (depth === 0 || kind < 0.35) return leaf();
  if (kind < 0.4) return { op: pick(random, ["all", "none"] as const) };
  if (kind < 0.55) return { op: "not", of: randomExpression(random, depth - 1, leaf) };
  const of = Array.from({ length: Math.floor(random() * 4) }, () => randomExpression(random, depth - 1, leaf));
  return { op: pick(random, ["and", "or"] as const), of };
}

/** A message that some of it is known of; `whole`: all of it. */
export function randomFacts(random: Random, whole = false): SearchFacts {
  const text = (): string => Array.from({ length: Math.floor(random() * 4) }, () => pick(random, words)).join(" ");
  const flag = (): boolean => random() < 0.5;
  const [from, to, cc, bcc, subject] = [text(), text(), text(), text(), text()];
  const messageId = pick(random, [null, "<m1@x.test>", "<xm1@x.test>", "<ünï@x.test>", "<m2@x.test>"]);
  const named = { From: from, To: to, Cc: cc, Bcc: bcc, Subject: subject, "Message-ID": messageId, "List-ID": text() };
  const facts: Required<SearchFacts> = {
    from,
    to,
    cc,
    bcc,
    subject,
    messageId,
    headers: Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [{ name, value }])),
    body: [text(), text()],
    receivedAt: !whole && random() < 0.1 ? null : Math.floor(randomInstant(random) / 1000) * 1000,
    size: pick(random, [0, 1, 999, 1000, 1001, 2000, 5_000_000]),
    flags: { seen: flag(), flagged: flag(), answered: flag(), draft: flag() },
    keywords: keywords.filter(flag),
    hasAttachment: flag(),
    filenames: [text()],
    folders: folders.filter(flag),
  };
  if (whole) return facts;
  return Object.fromEntries(Object.entries(facts).filter(() => random() < 0.7));
}
