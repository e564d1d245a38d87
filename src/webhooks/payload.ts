import type { Event } from "../mail/event.ts";

const maxOctets = 20_000;

/** How much of each list and text is left, until the whole is short enough. */
const steps = [
  { items: 100, characters: 1_000 },
  { items: 50, characters: 500 },
  { items: 20, characters: 250 },
  { items: 10, characters: 100 },
  { items: 3, characters: 50 },
  { items: 0, characters: 10 },
];
type Step = (typeof steps)[number];

/** Ids say what is meant, flags what has changed: half of one would be worse than none. `messageId` is a header's text. */
const isKept = (name: string): boolean => /^(?:id|flags)$|Ids?$/.test(name) && name !== "messageId";

/**
 * The body of a webhook: the event as JSON, at most 20,000 octets. In a longer one the lists and texts of `data` are shortened, and
 * `data.truncated` names the members that are not whole; ids and flags are. Only where that is not enough, they are all there is.
 */
export function payloadOf(event: Event): string {
  const whole = JSON.stringify(event);
  if (fits(whole)) return whole;
  for (const step of steps) {
    const text = JSON.stringify({ ...event, data: shortened(event.data, (value) => shorten(value, step)) });
    if (fits(text)) return text;
  }
  const { id } = event.data;
  const bare = {
    ...(id === undefined ? {} : { id }),
    truncated: Object.keys(event.data).filter((name) => name !== "id"),
  };
  const text = JSON.stringify({ ...event, data: bare });
  return fits(text) ? text : JSON.stringify({ ...event, data: { truncated: [] } });
}

/** One character is at most three octets. */
const fits = (text: string): boolean => text.length * 3 <= maxOctets || Buffer.byteLength(text) <= maxOctets;

type Shortened = { value: unknown; isWhole: boolean };

function shortened(data: Event["data"], shortenOne: (value: unknown) => Shortened): Event["data"] {
  const truncated: string[] = [];
  const members = Object.entries(data).map(([name, member]): [string, unknown] => {
    if (isKept(name)) return [name, member];
    const { value, isWhole } = shortenOne(member);
    if (!isWhole) truncated.push(name);
    return [name, value];
  });
  return Object.fromEntries([...members, ["truncated", truncated]]);
}

function shorten(value: unknown, step: Step): Shortened {
  if (typeof value === "string") {
    const isWhole = value.length <= step.characters;
    // Not in the middle of a surrogate pair.
    return { value: isWhole ? value : value.slice(0, step.characters).replace(/[\ud800-\udbff]$/, ""), isWhole };
  }
  if (typeof value !== "object" || value === null) return { value, isWhole: true };
  let isWhole = true;
  const inner = (member: unknown): unknown => {
    const { value: short, isWhole: isMemberWhole } = shorten(member, step);
    isWhole &&= isMemberWhole;
    return short;
  };
  if (Array.isArray(value)) {
    isWhole = value.length <= step.items;
    const items: unknown[] = value.slice(0, step.items).map(inner);
    return { value: items, isWhole };
  }
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [
    name,
    isKept(name) ? member : inner(member),
  ]);
  return { value: Object.fromEntries(members), isWhole };
}
