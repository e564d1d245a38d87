/** A time as a calendar gives it (RFC 5545 §3.3.4, §3.3.5). */
export type CalendarTime = {
  /** As it stands on the wall there, in RFC 3339's form without an offset: `2026-11-23T10:00:00`; of a whole day `2026-11-23`. */
  local: string;
  /** TZID as given; "UTC" for a time in UTC; null for a whole day, and for a time that is the same on every wall (§3.3.5 form 1). */
  timeZone: string | null;
  /** RFC 3339 UTC with milliseconds; null where it can't be computed. */
  utc: string | null;
};

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
