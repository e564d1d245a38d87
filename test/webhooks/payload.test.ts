import { describe, expect, test } from "vitest";
import { exampleOf } from "../../src/http/events/examples.ts";
import { event as eventSchema } from "../../src/http/events/schema.ts";
import type { Event } from "../../src/mail/event.ts";
import { payloadOf, payloadOfWritten } from "../../src/webhooks/payload.ts";

const message = {
  id: "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w",
  accountId: "acc_0c8jv4h2m9q6s1t7r3n5k8p0ba",
  folderIds: ["fld_0c8jv4h2m9q6s1t7r3n5k8p0ba", "fld_4t9d2u6b1v7e3q8h5m0r6k2sca"],
  messageId: "<1@example.org>",
  subject: "Your invoice",
  from: { name: "Bob", email: "bob@example.org" },
  to: [{ name: "Ada Lovelace", email: "ada@example.org" }],
  cc: [],
  size: 53_120,
  flags: { seen: false, flagged: true, answered: false, draft: false },
  keywords: ["$Important"],
  attachments: [{ id: "att_2", filename: "invoice.pdf", contentId: null }],
  historical: false,
};

function eventOf(data: Record<string, unknown>): Event {
  return {
    id: "evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",
    type: "message.created",
    createdAt: "2026-11-22T09:30:00.000Z",
    accountId: "acc_0c8jv4h2m9q6s1t7r3n5k8p0ba",
    externalId: "user-4711",
    sequence: 4711,
    data,
  };
}

const address = (at: number) => ({ name: `Person number ${at} 🦊`, email: `person-${at}@example.org` });
const addresses = (count: number) => Array.from({ length: count }, (_, at) => address(at));

describe("a payload", () => {
  test("is the event as it is", () => {
    expect(payloadOf(eventOf(message))).toBe(JSON.stringify(eventOf(message)));
  });

  test("is the same of what is written already, short or long", () => {
    for (const data of [message, { ...message, to: addresses(5_000) }, {}]) {
      const { data: _data, ...envelope } = eventOf(data);
      expect(payloadOfWritten(envelope, JSON.stringify(data))).toBe(payloadOf(eventOf(data)));
    }
  });

  test("is whole up to 20,000 octets", () => {
    const short = payloadOf(eventOf({ subject: "" })).length;
    const exact = eventOf({ subject: "x".repeat(20_000 - short) });
    expect(payloadOf(exact)).toBe(JSON.stringify(exact));
    const more = JSON.parse(payloadOf(eventOf({ subject: "x".repeat(20_001 - short) })));
    expect(more.data).toEqual({ subject: "x".repeat(1_000), truncated: ["subject"] });
  });

  test("of many recipients names what is not whole, and keeps the rest", () => {
    const { data, ...rest } = JSON.parse(payloadOf(eventOf({ ...message, to: addresses(5_000) })));
    expect(rest).toEqual({ ...eventOf({}), data: undefined });
    const { to, truncated, ...others } = data;
    expect(truncated).toEqual(["to"]);
    expect(to.length).toBeGreaterThanOrEqual(50);
    expect(to).toEqual(addresses(to.length));
    expect({ ...others, to: message.to }).toEqual(message);
  });

  test("of a submission to a thousand names some of them, and keeps the rest", () => {
    const example = exampleOf("submission.sent");
    const emails = Array.from({ length: 1_000 }, (_, at) => `person-${at}@example.org`);
    const text = "250 2.0.0 Ok: queued as 4C1".repeat(18);
    const recipients = emails.map((email) => ({ email, state: "accepted", code: 250, enhancedCode: "2.0.0", text }));
    const envelope = { from: "ada@example.org", to: emails };
    const given = { ...example, data: { ...example.data, envelope, recipients } };
    const json = payloadOf(given);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(20_000);
    const { data } = eventSchema.parse(JSON.parse(json)) as Event;
    const told = data as { envelope: typeof envelope; recipients: typeof recipients };
    expect(told.envelope).toEqual({ from: envelope.from, to: emails.slice(0, told.envelope.to.length) });
    expect(told.recipients.map(({ email }) => email)).toEqual(emails.slice(0, told.recipients.length));
    expect(told.recipients.length).toBeGreaterThanOrEqual(20);
    const { envelope: _envelope, recipients: _recipients, ...rest } = example.data;
    expect(data).toMatchObject({ ...rest, truncated: ["envelope", "recipients"] });
  });

  test("of metadata holds whole entries only, whatever they are named", () => {
    const example = exampleOf("submission.failed");
    const names = Array.from({ length: 50 }, (_, at) =>
      `${["messageIds", "subject", "id"][at % 3]}${at}`.padEnd(100, "."),
    );
    const metadata = {
      short: "x",
      long: "ü".repeat(1_000),
      ...Object.fromEntries(names.map((name) => [name, "y".repeat(900)])),
    };
    const data = JSON.parse(payloadOf({ ...example, data: { ...example.data, metadata } })).data;
    expect([data.metadata, data.truncated]).toEqual([{ short: "x" }, ["metadata"]]);
    const many = Object.fromEntries(names.map((name) => [name, "漢".repeat(250)]));
    const json = payloadOf({ ...example, data: { ...example.data, metadata: many } });
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(20_000);
    const told = eventSchema.parse(JSON.parse(json)) as Event;
    expect(Object.entries(many)).toEqual(expect.arrayContaining(Object.entries(told.data["metadata"] as object)));
    expect(Object.keys(told.data["metadata"] as object).length).toBeGreaterThanOrEqual(3);
  });

  test("of a bounce of a thousand keeps what it is about", () => {
    const example = exampleOf("message.bounced");
    const failed = { action: "failed", status: "5.1.1", code: 550, text: "x".repeat(500) };
    const recipients = Array.from({ length: 1_000 }, (_, at) => ({ email: `person-${at}@example.org`, ...failed }));
    const originalMessageId = `<${"m".repeat(900)}>`;
    const given = { ...example, data: { ...example.data, recipients, originalMessageId } };
    const told = eventSchema.parse(JSON.parse(payloadOf(given))) as Event;
    const { id, submissionId, kind } = example.data;
    const truncated = expect.arrayContaining(["recipients", "originalMessageId"]);
    expect(told.data).toMatchObject({ id, submissionId, kind, originalMessageId: null, truncated });
  });

  test("keeps ids and flags, whatever else is cut", () => {
    const attachments = Array.from({ length: 3_000 }, (_, at) => ({ id: `att_${at}.1`, filename: "n".repeat(500) }));
    const huge = {
      ...message,
      messageId: `<${"m".repeat(90_000)}>`,
      subject: "ü".repeat(50_000),
      to: addresses(2_000),
      cc: addresses(2_000),
      attachments,
      from: { name: "\u0000".repeat(30_000), email: "bob@example.org" },
    };
    const text = payloadOf(eventOf(huge));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(20_000);
    const { data } = JSON.parse(text);
    expect(data).toMatchObject({
      id: message.id,
      accountId: message.accountId,
      folderIds: message.folderIds,
      flags: message.flags,
      keywords: message.keywords,
      size: message.size,
    });
    expect(data.truncated.toSorted()).toEqual(["attachments", "cc", "from", "messageId", "subject", "to"]);
    for (const { id } of data.attachments) expect(id).toMatch(/^att_\d+\.1$/);
  });

  test("makes no other address of one: it is told whole, or left out", () => {
    const trusted = `${"a".repeat(87)}@bank.example`;
    const many = Array.from({ length: 20 }, (_, at) => ({ name: "漢".repeat(300), email: `t${at}@example.org` }));
    const from = { name: "Bank", email: `${trusted}.attacker.example` };
    expect(JSON.parse(payloadOf(eventOf({ ...message, from, to: many, cc: many }))).data).toMatchObject({
      from,
      truncated: ["to", "cc"],
    });

    const longest = { name: "", email: `${"b".repeat(242)}@example.org` };
    const tooLong = { name: "", email: `${"b".repeat(243)}@example.org` };
    const { data } = JSON.parse(
      payloadOf(
        eventOf({ ...message, from: tooLong, sender: longest, to: [tooLong, address(1), longest], cc: addresses(900) }),
      ),
    );
    expect(data).toMatchObject({ from: null, sender: longest, to: [address(1), longest] });
    expect(data.truncated).toEqual(["from", "to", "cc"]);
  });

  test("makes no other id, time, type or keyword of one, and cuts nothing else for it", () => {
    const long = (before: string, length = 300) => `${before}${"x".repeat(length)}`;
    const attachments = [
      { id: "att_2", filename: "a.pdf", contentType: "application/pdf", contentId: long("", 19_500), inline: false },
      { id: "att_3", filename: "b.pdf", contentType: long("application/"), contentId: "<1>", inline: false },
      { id: "att_4", filename: "c.pdf", contentType: "application/pdf", contentId: "<1>", inline: false },
    ];
    const told = {
      ...message,
      messageId: long("<"),
      inReplyTo: long("<"),
      subject: "Your invoice of November, number 4711",
      date: "2026-11-22T09:29:58.000Z",
      receivedAt: "2026-11-22T09:30:00.000Z",
      keywords: ["$Important", long("$")],
      attachments,
    };
    const { data } = JSON.parse(payloadOf(eventOf(told)));
    expect(data).toEqual({
      ...told,
      messageId: null,
      inReplyTo: null,
      keywords: ["$Important"],
      attachments: [{ ...attachments[0], contentId: null }, attachments[2]],
      truncated: ["messageId", "keywords", "attachments", "inReplyTo"],
    });
  });

  test("cuts no character in two", () => {
    const text = payloadOf(eventOf({ ...message, subject: `x${"🔑".repeat(20_000)}` }));
    expect(text).not.toMatch(/\\ud[89a-f]/i);
    expect(JSON.parse(text).data.subject).toMatch(/^x(?:🔑)+$/u);
  });

  test("of a message in a thousand folders tells a hundred of them", () => {
    const folderIds = Array.from({ length: 1_000 }, (_, at) => `fld_${String(at).padStart(26, "0")}`);
    const { data } = JSON.parse(payloadOf(eventOf({ ...message, folderIds })));
    expect(data).toMatchObject({ id: message.id, flags: message.flags, folderIds: folderIds.slice(0, 100) });
    expect(data.truncated).toContain("folderIds");
  });

  test("of what is no event of ours tells its id", () => {
    const more = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`member${at}`, at]));
    expect(JSON.parse(payloadOf(eventOf({ id: message.id, more }))).data).toEqual({
      id: message.id,
      truncated: ["more"],
    });
  });
});

/** mulberry32: the same numbers in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const formed = new Set([
  "email",
  "messageId",
  "inReplyTo",
  "contentId",
  "contentType",
  "date",
  "receivedAt",
  "createdAt",
]);

/** All texts in it that have a form. */
function formedIn(value: unknown, name = ""): string[] {
  if (typeof value === "string") return formed.has(name) || name === "keywords" ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => formedIn(item, name));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([inner, member]) => formedIn(member, inner));
}

test("whatever a message holds, its payload is short, has the form of its type, and makes up nothing", () => {
  const random = numbers(20_261_123);
  const upTo = (most: number) => Math.floor(random() ** 3 * most);
  const letters = ["a", "ü", "🔑", "\u0001", '"', "\ud800", "\n", "漢"];
  const text = (most: number) => (letters[Math.floor(random() * letters.length)] ?? "").repeat(upTo(most));
  const list = <T>(most: number, item: () => T) => Array.from({ length: upTo(most) }, item);
  const someone = () => ({ name: text(600), email: `${text(350)}@${text(30)}.example` });
  const maybe = <T>(item: () => T) => (random() < 0.2 ? null : item());
  const attachment = (_: unknown, at = 0) => ({
    id: `att_${at + 1}`,
    filename: maybe(() => text(500)),
    contentType: `application/${text(400)}`,
    encodedSize: upTo(1e9),
    contentId: maybe(() => `<${text(3_000)}>`),
    inline: false,
  });
  let cut = 0;
  for (let round = 0; round < 150; round += 1) {
    const type = (["message.created", "message.updated", "message.moved"] as const)[round % 3] ?? "message.created";
    const example = exampleOf(type);
    const data = {
      ...example.data,
      messageId: maybe(() => `<${text(20_000)}>`),
      inReplyTo: maybe(() => `<${text(2_000)}>`),
      subject: text(40_000),
      from: maybe(someone),
      sender: maybe(someone),
      replyTo: list(5, someone),
      to: list(150, someone),
      cc: list(150, someone),
      bcc: list(5, someone),
      keywords: list(300, () => `k${text(300)}`),
      attachments: list(50, () => 0).map(attachment),
    };
    const given = { ...example, data };
    const json = payloadOf(given);
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(20_000);
    const told = JSON.parse(json);
    expect(eventSchema.safeParse(told).error).toBeUndefined();
    const { id, flags, folderIds } = example.data;
    expect(told).toMatchObject({
      id: example.id,
      sequence: 4711,
      data: { id, flags, folderIds, date: example.data["date"] },
    });
    const known = new Set(formedIn(JSON.parse(JSON.stringify(given))));
    expect(formedIn(told).filter((one) => !known.has(one))).toEqual([]);
    const { truncated = [], ...others } = told.data;
    const changed = Object.entries(JSON.parse(JSON.stringify(data))).filter(
      ([name, member]) => JSON.stringify(member) !== JSON.stringify(others[name]),
    );
    expect(changed.map(([name]) => name).toSorted()).toEqual(truncated.toSorted());
    if (truncated.length > 0) cut += 1;
  }
  expect(cut).toBeGreaterThan(100);
});
