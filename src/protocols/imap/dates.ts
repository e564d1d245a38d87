const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Minutes east of UTC of the zone names of RFC 5322 §4.3; any other name means -0000. */
const zones: Record<string, number> = {
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
};

type Fields = {
  day: string;
  month: string;
  year: string;
  hour: string;
  minute: string;
  second?: string | undefined;
  zone?: string | undefined;
};

/** A Date header (RFC 5322 §3.3, with the obsolete forms of §4.3), in milliseconds; null when broken, never "now". */
export function parseHeaderDate(value: string): number | null {
  const plain = value.replace(/\([^()]*\)/g, " ").trim();
  const match =
    /^(?:[a-z]{3,9}\.?,?\s+)?(?<day>\d{1,2})[\s-]+(?<month>[a-z]{3})[a-z]*[\s-]+(?<year>\d{2,4})\s+(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.\d+)?)?(?:\s*(?<zone>[+-]\d{4}|[a-z]{1,5}))?$/i.exec(
      plain,
    );
  return match?.groups ? instant(match.groups as Fields) : null;
}

/** An INTERNALDATE (RFC 9051 §9 date-time), in milliseconds; null when broken. */
export function parseInternalDate(value: string): number | null {
  const match =
    /^\s?(?<day>\d{1,2})-(?<month>[a-z]{3})-(?<year>\d{4}) (?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2}) (?<zone>[+-]\d{4})$/i.exec(
      value,
    );
  return match?.groups ? instant(match.groups as Fields) : null;
}

/** The date of `ms` in UTC as SEARCH takes it (RFC 9051 §9 date). */
export function searchDate(ms: number): string {
  const date = new Date(ms);
  const month = months[date.getUTCMonth()] ?? "";
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  return `${date.getUTCDate()}-${month.slice(0, 1).toUpperCase()}${month.slice(1)}-${year}`;
}

function instant(fields: Fields): number | null {
  const month = months.indexOf(fields.month.toLowerCase());
  const [day, hour, minute, second] = [fields.day, fields.hour, fields.minute, fields.second ?? "0"].map(Number);
  const year = fullYear(fields.year);
  if (month < 0 || day === undefined || hour === undefined || minute === undefined || second === undefined) return null;
  // 60 is a leap second: the next minute's first instant.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const midnight = new Date(Date.UTC(2000, month, day));
  midnight.setUTCFullYear(year, month, day);
  if (midnight.getUTCDate() !== day || midnight.getUTCMonth() !== month) return null;
  return midnight.getTime() + ((hour * 60 + minute - offset(fields.zone)) * 60 + second) * 1000;
}

/** RFC 5322 §4.3: two digits below 50 are of this century, three digits count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

/** Minutes east of UTC. */
function offset(zone: string | undefined): number {
  if (zone === undefined) return 0;
  if (!/^[+-]/.test(zone)) return zones[zone.toLowerCase()] ?? 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return zone.startsWith("-") ? -minutes : minutes;
}
