import { describe, expect, test } from "vitest";
import type { Event } from "../../src/mail/event.ts";
import { payloadOf } from "../../src/webhooks/payload.ts";

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

  test("cuts no character in two", () => {
    const text = payloadOf(eventOf({ ...message, subject: `x${"🔑".repeat(20_000)}` }));
    expect(text).not.toMatch(/\\ud[89a-f]/i);
    expect(JSON.parse(text).data.subject).toMatch(/^x(?:🔑)+$/u);
  });

  test("of a message in a thousand folders tells at least its id", () => {
    const folderIds = Array.from({ length: 1_000 }, (_, at) => `fld_${String(at).padStart(26, "0")}`);
    const { data } = JSON.parse(payloadOf(eventOf({ ...message, folderIds })));
    expect(data.id).toBe(message.id);
    expect(data.truncated).toContain("folderIds");
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

test("whatever an event holds, its payload is short, is JSON and keeps the ids", () => {
  const random = numbers(20_261_123);
  const upTo = (most: number) => Math.floor(random() ** 3 * most);
  const letters = ["a", "ü", "🔑", "\u0001", '"', "\ud800", "\n", "漢"];
  const text = (most: number) => (letters[Math.floor(random() * letters.length)] ?? "").repeat(upTo(most));
  const value = (depth: number): unknown => {
    const kind = Math.floor(random() * 5);
    if (kind === 0) return text(4_000);
    if (kind === 1) return random() * 1e6;
    if (kind === 2 || depth === 0) return null;
    const members = Array.from({ length: upTo(60) }, () => value(depth - 1));
    return kind === 3 ? members : Object.fromEntries(members.map((member, at) => [`m${at}`, member]));
  };
  let cut = 0;
  for (let round = 0; round < 300; round += 1) {
    const data = { ...message, subject: text(40_000), to: value(2), cc: value(2), more: value(3) };
    const json = payloadOf(eventOf(data));
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(20_000);
    const told = JSON.parse(json);
    expect(told).toMatchObject({ id: eventOf({}).id, sequence: 4711, data: { id: message.id } });
    const isWhole = json === JSON.stringify(eventOf(data));
    expect(told.data.truncated === undefined).toBe(isWhole);
    if (!isWhole) cut += 1;
  }
  expect(cut).toBeGreaterThan(100);
});
