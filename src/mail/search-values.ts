const day = 86_400_000;

/** A day (2026-01-31, 2026/1/31), which begins at midnight UTC, or an RFC 3339 time; in milliseconds, or null. */
export function readSince(value: string): number | null {
  const dated = /^(\d{4})([-/])(\d{1,2})\2(\d{1,2})$/.exec(value);
  if (dated) return midnight(Number(dated[1]), Number(dated[3]), Number(dated[4]));
  const timed =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i.exec(
      value,
    );
  if (!timed || midnight(Number(timed[1]), Number(timed[2]), Number(timed[3])) === null) return null;
  return Date.parse(value.toUpperCase());
}

/** The day, `2d`, `3w`, `6m` or `1y` before today's (UTC): its midnight in milliseconds; or null. */
export function relativeDay(value: string, now: number): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,4})([dwmy])$/i.exec(value) ?? [];
  if (digits === "") return null;
  const count = Number(digits);
  const today = Math.floor(now / day) * day;
  switch (unit.toLowerCase()) {
    case "d":
      return today - count * day;
    case "w":
      return today - 7 * count * day;
    default:
      return monthsBefore(today, unit.toLowerCase() === "m" ? count : 12 * count);
  }
}

/** Octets: a number, or one of K, M or G (1024 each, with or without a B), which may have a fraction; or null. */
export function readOctets(value: string): number | null {
  const [, digits = "", unit = ""] = /^(\d{1,16}(?:\.\d{1,3})?)([kmg]?)b?$/i.exec(value) ?? [];
  if (digits === "" || (unit === "" && digits.includes("."))) return null;
  return Math.round(Number(digits) * 1024 ** " kmg".indexOf(unit.toLowerCase() || " "));
}

function midnight(year: number, month: number, date: number): number | null {
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, date);
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === date ? at.getTime() : null;
}

/** On the same day of that month, or on its last. */
function monthsBefore(today: number, count: number): number {
  const at = new Date(today);
  const date = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() - count);
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(date, last));
  return at.getTime();
}
