import type { Event } from "../mail/event.ts";

const maxOctets = 20_000;

/** How much of each list and of each text for people is left, until the whole is short enough; of lists of ids only in the end. */
const steps = [
  { items: 100, characters: 1_000, ids: Infinity },
  { items: 50, characters: 500, ids: Infinity },
  { items: 20, characters: 250, ids: Infinity },
  { items: 10, characters: 100, ids: Infinity },
  { items: 3, characters: 50, ids: Infinity },
  { items: 0, characters: 10, ids: Infinity },
  { items: 0, characters: 10, ids: 100 },
];
type Step = (typeof steps)[number];

/** Texts for people. All other texts have a form: the first half of an address or of a Message-ID is another one. */
const prose = new Set(["subject", "name", "filename", "text", "detail"]);
/** A text that has a form is told as it is, or not at all when it is longer: what an address may have (RFC 5321 §4.5.3.1). */
const longestFormed = 254;
/** Header fields that say what is meant in the sender's words, which may be of any length. */
const foreignIds = new Set(["messageId", "originalMessageId", "inReplyTo", "contentId"]);
/** Our ids say what is meant; flags, changes and warnings are words of ours. */
const isKept = (name: string): boolean => /^(?:id|flags|changes|warnings)$|Ids?$/.test(name) && !foreignIds.has(name);

/**
 * The body of a webhook: the event as JSON, at most 20,000 octets. In a longer one the lists and the texts for people in `data` are
 * shortened, addresses and other texts that have a form are left out when they are too long (null, or missing in their list), so are entries of `metadata`, and
 * `data.truncated` names the members that are not whole; our ids and flags are. It keeps the form of its type. Only of what is no
 * event of ours there may be nothing left but the id.
 */
export function payloadOf(event: Event): string {
  const whole = JSON.stringify(event);
  if (fits(whole)) return whole;
  for (const step of steps) {
    const text = JSON.stringify({ ...event, data: shortened(event.data, step) });
    if (fits(text)) return text;
  }
  const { id, ...others } = event.data;
  return JSON.stringify({ ...event, data: { id, truncated: Object.keys(others) } });
}

/** As `payloadOf`, of an event whose `data` is JSON already: nearly all are short enough, and need not be read. */
export function payloadOfWritten(envelope: Omit<Event, "data">, data: string): string {
  const whole = `${JSON.stringify(envelope).slice(0, -1)},"data":${data}}`;
  return fits(whole) ? whole : payloadOf({ ...envelope, data: JSON.parse(data) });
}

/** One character is at most three octets. */
const fits = (text: string): boolean => text.length * 3 <= maxOctets || Buffer.byteLength(text) <= maxOctets;

function shortened(data: Event["data"], step: Step): Event["data"] {
  const members = Object.entries(data).map(([name, member]) => ({ name, ...shortenMember(name, member, step) }));
  return {
    ...Object.fromEntries(members.map(({ name, value = null }) => [name, value])),
    truncated: members.filter(({ isWhole }) => !isWhole).map(({ name }) => name),
  };
}

/** `value` is undefined where it can't be told short. */
type Shortened = { value?: unknown; isWhole: boolean };

function shortenMember(name: string, value: unknown, step: Step): Shortened {
  if (name === "metadata" && typeof value === "object" && value !== null) return shortenEntries(value, step.items);
  if (isKept(name)) return Array.isArray(value) ? shortenList(value, step.ids, whole) : whole(value);
  const short = shorten(name, value, step);
  return short.value === undefined && foreignIds.has(name) ? { value: null, isWhole: false } : short;
}

function shorten(name: string, value: unknown, step: Step): Shortened {
  if (typeof value === "string") {
    if (prose.has(name)) return cut(value, step.characters);
    return value.length <= longestFormed ? whole(value) : { isWhole: false };
  }
  if (Array.isArray(value)) return shortenList(value, step.items, (item) => shorten(name, item, step));
  if (typeof value !== "object" || value === null) return whole(value);
  const members = Object.entries(value).map(([inner, member]) => ({ inner, ...shortenMember(inner, member, step) }));
  const isWhole = members.every((member) => member.isWhole);
  // An address without its email is none.
  if (members.some((member) => member.value === undefined)) return { isWhole };
  return { value: Object.fromEntries(members.map((member) => [member.inner, member.value])), isWhole };
}

/** What the caller has named himself: entries are told as they are, or not at all. */
function shortenEntries(record: object, most: number): Shortened {
  const entries = Object.entries(record);
  const fitting = entries.filter(([, value]) => typeof value === "string" && value.length <= longestFormed);
  const kept = fitting.slice(0, most);
  return { value: Object.fromEntries(kept), isWhole: kept.length === entries.length };
}

const whole = (value: unknown): Shortened => ({ value, isWhole: true });

/** Not in the middle of a surrogate pair. */
const cut = (text: string, most: number): Shortened =>
  text.length <= most ? whole(text) : { value: text.slice(0, most).replace(/[\ud800-\udbff]$/, ""), isWhole: false };

function shortenList(list: unknown[], most: number, shortenItem: (item: unknown) => Shortened): Shortened {
  const items = list.slice(0, most).map(shortenItem);
  return {
    value: items.map(({ value }) => value).filter((value) => value !== undefined),
    isWhole: list.length <= most && items.every(({ isWhole }) => isWhole),
  };
}
