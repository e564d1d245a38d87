const mostMs = 24 * 60 * 60 * 1000;

/** RFC 9110 §5.6.7: the form that is to be sent, and the two obsolete ones that are to be understood. */
const imfFixdate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const rfc850Date = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

function readDate(text: string): number {
  if (imfFixdate.test(text) || rfc850Date.test(text)) return Date.parse(text);
  return asctimeDate.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

/**
 * How long a Retry-After header (RFC 9110 §10.2.3) asks to wait, in milliseconds from `now`: seconds or a date, at most a day; 0 for a
 * date that has passed. Null when there is none or it can't be read.
 */
export function readRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null;
  const given = text.trim();
  const wait = /^\d+$/.test(given) ? Number(given) * 1000 : readDate(given) - now;
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), mostMs);
}
