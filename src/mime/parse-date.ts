const months = "january february march april may june july august september october november december".split(" ");

/** RFC 5322 §4.3, in hours; every other name counts as +0000 there. */
const zones: Record<string, number> = { EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7 };

const time = String.raw`(?<hour>\d{1,2})\s?[:.]\s?(?<minute>\d{2})(?:\s?[:.]\s?(?<second>\d{2})(?:[.,]\d{1,9})?)?`;
const zone = String.raw`(?:(?:UTC?|GMT)?(?<offset>[+-]\d{4})\b.*|(?<name>[A-Z]{1,5}))?`;
const month = "(?<month>[A-Z]{3,9})";

const forms = [
  // RFC 5322 §3.3 and §4.3, with hyphens and dots as old mailers write them
  String.raw`(?:[A-Z]+\.?,?\s*)?(?<day>\d{1,2})[\s-]+${month}\.?[\s-]+(?<year>\d{2,4}),?\s+${time}\s*${zone}`,
  // asctime
  String.raw`[A-Z]{3,9},?\s+${month}\s+(?<day>\d{1,2})\s+${time}\s+(?:${zone}\s+)?(?<year>\d{4})`,
  // RFC 3339
  String.raw`(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})[T\s]${time}\s*(?:Z|(?<offset>[+-]\d{2}:?\d{2}))?`,
].map((form) => new RegExp(`^${form}$`, "i"));

/** The last that RFC 3339 can write. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59);

/** A Date field longer than this is none. */
const maxLength = 200;

/**
 * A Date field (RFC 5322 §3.3 with §4.3's obsolete forms and what mailers really write) in milliseconds since the epoch;
 * null where it is broken or out of range, never "now". A missing or unknown zone counts as UTC; a wrong weekday is ignored.
 */
export function parseDate(value: string): number | null {
  if (value.length > maxLength) return null;
  const text = withoutComments(value).replace(/\s+/g, " ").trim();
  for (const form of forms) {
    const groups = form.exec(text)?.groups;
    if (groups) return instant(groups);
  }
  return null;
}

function instant(groups: Record<string, string | undefined>): number | null {
  const number = (name: string) => Number(groups[name] ?? 0);
  const year = fullYear(groups["year"] ?? "");
  const month = monthIndex(groups["month"] ?? "");
  const offset = offsetMinutes(groups["offset"], groups["name"]);
  if (year < 1900 || month < 0 || offset === null) return null;
  if (number("hour") > 23 || number("minute") > 59 || number("second") > 60) return null;
  const date = new Date(Date.UTC(year, month, number("day")));
  if (date.getUTCMonth() !== month || date.getUTCDate() !== number("day")) return null;
  const minutes = number("hour") * 60 + number("minute") - offset;
  const milliseconds = date.getTime() + (minutes * 60 + number("second")) * 1000;
  return milliseconds > lastInstant ? null : milliseconds;
}

/** RFC 5322 §4.3: two digits below 50 are of this century, and three count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 4) return year;
  return digits.length === 2 && year < 50 ? year + 2000 : year + 1900;
}

/** In English, cut anywhere behind the third letter: what looks alike may be another month in another language. */
function monthIndex(text: string): number {
  if (/^\d/.test(text)) return Number(text) - 1;
  return months.findIndex((name) => name.startsWith(text.toLowerCase()));
}

function offsetMinutes(offset: string | undefined, name: string | undefined): number | null {
  if (offset === undefined) return (zones[name?.toUpperCase() ?? ""] ?? 0) * 60;
  const digits = offset.replace(/\D/g, "");
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2));
  if (hours > 23 || minutes > 59) return null;
  return (offset.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** RFC 5322 §3.2.2: comments nest, and a backslash quotes the next character. */
function withoutComments(value: string): string {
  let depth = 0;
  let kept = "";
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? "";
    if (depth > 0 && character === "\\") at++;
    else if (character === "(") depth++;
    else if (character === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) kept += character;
    if (character === ")" && depth === 0) kept += " ";
  }
  return kept;
}
