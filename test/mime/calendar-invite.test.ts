import { describe, expect, test } from "vitest";
import { calendarInvite } from "../../src/mime/calendar-invite.ts";

const event = (...lines: string[]) =>
  calendarInvite(
    ["BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", ...lines, "END:VEVENT", "END:VCALENDAR"].join("\r\n"),
  );
const start = (line: string, ...before: string[]) =>
  calendarInvite(["BEGIN:VCALENDAR", ...before, "BEGIN:VEVENT", line, "END:VEVENT", "END:VCALENDAR"].join("\n"))
    ?.events[0]?.start;

/** As Outlook writes it: a name of Microsoft's, and rules. */
const outlookZone = [
  "BEGIN:VTIMEZONE",
  "TZID:W. Europe Standard Time",
  "BEGIN:STANDARD",
  "DTSTART:16010101T030000",
  "TZOFFSETFROM:+0200",
  "TZOFFSETTO:+0100",
  "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10",
  "END:STANDARD",
  "BEGIN:DAYLIGHT",
  "DTSTART:16010101T020000",
  "TZOFFSETFROM:+0100",
  "TZOFFSETTO:+0200",
  "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
  "END:DAYLIGHT",
  "END:VTIMEZONE",
];

test("an invitation", () =>
  expect(
    event(
      "UID:1@x",
      "SEQUENCE:2",
      "SUMMARY;LANGUAGE=en:Lunch\\, or",
      "  dinner\\nlater\\; \\\\o/",
      "DTSTART;TZID=Europe/Berlin:20261123T100000",
      "DTEND;TZID=Europe/Berlin:20261123T113000",
      "LOCATION:Room 1",
      'ORGANIZER;CN="Lee, Ann":mailto:ann@x.example',
      "ATTENDEE;CN=Bob ^'B^' Ray;ROLE=CHAIR;PARTSTAT=ACCEPTED;RSVP=TRUE:MAILTO:bob@x.example",
      "ATTENDEE:urn:uuid:1",
      "RRULE:FREQ=WEEKLY;COUNT=3",
      "BEGIN:VALARM",
      "SUMMARY:not this",
      "END:VALARM",
    ),
  ).toEqual({
    method: "REQUEST",
    events: [
      {
        uid: "1@x",
        sequence: 2,
        summary: "Lunch, or dinner\nlater; \\o/",
        location: "Room 1",
        start: { local: "2026-11-23T10:00:00", timeZone: "Europe/Berlin", utc: "2026-11-23T09:00:00.000Z" },
        end: { local: "2026-11-23T11:30:00", timeZone: "Europe/Berlin", utc: "2026-11-23T10:30:00.000Z" },
        organizer: { name: "Lee, Ann", email: "ann@x.example" },
        attendees: [
          { name: 'Bob "B" Ray', email: "bob@x.example", role: "chair", status: "accepted", rsvp: true },
          { name: "", email: "", role: "req-participant", status: "needs-action", rsvp: false },
        ],
        recurrenceRule: "FREQ=WEEKLY;COUNT=3",
        recurrenceId: null,
      },
    ],
  }));

describe("times", () => {
  test.each([
    ["DTSTART:20260701T100000Z", "2026-07-01T10:00:00", "UTC", "2026-07-01T10:00:00.000Z"],
    ["DTSTART:20260701T100000", "2026-07-01T10:00:00", null, null],
    ["DTSTART;VALUE=DATE:20260701", "2026-07-01", null, null],
    [
      "DTSTART;TZID=America/New_York:20260701T100000",
      "2026-07-01T10:00:00",
      "America/New_York",
      "2026-07-01T14:00:00.000Z",
    ],
    [
      "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20260701T100000",
      "2026-07-01T10:00:00",
      "/mozilla.org/20050126_1/Europe/Berlin",
      "2026-07-01T08:00:00.000Z",
    ],
    ["DTSTART;TZID=Nowhere:20260701T100000", "2026-07-01T10:00:00", "Nowhere", null],
    [
      'DTSTART;TZID="W. Europe Standard Time":20260701T100000',
      "2026-07-01T10:00:00",
      "W. Europe Standard Time",
      "2026-07-01T08:00:00.000Z",
    ],
    [
      "DTSTART;TZID=W. Europe Standard Time:20260101T100000",
      "2026-01-01T10:00:00",
      "W. Europe Standard Time",
      "2026-01-01T09:00:00.000Z",
    ],
    [
      "DTSTART;TZID=W. Europe Standard Time:20260329T015959",
      "2026-03-29T01:59:59",
      "W. Europe Standard Time",
      "2026-03-29T00:59:59.000Z",
    ],
    [
      "DTSTART;TZID=W. Europe Standard Time:20260329T030000",
      "2026-03-29T03:00:00",
      "W. Europe Standard Time",
      "2026-03-29T01:00:00.000Z",
    ],
    [
      "DTSTART;TZID=W. Europe Standard Time:20261025T030000",
      "2026-10-25T03:00:00",
      "W. Europe Standard Time",
      "2026-10-25T02:00:00.000Z",
    ],
  ])("%s", (line, local, timeZone, utc) => expect(start(line, ...outlookZone)).toEqual({ local, timeZone, utc }));

  test("Berlin by its rules is Berlin by its name, all year", () => {
    for (let day = 0; day < 366; day++) {
      const stamp = new Date(Date.UTC(2028, 0, 1 + day, 12)).toISOString().replace(/[-:]|\.\d+Z/g, "");
      const [ruled, named] = ["W. Europe Standard Time", "Europe/Berlin"].map(
        (zone) => start(`DTSTART;TZID=${zone}:${stamp}`, ...outlookZone)?.utc,
      );
      expect(ruled).toBe(named);
    }
  });

  test.each(["DTSTART:20260230T100000", "DTSTART:99999999", "DTSTART:x", "DTSTART:20260101T250000Z"])(
    "broken: %s",
    (line) => expect(start(line)).toBe(null),
  );

  test.each([
    ["DTSTART:20260701T100000Z", "PT1H30M", "2026-07-01T11:30:00"],
    ["DTSTART:20260701", "P1D", "2026-07-02"],
    ["DTSTART:20260701T100000", "P1W", "2026-07-08T10:00:00"],
  ])("%s and a duration of %s", (line, length, local) =>
    expect(event(line, `DURATION:${length}`)?.events[0]?.end?.local).toBe(local),
  );
});

test.each(["", "hello", "BEGIN:VEVENT\nEND:VEVENT", "BEGIN:VCALENDAR\nEND:VCALENDAR", "BEGIN:VCALENDAR\nBEGIN:VTODO"])(
  "no invitation: %s",
  (text) => expect(calendarInvite(text)).toBe(null),
);

test("what is missing or broken is null, and what is cut is read so far", () => {
  expect(calendarInvite('begin:vcalendar\nBEGIN:VEVENT\nSEQUENCE:x\nSUMMARY:a\nORGANIZER;CN="x:y\n;;:\nUID')).toEqual({
    method: null,
    events: [
      {
        uid: null,
        sequence: 0,
        summary: "a",
        location: "",
        start: null,
        end: null,
        organizer: null,
        attendees: [],
        recurrenceRule: null,
        recurrenceId: null,
      },
    ],
  });
});

test("much is bounded, in short time", () => {
  const begin = performance.now();
  expect(event(...Array.from({ length: 5000 }, (_, n) => `ATTENDEE:mailto:a${n}@x`))?.events[0]?.attendees.length).toBe(
    200,
  );
  expect(event(`SUMMARY:${"a".repeat(100_000)}`)?.events[0]?.summary.length).toBe(1000);
  for (const piece of [
    "BEGIN:VEVENT\n",
    "\n ",
    "A;",
    'A;B="',
    "A;B=c,",
    ";",
    ":",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\n",
    "END:X\n",
  ])
    calendarInvite(`BEGIN:VCALENDAR\nBEGIN:VEVENT\n${piece.repeat(2_000_000 / piece.length)}`);
  expect(performance.now() - begin).toBeLessThan(3000);
});

test.each([
  ["a gap in an address", `ORGANIZER:mailto:${" ".repeat(20_000)}${"a".repeat(400)} b`],
  ["gaps in a time zone", `DTSTART;TZID=${"/A".repeat(200_000)}:20260101T100000`],
  ["escapes", `SUMMARY:${"\\".repeat(500_000)}`],
  ["parameters", `ATTENDEE${";A=,".repeat(100_000)}:x`],
])("%s is read in short time", (_, line) => {
  const begin = performance.now();
  expect(event(line)?.events.length).toBe(1);
  expect(performance.now() - begin).toBeLessThan(1000);
});

test("what is too long is cut, and no name is longer than its limit", () => {
  const long = "\u{1f600}".repeat(2000);
  const found = event(`UID:a${long}`, `DTSTART;TZID=a${long}:20260101T100000`, `ORGANIZER;CN=a${long}:mailto:a@x`)
    ?.events[0];
  const texts = [found?.uid, found?.start?.timeZone, found?.organizer?.name];
  expect(texts.map((text) => [text?.isWellFormed(), (text?.length ?? 0) <= 1000])).toEqual([
    [true, true],
    [true, true],
    [true, true],
  ]);
  expect(found?.organizer?.email).toBe("a@x");
});
