import { afterEach, describe, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { collect, failureOf } from "../failure-of.ts";
import { makeMaildropBench, makeMessages, page, placeOf, subjectsOf, textsOf } from "./maildrop-bench.ts";
import { type Message, multiLine, usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const noUidl = { capa: usualCapa.filter((name) => name !== "UIDL"), answers: { UIDL: "-ERR what?\r\n" } };
const list = (mailbox: Mailbox<MaildropPlace>) => mailbox.list("INBOX", page, {});
const print = /^fingerprint:\d+\.[\w-]{22}\.\d+$/;

function change(messages: Message[], number: number, to: Partial<Message>): Message[] {
  return messages.map((message, index) => (index + 1 === number ? { ...message, ...to } : message));
}

describe("a message's key", () => {
  test("is its unique-id, up to 255 visible characters", async () => {
    const uids = ["!", "~".repeat(70), "x".repeat(255), "a:b%c"];
    const { open } = await bench.serve({ messages: uids.map((uid) => ({ uid, raw: "Subject: a\r\n\r\n" })) });
    expect(textsOf(await list(await open()))).toEqual(uids.map((uid) => `uidl:${uid}`).toReversed());
  });

  test.for([
    ["has a space in it", "a b"],
    ["is 8-bit", "caf\xe9"],
    ["is too long", "x".repeat(256)],
  ])("is its fingerprint where the id %s", async ([, uid]) => {
    const { open } = await bench.serve({ messages: change(makeMessages(3), 2, { uid: uid ?? "" }) });
    const mailbox = await open();
    const texts = textsOf(await list(mailbox));
    expect(texts).toEqual(["uidl:u3", expect.stringMatching(print), "uidl:u1"]);
    const [, place] = (await list(mailbox)).messages.map((message) => message.place);
    expect((await mailbox.get(place ?? placeOf(""), {})).summary.envelope.subject).toBe("message 2");
  });

  test("is its fingerprint where the id is missing or its line is left out, at the end of the list too", async () => {
    for (const said of ["1 u1\r\n2 \r\n3 u3\r\n", "1 u1\r\n3 u3\r\n", "1 u1\r\n2 u2\r\n"]) {
      const { open, server } = await bench.serve({ messages: makeMessages(3), answers: { UIDL: multiLine(said) } });
      const listing = await list(await open());
      expect(subjectsOf(listing)).toEqual(["message 3", "message 2", "message 1"]);
      expect(textsOf(listing).filter((text) => print.test(text))).toHaveLength(1);
      expect(server.heard.filter((line) => line === "LIST")).toHaveLength(1);
    }
  });

  test("is the fingerprint of both where two have one id", async () => {
    const messages = change(makeMessages(4), 3, { uid: "u2" });
    const { open } = await bench.serve({ messages });
    const mailbox = await open();
    const listing = await list(mailbox);
    const texts = textsOf(listing);
    expect([texts[0], texts[3]]).toEqual(["uidl:u4", "uidl:u1"]);
    expect(new Set(texts).size).toBe(4);
    for (const [index, { place }] of listing.messages.entries()) {
      const raw = await collect((await mailbox.openRaw(place)).stream);
      expect(raw.toString("latin1")).toBe(messages[3 - index]?.raw);
    }
    // Which of the two it meant nobody knows.
    expect((await failureOf(mailbox.get(placeOf("u2"), {}))).code).toBe("message-gone");
  });

  test("stays found when its twin's id is gone", async () => {
    const messages = change(makeMessages(3), 3, { uid: "u2" });
    const [newest] = (await list(await (await bench.serve({ messages })).open())).messages;
    const left = await bench.serve({ messages: messages.filter((_, index) => index !== 1) });
    const mailbox = await left.open();
    expect(textsOf(await list(mailbox))).toEqual(["uidl:u2", "uidl:u1"]);
    const place = newest?.place ?? placeOf("");
    expect((await mailbox.get(place, {})).summary).toMatchObject({ place, envelope: { subject: "message 3" } });
  });
});

describe("a server without UIDL", () => {
  test("has its messages told apart by size and header, and equal ones by their order", async () => {
    const twin = { uid: "", raw: "Subject: twin\r\nMessage-ID: <t@a.test>\r\n\r\none\r\n" };
    const other = { uid: "", raw: "Subject: twin\r\nMessage-ID: <t@a.test>\r\n\r\ntwo\r\n" };
    const { open } = await bench.serve({ ...noUidl, messages: [twin, ...makeMessages(2), other, twin] });
    const mailbox = await open();
    const listing = await list(mailbox);
    const texts = textsOf(listing);
    expect(texts.every((text) => print.test(text))).toBe(true);
    expect(new Set(texts).size).toBe(5);
    const twins = [4, 1, 0].map((index) => texts[index] ?? "");
    expect(twins.map((text) => text.split(".").at(-1))).toEqual(["1", "2", "3"]);
    expect(new Set(twins.map((text) => text.slice(0, text.lastIndexOf(".")))).size).toBe(1);
    const bodies = await Promise.all(
      listing.messages.map(async ({ place }) => collect((await mailbox.openRaw(place)).stream)),
    );
    expect(bodies.map(String)).toEqual([twin, other, ...makeMessages(2).toReversed(), twin].map(({ raw }) => raw));
  });

  test("has the same keys at the next login, whatever it writes into headers", async () => {
    const plain = makeMessages(5);
    const before = textsOf(await list(await (await bench.serve({ ...noUidl, messages: plain })).open()));
    const served = plain.map(({ uid, raw }) => ({
      uid,
      raw: `X-UIDL: abc\r\nStatus: RO\r\n${raw.replace("Message-ID", "X-Keywords:\r\n  folded\r\nContent-Length: 7\r\nMessage-ID")}`,
    }));
    const sizes = plain.map(({ raw }, index) => `${index + 1} ${raw.length}\r\n`).join("");
    const { open } = await bench.serve({
      capa: noUidl.capa,
      messages: served,
      answers: { ...noUidl.answers, LIST: (line) => (line === "LIST" ? multiLine(sizes) : undefined) },
    });
    expect(textsOf(await list(await open()))).toEqual(before);
  });

  test("is asked for the headers of messages of one size only, to find one of them", async () => {
    const messages = makeMessages(30);
    const { open, asked } = await bench.serve({ ...noUidl, messages });
    const place = (await list(await open())).messages[22]?.place ?? placeOf("");
    const lines = await asked((mailbox) => mailbox.openRaw(place));
    const size = messages[7]?.raw.length;
    const alike = messages.flatMap(({ raw }, index) => (raw.length === size ? [`TOP ${index + 1} 0`] : []));
    expect(alike.length).toBeLessThan(12);
    expect(lines).toEqual(["STAT", "UIDL", "LIST", ...alike, "RETR 8"]);
  });

  test("has no headers kept: they would have to be read anyway", async () => {
    const { open, kept, asked } = await bench.serve({ ...noUidl, messages: makeMessages(3) });
    await list(await open());
    expect(kept.put).toEqual([]);
    expect((await asked(list)).filter((line) => line.startsWith("TOP")).length).toBeGreaterThan(0);
  });

  test("knows no message by a key that is none of its own", async () => {
    const { open } = await bench.serve({ ...noUidl, messages: makeMessages(3) });
    const mailbox = await open();
    for (const value of ["", "x", "1.2.3", `136.${"A".repeat(22)}.1`, "999999999999999999.x.1"]) {
      expect((await failureOf(mailbox.get(placeOf(value, "fingerprint"), {}))).code).toBe("message-gone");
    }
    expect((await failureOf(mailbox.get(placeOf("u1"), {}))).code).toBe("message-gone");
    expect(mailbox.dead).toBe(false);
  });
});

test("a server without TOP has its messages read whole for their headers, once", async () => {
  const capa = ["USER", "UIDL"];
  const { asked } = await bench.serve({ capa, messages: makeMessages(3), answers: { TOP: "-ERR what?\r\n" } });
  const first = await asked(list);
  expect(first.filter((line) => line.startsWith("RETR"))).toEqual(["RETR 3", "RETR 2", "RETR 1"]);
  expect(await asked(list)).toEqual(["STAT", "UIDL"]);
});
