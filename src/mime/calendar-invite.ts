import type {
  CalendarAttendee,
  CalendarEvent,
  CalendarInvite,
  CalendarPerson,
  CalendarTime,
} from "../mail/calendar.ts";
import { calendarTime, timeAt } from "./calendar-time.ts";
import { type Component, parseIcalendar, type Property } from "./icalendar.ts";

const maxEvents = 20;
const maxAttendees = 200;
/** UTF-16 units of a text, and of an address. */
const maxText = 1000;
const maxEmail = 320;

/**
 * What a text/calendar part (RFC 5545, RFC 5546) says of events; null where it is no calendar, or has no VEVENT. Who sent it is for the
 * caller to tell: an organizer is a claim like From. 1 MiB is read. Never fails; linear time.
 *
 * @param text the part, decoded (`decodeText`)
 */
export function calendarInvite(text: string): CalendarInvite | null {
  const calendar = parseIcalendar(text).components.find(({ name }) => name === "VCALENDAR");
  const events = calendar?.components.filter(({ name }) => name === "VEVENT").slice(0, maxEvents) ?? [];
  if (calendar === undefined || events.length === 0) return null;
  const zones = calendar.components.filter(({ name }) => name === "VTIMEZONE").slice(0, maxEvents);
  const method = find(calendar, "METHOD")?.value.trim().toUpperCase().slice(0, 40) || null;
  return { method, events: events.map((event) => eventOf(event, zones)) };
}

function eventOf(event: Component, zones: Component[]): CalendarEvent {
  const raw = (name: string) => cut(find(event, name)?.value.trim() ?? "") || null;
  const start = timeOf(find(event, "DTSTART"), zones);
  const organizer = find(event, "ORGANIZER");
  return {
    uid: raw("UID"),
    sequence: Number(/^\d{1,9}$/.exec(raw("SEQUENCE") ?? "")?.[0] ?? 0),
    summary: unescaped(find(event, "SUMMARY")?.value ?? ""),
    location: unescaped(find(event, "LOCATION")?.value ?? ""),
    start,
    end: timeOf(find(event, "DTEND"), zones) ?? endOf(start, raw("DURATION") ?? "", zones),
    organizer: organizer ? personOf(organizer) : null,
    attendees: event.properties
      .filter(({ name }) => name === "ATTENDEE")
      .slice(0, maxAttendees)
      .map(attendeeOf),
    recurrenceRule: raw("RRULE"),
    recurrenceId: raw("RECURRENCE-ID"),
  };
}

function find(component: Component, wanted: string): Property | undefined {
  return component.properties.find(({ name }) => name === wanted);
}

function timeOf(property: Property | undefined, zones: Component[]): CalendarTime | null {
  return property ? calendarTime(property, zones) : null;
}

const duration = /^\+?P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?)$/;

/** RFC 5545 §3.3.6; days are days on the wall, and so are hours here, which differ in one night of the year. */
function endOf(start: CalendarTime | null, text: string, zones: Component[]): CalendarTime | null {
  const found = duration.exec(text);
  if (start === null || found === null) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
  const length = ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  const isDay = start.local.length === 10;
  const end = Date.parse(`${isDay ? `${start.local}T00:00:00` : start.local}Z`) + length;
  if (end > Date.UTC(9999, 11, 31)) return null;
  const time = timeAt(end, start.timeZone, zones);
  return isDay ? { ...time, local: time.local.slice(0, 10) } : time;
}

function personOf({ parameters, value }: Property): CalendarPerson {
  const uri = value.trim();
  const email = /^mailto:/i.test(uri) ? uri.slice("mailto:".length).trim() : "";
  return { name: cut(parameters["CN"] ?? ""), email: email.length <= maxEmail ? email : "" };
}

function attendeeOf(property: Property): CalendarAttendee {
  const { ROLE = "REQ-PARTICIPANT", PARTSTAT = "NEEDS-ACTION", RSVP = "FALSE" } = property.parameters;
  return {
    ...personOf(property),
    role: ROLE.toLowerCase().slice(0, 40),
    status: PARTSTAT.toLowerCase().slice(0, 40),
    rsvp: RSVP.toUpperCase() === "TRUE",
  };
}

function cut(text: string): string {
  return text.slice(0, maxText).toWellFormed();
}

/** RFC 5545 §3.3.11. */
function unescaped(value: string): string {
  return value
    .slice(0, maxText)
    .replace(/\\([nN,;\\])/g, (_, escaped: string) => (/n/i.test(escaped) ? "\n" : escaped))
    .trim()
    .toWellFormed();
}
