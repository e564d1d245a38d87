const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

type Fields = {
  day: string;
  month: string;
  year: string;
  hour: string;
  minute: string;
  second: string;
  zone: string;
};

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

/** `ms` as an INTERNALDATE in UTC (RFC 9051 §9 date-time), cut to whole seconds. The year has four digits. */
export function internalDate(ms: number): string {
  const date = new Date(ms);
  const day = String(date.getUTCDate()).padStart(2, "0");
  return `${day}-${searchDate(ms).split("-").slice(1).join("-")} ${date.toISOString().slice(11, 19)} +0000`;
}

function instant(fields: Fields): number | null {
  const month = months.indexOf(fields.month.toLowerCase());
  const [day, hour, minute, second] = [fields.day, fields.hour, fields.minute, fields.second].map(Number);
  const year = Number(fields.year);
  if (month < 0 || day === undefined || hour === undefined || minute === undefined || second === undefined) return null;
  // 60 is a leap second: the next minute's first instant.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const midnight = new Date(Date.UTC(2000, month, day));
  midnight.setUTCFullYear(year, month, day);
  if (midnight.getUTCDate() !== day || midnight.getUTCMonth() !== month) return null;
  return midnight.getTime() + ((hour * 60 + minute - offset(fields.zone)) * 60 + second) * 1000;
}

/** Minutes east of UTC. */
function offset(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return zone.startsWith("-") ? -minutes : minutes;
}
