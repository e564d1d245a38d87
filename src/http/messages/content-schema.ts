import { z } from "@hono/zod-openapi";
import { nullable, timestamp } from "../schemas.ts";

const calendarTime = z
  .object({
    local: z.string().openapi({
      description: "As a clock on the wall shows it there: no offset. Of a whole day only the date.",
      example: "2026-11-23T10:00:00",
    }),
    timeZone: nullable(z.string()).openapi({
      description:
        "As the calendar names it; `UTC`; null for a whole day, and for what is at the same time everywhere.",
      example: "Europe/Berlin",
    }),
    utc: nullable(timestamp).openapi({ description: "Null where it can't be told." }),
  })
  .openapi("CalendarTime");

const person = z.object({
  name: z.string(),
  email: z.string().openapi({ description: '"" where the calendar names none.' }),
});

const attendee = person.extend({
  role: z.string().openapi({ example: "req-participant" }),
  status: z.string().openapi({ example: "needs-action" }),
  rsvp: z.boolean(),
});

export const invite = z
  .object({
    method: nullable(z.string()).openapi({
      description: "`REQUEST`, `CANCEL`, `REPLY` and so on.",
      example: "REQUEST",
    }),
    events: z.array(
      z.object({
        uid: nullable(z.string()),
        sequence: z.int(),
        summary: z.string(),
        location: z.string(),
        start: nullable(calendarTime),
        end: nullable(calendarTime).openapi({ description: "Of whole days: the first that is no more part of it." }),
        organizer: nullable(person).openapi({ description: "A claim, as From is." }),
        attendees: z.array(attendee).openapi({ description: "200 at most." }),
        recurrenceRule: nullable(z.string()).openapi({ description: "RRULE as it stands.", example: "FREQ=WEEKLY" }),
        recurrenceId: nullable(z.string()).openapi({ description: "Which one of a series; null: all of it." }),
      }),
    ),
  })
  .openapi("CalendarInvite");

export const listUnsubscribe = z
  .object({
    mailto: z.array(z.string()).openapi({ example: ["mailto:leave@example.org?subject=leave"] }),
    https: z.array(z.string()).openapi({ example: ["https://example.org/leave?id=1"] }),
    oneClick: z.boolean().openapi({
      description:
        "The header says that a POST of `List-Unsubscribe=One-Click` to the first of `https` is enough (RFC 8058).",
    }),
  })
  .openapi("ListUnsubscribe", {
    description: "How its sender says that the list is left; null where he says nothing.",
  });

export const authenticationResults = z
  .array(
    z
      .object({
        authservId: nullable(z.string()).openapi({ description: "Who says it.", example: "mx.example.org" }),
        results: z.array(
          z.object({
            method: z.enum(["spf", "dkim", "dmarc", "arc"]),
            result: z.string().openapi({ example: "pass" }),
            reason: nullable(z.string()),
            properties: z.array(
              z.object({
                type: z.string().openapi({ example: "header" }),
                name: z.string().openapi({ example: "from" }),
                value: z.string().openapi({ example: "example.org" }),
              }),
            ),
          }),
        ),
      })
      .openapi("AuthenticationResults"),
  )
  .openapi({
    description:
      "Each Authentication-Results field (RFC 8601) as it stands, topmost first. Anybody can write such a field: trust the first one, and only " +
      "where its `authservId` is the one that the mailbox's own server uses.",
  });
