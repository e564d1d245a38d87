import type { CalendarTime } from "../mail/calendar.ts";
import type { Component, Property } from "./icalendar.ts";

/** UTF-16 units of a zone's name. */
const maxName = 200;

/**
 * The time of a DTSTART, DTEND and the like; null where it is broken. In UTC as far as the zone is one of the IANA's, or its VTIMEZONE has plain
 * rules of the year (§3.6.5), as Outlook writes them for its own names.
 */
export function calendarTime(property: Property, zones: Component[]): CalendarTime | null {
  const found = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?$/.exec(property.value.trim());
  if (found === null) return null;
  const [, year, month, day, hour = "00", minute = "00", second = "00", z] = found;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second === "60" ? "59" : second}Z`);
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(day)) return null;
  if (found[4] === undefined) return { local: `${year}-${month}-${day}`, timeZone: null, utc: null };
  const timeZone = z === "Z" ? "UTC" : property.parameters["TZID"]?.slice(0, maxName).toWellFormed() || null;
  return timeAt(ms, timeZone, zones);
}

/** The time that a wall clock shows there, given in milliseconds as if it were in UTC. */
export function timeAt(wallMs: number, timeZone: string | null, zones: Component[]): CalendarTime {
  const offset = timeZone === null ? null : timeZone === "UTC" ? 0 : offsetAt(wallMs, timeZone, zones);
  return {
    local: new Date(wallMs).toISOString().slice(0, 19),
    timeZone,
    utc: offset === null ? null : new Date(wallMs - offset).toISOString(),
  };
}

/** Milliseconds that the zone is ahead of UTC at that wall time; null where nobody knows. */
function offsetAt(wallMs: number, timeZone: string, zones: Component[]): number | null {
  return ianaOffset(wallMs, timeZone) ?? ruledOffset(wallMs, timeZone, zones);
}

function ianaOffset(wallMs: number, timeZone: string): number | null {
  const name = timeZone.replace(/^\/(?:[^/]+\/)*?(?=[A-Z][A-Za-z_]+\/[A-Z])/, "");
  try {
    const format = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
      timeZone: name,
      timeZoneName: "longOffset",
    });
    const at = (ms: number) => offsetIn(format, ms);
    // What the offset is depends on the instant: the second look is at the one that the first has found.
    return at(wallMs - at(wallMs - at(wallMs)));
  } catch {
    return null;
  }
}

function offsetIn(format: Intl.DateTimeFormat, ms: number): number {
  const name = format.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const found = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name);
  if (found === null) return 0;
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0);
  return (found[1] === "-" ? -1000 : 1000) * seconds;
}

/** By the VTIMEZONE of that name: the rule that has come into force last counts. */
function ruledOffset(wallMs: number, timeZone: string, zones: Component[]): number | null {
  const zone = zones.find(({ properties }) => valueOf(properties, "TZID") === timeZone);
  if (zone === undefined) return null;
  let latest: { onset: number; offset: number } | null = null;
  for (const { properties } of zone.components.slice(0, 50)) {
    const offset = offsetOf(valueOf(properties, "TZOFFSETTO"));
    const onset = offset === null ? null : lastOnset(properties, wallMs);
    if (onset === "unknown") return null;
    if (offset !== null && onset !== null && (latest === null || onset > latest.onset)) latest = { onset, offset };
  }
  return latest?.offset ?? null;
}

/** The last time before `wallMs` that a rule came into force; null for none; "unknown" where its rule is beyond us. */
function lastOnset(properties: Property[], wallMs: number): number | null | "unknown" {
  const start = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(valueOf(properties, "DTSTART"));
  if (start === null) return "unknown";
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = start.slice(1).map(Number);
  const first = new Date(Date.UTC(2000, month - 1, day, hour, minute, second)).setUTCFullYear(year, month - 1, day);
  if (first > wallMs) return null;
  const rule = valueOf(properties, "RRULE").toUpperCase();
  if (rule === "") return properties.some(({ name }) => name === "RDATE") ? "unknown" : first;
  const byDay = /(?:^|;)BYDAY=([+-]?\d)(SU|MO|TU|WE|TH|FR|SA)(?:;|$)/.exec(rule);
  const byMonth = /(?:^|;)BYMONTH=(\d{1,2})(?:;|$)/.exec(rule);
  if (!/(?:^|;)FREQ=YEARLY(?:;|$)/.test(rule) || !byDay || !byMonth) return "unknown";
  if (/(?:^|;)(?:UNTIL|COUNT|BYSETPOS|BYMONTHDAY|BYYEARDAY|BYWEEKNO)=|INTERVAL=(?!1(?:;|$))/.test(rule))
    return "unknown";
  const time = ((hour * 60 + minute) * 60 + second) * 1000;
  const onsets = [0, 1].map((back) => {
    const inYear = new Date(wallMs).getUTCFullYear() - back;
    return nthDay(inYear, Number(byMonth[1]) - 1, Number(byDay[1]), byDay[2] ?? "") + time;
  });
  return onsets.find((onset) => onset <= wallMs) ?? first;
}

const weekdays = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
const dayMs = 86_400_000;

/** The n-th such weekday of a month, counted from its end where n is less than nothing. */
function nthDay(year: number, month: number, n: number, weekday: string): number {
  const wanted = weekdays.indexOf(weekday);
  const edge = n > 0 ? Date.UTC(year, month, 1) : Date.UTC(year, month + 1, 0);
  const found = new Date(edge).getUTCDay();
  const days = n > 0 ? ((wanted - found + 7) % 7) + (n - 1) * 7 : -((found - wanted + 7) % 7) + (n + 1) * 7;
  return edge + days * dayMs;
}

function offsetOf(value: string): number | null {
  const found = /^([+-])(\d\d)(\d\d)(\d\d)?$/.exec(value);
  if (found === null) return null;
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0);
  return (found[1] === "-" ? -1000 : 1000) * seconds;
}

function valueOf(properties: Property[], wanted: string): string {
  return properties.find(({ name }) => name === wanted)?.value.trim() ?? "";
}
