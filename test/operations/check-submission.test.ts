import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { checkSubmission } from "../../src/operations/check-submission.ts";
import { hello } from "../background/outbox.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const account = { email: "alice@example.org", name: "Alice" };
const check = (change: Partial<SubmissionInput>) => checkSubmission({ ...hello, ...change }, account, now);
const person = (email: string, name = "") => ({ name, email });
const eol = "x\r\nBcc: evil@example.org";

function refusal(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("was taken");
}

const attachment = { filename: "a.txt", contentType: "text/plain", content: "YQ==" };
const cases: [pointer: string, change: Partial<SubmissionInput>][] = [
  ["/to", { to: [] }],
  ["/to", { to: Array.from({ length: 1001 }, (_, n) => person(`b${n}@example.org`)) }],
  ["/to/0/email", { to: [person("bob@example.org\r\nRCPT TO:<evil@example.org>")] }],
  ["/to/0/email", { to: [person("bob@example.org\0")] }],
  ["/to/1/email", { to: [person("bob@example.org"), person("bob")] }],
  ["/to/0/name", { to: [person("bob@example.org", eol)] }],
  ["/cc/0/email", { cc: [person("a@b@c")] }],
  ["/bcc/0/email", { bcc: [person("<bob@example.org>")] }],
  ["/bcc/0/email", { bcc: [person("bob@[127.0.0.1]")] }],
  ["/replyTo/0/email", { replyTo: [person("bob@example.org, evil@example.org")] }],
  ["/from/email", { from: person("alice@example.org\n") }],
  ["/from/name", { from: person("alice@example.org", "a\0b") }],
  ["/subject", { subject: eol }],
  ["/subject", { subject: "lone \ud800" }],
  ["/headers/0", { headers: [{ name: "X-A", value: eol }] }],
  ["/headers/0", { headers: [{ name: "X-A\r\nBcc", value: "evil@example.org" }] }],
  ["/headers/0", { headers: [{ name: "Bcc", value: "evil@example.org" }] }],
  [
    "/headers/1",
    {
      headers: [
        { name: "X-A", value: "b" },
        { name: "Content-Type", value: "text/html" },
      ],
    },
  ],
  ["/attachments/0/filename", { attachments: [{ ...attachment, filename: eol }] }],
  ["/attachments/0/contentType", { attachments: [{ ...attachment, contentType: `text/plain\r\n${eol}` }] }],
  ["/attachments/0/contentId", { attachments: [{ ...attachment, contentId: `x>\r\n${eol}` }] }],
  ...["YQ", "YQ=", "Y===", "YQ==\n", "Y-_=", "=YQ=", "a b="].map((content): [string, Partial<SubmissionInput>] => [
    "/attachments/0/content",
    { attachments: [{ ...attachment, content }] },
  ]),
  ["/text", { text: "a\0b" }],
  ["/sendAt", { sendAt: "2026-11-22T12:00:00Z" }],
  ["/sendAt", { sendAt: "2020-01-01T00:00:00Z" }],
  ["/sendAt", { sendAt: "2028-01-01T00:00:00Z" }],
  ["/undoSeconds", { sendAt: "2026-11-23T12:00:00Z", undoSeconds: 5 }],
  ["/envelope/from", { envelope: { from: "alice@example.org\r\nRCPT TO:<evil@example.org>" } }],
  ["/envelope/to/1", { envelope: { to: ["bob@example.org", "bob"] } }],
  ["/calendar/content", { calendar: { method: "REQUEST", content: "hello" } }],
  ["/calendar/content", { calendar: { method: "REQUEST", content: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" } }],
  ["/calendar/content", { calendar: { method: "REQUEST", content: "BEGIN:VCALENDAR\nMETHOD:CANCEL\n" } }],
  ["/calendar/content", { calendar: { method: "CANCEL", content: "BEGIN:VCALENDAR\nMETHOD:CANCEL\n\0" } }],
  ["/action", { action: "reply" }],
  ["/deliverBefore", { deliverBefore: "2026-11-22T11:59:59Z" }],
  ["/deliverBefore", { deliverBefore: "2026-12-22T12:00:01Z" }],
  ["/deliverBefore", { sendAt: "2026-11-23T12:00:00Z", deliverBefore: "2026-12-23T12:00:01Z" }],
  ["/deliverBefore", { undoSeconds: 60, deliverBefore: "2026-11-22T12:00:59Z" }],
  ["/deliverBefore", { sendAt: "2026-11-23T12:00:00Z", deliverBefore: "2026-11-23T12:00:00Z" }],
];

test.each(cases)("refuses %s", (pointer, change) => {
  const failure = refusal(() => check(change));
  expect(failure.code).toBe("validation-failed");
  expect(failure.details.errors?.map((error) => error.pointer)).toEqual([pointer]);
});

test("tells all faults at once", () => {
  const { details } = refusal(() => check({ to: [person("bob")], subject: eol, sendAt: "2020-01-01T00:00:00Z" }));
  expect(details.errors?.map(({ pointer }) => pointer)).toEqual(["/to/0/email", "/subject", "/sendAt"]);
});

test("repeats none of the input", () => {
  const failure = refusal(() => check({ subject: eol, to: [person("evil\0@example.org")] }));
  expect(JSON.stringify([failure.message, failure.details])).not.toMatch(/evil|Bcc/);
});

test("reads 40 MB of base64 without a deep stack, and without delay", () => {
  const content = "YWJj".repeat(10_000_000);
  const started = Date.now();
  expect(check({ attachments: [{ ...attachment, content }] }).from).toEqual(person("alice@example.org", "Alice"));
  expect(Date.now() - started).toBeLessThan(2000);
});

test("gives the times, by default three days", () => {
  expect(check({})).toMatchObject({ sendAt: null, deliverBefore: now + 3 * 86_400_000 });
  expect(check({ sendAt: "2026-11-23T12:00:00Z" })).toMatchObject({
    sendAt: now + 86_400_000,
    deliverBefore: now + 4 * 86_400_000,
  });
  expect(check({ undoSeconds: 10 })).toMatchObject({
    sendAt: now + 10_000,
    deliverBefore: now + 3 * 86_400_000 + 10_000,
  });
});

test("takes what an answer leaves open, and a calendar", () => {
  const calendar = { method: "REQUEST", content: "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n" } as const;
  expect(check({ to: undefined, subject: undefined, inReplyTo: "msg_x", calendar })).toMatchObject({ sendAt: null });
});
