import { type CalendarTime, calendarTime, timeAt } from "./calendar-time.ts";
import { type Component, parseIcalendar, type Property } from "./icalendar.ts";

export type CalendarPerson = {
  name: string;
  /** "" where the calendar address (RFC 5545 §3.3.3) is no mailto. */
  email: string;
};

export type CalendarAttendee = CalendarPerson & {
  /** ROLE, PARTSTAT and RSVP (RFC 5545 §3.2); in lower case, with the RFC's defaults where they are missing. */
  role: string;
  status: string;
  rsvp: boolean;
};

export type CalendarEvent = {
  uid: string | null;
  sequence: number;
  summary: string;
  location: string;
  start: CalendarTime | null;
  /** From DTEND, or DTSTART and DURATION; null where neither is given. Of whole days: the first that is no more part of it. */
  end: CalendarTime | null;
  organizer: CalendarPerson | null;
  /** The first 200. */
  attendees: CalendarAttendee[];
  /** RRULE as it stands. */
  recurrenceRule: string | null;
  /** RECURRENCE-ID as it stands: which one of a series this is about; null for all of it. */
  recurrenceId: string | null;
};

export type CalendarInvite = {
  /** METHOD (RFC 5546 §1.4) in upper case: REQUEST, CANCEL, REPLY and so on; null where there is none. */
  method: string | null;
  /** The first 20; a series and its exceptions have one uid. */
  events: CalendarEvent[];
};

const maxEvents = 20;
const maxAttendees = 200;
/** UTF-16 units of a text. */
const maxText = 1000;

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
  const raw = (name: string) => find(event, name)?.value.trim().slice(0, maxText) || null;
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
  const email = /^\s*mailto:\s*(.{1,320}?)\s*$/i.exec(value)?.[1] ?? "";
  return { name: (parameters["CN"] ?? "").slice(0, maxText), email };
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

/** RFC 5545 §3.3.11. */
function unescaped(value: string): string {
  return value
    .slice(0, maxText)
    .replace(/\\([nN,;\\])/g, (_, escaped: string) => (/n/i.test(escaped) ? "\n" : escaped))
    .trim()
    .toWellFormed();
}
