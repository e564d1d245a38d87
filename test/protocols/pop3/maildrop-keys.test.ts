import { afterEach, describe, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { collect, failureOf } from "../failure-of.ts";
import { searchFor } from "../mailbox-bench.ts";
import { makeMaildropBench, makeMessages, page, placeOf, subjectsOf, textsOf } from "./maildrop-bench.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { hurried, type Message, multiLine, target, usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const noUidl = { capa: usualCapa.filter((name) => name !== "UIDL"), answers: { UIDL: "-ERR what?\r\n" } };
const list = (mailbox: Mailbox<MaildropPlace>) => mailbox.list("INBOX", page);
const print = /^fingerprint:\d+\.[\w-]{22}\.\d+$/;

const flagged = { flags: { flagged: true }, keywords: { add: [], remove: [] } };

function change(messages: Message[], number: number, to: Partial<Message>): Message[] {
  return messages.map((message, index) => (index + 1 === number ? { ...message, ...to } : message));
}

test("who watches it is told what the server wants between two logins", async () => {
  const loginDelay = async (capa: string[]) => {
    const { watching } = await (await bench.serve({ capa, messages: [] })).open();
    return watching.kind === "maildrop" ? watching.loginDelay : null;
  };
  expect(await loginDelay([...usualCapa, "LOGIN-DELAY 600"])).toBe(600);
  expect(await loginDelay(usualCapa)).toBeNull();
});

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

  test("stays its fingerprint when the one with the same id is gone, with its flags", async () => {
    const messages = change(makeMessages(3), 3, { uid: "u2" });
    const { open } = await bench.serve({ messages });
    const mailbox = await open();
    const before = await list(mailbox);
    const place = before.messages[0]?.place ?? placeOf("");
    await mailbox.setFlags([place], flagged);
    await mailbox.close();
    messages.splice(1, 1);
    const after = await open();
    const left = await list(after);
    expect(textsOf(left)).toEqual([textsOf(before)[0], "uidl:u1"]);
    expect(left.messages[0]).toMatchObject({ place, flags: { flagged: true }, envelope: { subject: "message 3" } });
    expect((await after.get(place, {})).summary).toEqual(left.messages[0]);
    expect((await failureOf(after.get(placeOf("u2"), {}))).code).toBe("message-gone");
    expect(await after.remove([placeOf("u2")])).toEqual({ missing: [placeOf("u2")] });
  });

  test("is no id that was another message's: once it stands twice it names neither, for good", async () => {
    const [a, b] = makeMessages(2);
    const messages = [{ uid: "same", raw: a?.raw ?? "" }];
    const { open, kept } = await bench.serve({ messages });
    await (await open()).setFlags([placeOf("same")], flagged);
    messages.push({ uid: "same", raw: b?.raw ?? "" });
    await (await open()).status("INBOX");
    expect(await kept.duplicates.all()).toEqual(new Set(["uidl:same"]));
    messages.shift();
    const mailbox = await open();
    const { messages: left } = await list(mailbox);
    expect(left).toMatchObject([{ place: { key: { kind: "fingerprint" } }, flags: { flagged: false } }]);
    expect((await failureOf(mailbox.get(placeOf("same"), {}))).code).toBe("message-gone");
  });

  test("is its fingerprint where thousands of ids have stood twice, and no more are remembered", async () => {
    const { open, kept } = await bench.serve({ messages: change(makeMessages(3), 3, { uid: "u2" }) });
    await kept.duplicates.add(Array.from({ length: 10_000 }, (_, at) => `uidl:other${at}`));
    expect(textsOf(await list(await open())).every((text) => print.test(text))).toBe(true);
    expect((await kept.duplicates.all()).size).toBe(10_000);
  });

  test("has another header kept when LIST tells another size", async () => {
    const [a, b] = makeMessages(2);
    const messages = [{ uid: "1", raw: a?.raw ?? "" }];
    const { open } = await bench.serve({ messages });
    await list(await open());
    const others = ["2", "3"].map((uid) => ({ uid, raw: a?.raw ?? "" }));
    messages.splice(0, 1, { uid: "1", raw: `${b?.raw}longer\r\n` }, ...others);
    expect(subjectsOf(await list(await open()))).toEqual(["message 1", "message 1", "message 2"]);
    expect(subjectsOf(await list(await open()))).toEqual(["message 1", "message 1", "message 2"]);
  });

  test("takes flags under the name that it is listed by", async () => {
    const answers: { UIDL?: string } = { UIDL: "-ERR what?\r\n" };
    const { open } = await bench.serve({ messages: makeMessages(2), capa: ["USER", "TOP"], answers });
    const [newest] = (await list(await open())).messages;
    delete answers.UIDL;
    const mailbox = await open();
    const place = newest?.place ?? placeOf("");
    await mailbox.setFlags([place], flagged);
    expect((await list(mailbox)).messages[0]).toMatchObject({ place: placeOf("u2"), flags: { flagged: true } });
    expect((await mailbox.get(place, {})).summary).toMatchObject({ place, flags: { flagged: true } });
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

  test("has twins neither removed nor flagged, as nobody knows which is which once one has gone", async () => {
    const twin = (body: string): Message => ({ uid: "", raw: `Subject: twin\r\n\r\n${body}\r\n` });
    const messages = [twin("one"), ...makeMessages(1), twin("two")];
    const { open, server } = await bench.serve({ ...noUidl, messages });
    const mailbox = await open();
    const [two, other, one] = (await list(mailbox)).messages.map(({ place }) => place);
    if (!two || !other || !one) throw new Error("not all are listed");
    for (const call of [mailbox.remove([other, two]), mailbox.remove([one]), mailbox.setFlags([other, one], flagged)]) {
      const failure = await failureOf(call);
      expect(failure).toMatchObject({ code: "unsupported-by-server", details: { fix: expect.any(String) } });
    }
    expect(server.heard.filter((line) => line.startsWith("DELE"))).toEqual([]);
    expect((await list(mailbox)).messages.some(({ flags }) => flags.flagged)).toBe(false);
    expect(await mailbox.setFlags([other], flagged)).toEqual({ missing: [] });
    await mailbox.close();
    messages.splice(2, 1);
    const after = await open();
    expect((await failureOf(after.get(two, {}))).code).toBe("message-gone");
    expect(await after.remove([two, one])).toEqual({ missing: [two] });
    expect(server.heard.filter((line) => line.startsWith("DELE"))).toEqual(["DELE 1"]);
  });

  describe("and a message whose header it can't read", () => {
    const poison = (line: string) => (/ 1\b/.test(line) ? "-ERR Cannot read message file\r\n" : undefined);
    const alike = ["a", "b"].map((name) => ({ uid: "", raw: `Subject: ${name}\r\n\r\n` }));
    const answers = { ...noUidl.answers, TOP: poison, RETR: poison };

    test("has that listed, and taken for any of its size", async () => {
      const { open } = await bench.serve({ ...noUidl, answers, messages: [...alike, ...makeMessages(1)] });
      const mailbox = await open();
      const { messages } = await list(mailbox);
      expect(messages.map(({ envelope }) => envelope.subject)).toEqual(["message 1", "b", ""]);
      for (const at of [1, 2]) {
        const call = mailbox.remove([messages[at]?.place ?? placeOf("")]);
        expect((await failureOf(call)).code).toBe("unsupported-by-server");
      }
      expect(await mailbox.remove([messages[0]?.place ?? placeOf("")])).toEqual({ missing: [] });
    });

    test("neither removes nor flags it, though it is alone: the next one of its size would have its name", async () => {
      const messages = [...alike.slice(1), ...makeMessages(1)];
      const { open, server } = await bench.serve({ ...noUidl, answers, messages });
      const mailbox = await open();
      const place = (await list(mailbox)).messages.at(-1)?.place ?? placeOf("");
      for (const call of [mailbox.remove([place]), mailbox.setFlags([place], flagged)]) {
        expect((await failureOf(call)).code).toBe("unsupported-by-server");
      }
      expect(server.heard.filter((line) => line.startsWith("DELE"))).toEqual([]);
    });

    test("forgets no flags meanwhile: what it is called when it can be read is not known", async () => {
      const broken: typeof noUidl.answers & { TOP?: typeof poison; RETR?: typeof poison } = { ...noUidl.answers };
      const { open, kept } = await bench.serve({ ...noUidl, answers: broken, messages: makeMessages(3) });
      const before = await open();
      const place = (await list(before)).messages.at(-1)?.place ?? placeOf("");
      await before.setFlags([place], flagged);
      Object.assign(broken, { TOP: poison, RETR: poison });
      const told = kept.told.length;
      expect((await list(await open())).messages.at(-1)?.flags.flagged).toBe(false);
      expect(kept.told).toHaveLength(told);
      Object.assign(broken, { TOP: undefined, RETR: undefined });
      expect((await list(await open())).messages.at(-1)).toMatchObject({ place, flags: { flagged: true } });
      expect(kept.told).toHaveLength(told + 1);
    });

    test("forgets what is gone of those with unique-ids, where some have them", async () => {
      const messages = makeMessages(3).map((message, at) => (at === 0 ? { ...message, uid: "" } : message));
      const { open, kept } = await bench.serve({ messages, answers: { TOP: poison, RETR: poison } });
      await list(await open());
      expect(kept.told).toEqual([{ keys: ["uidl:u2", "uidl:u3"], kind: "uidl" }]);
    });
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
    expect(lines).toEqual(["UIDL", "LIST", ...alike, "RETR 8"]);
  });

  test("has no headers kept: they would have to be read anyway", async () => {
    const { open, kept, asked } = await bench.serve({ ...noUidl, messages: makeMessages(3) });
    await list(await open());
    expect(kept.put).toEqual([]);
    expect((await asked(list)).filter((line) => line.startsWith("TOP")).length).toBeGreaterThan(0);
  });

  test("is asked for each header once", async () => {
    const { asked } = await bench.serve({ ...noUidl, messages: makeMessages(12) });
    const lines = await asked(async (mailbox) => {
      const listing = await list(mailbox);
      expect(subjectsOf(listing)[0]).toBe("message 12");
      await mailbox.get(listing.messages[3]?.place ?? placeOf(""), {});
    });
    expect(lines.filter((line) => line.startsWith("TOP")).toSorted()).toEqual(
      Array.from({ length: 12 }, (_, index) => `TOP ${index + 1} 0`).toSorted(),
    );
  });

  test("is not told to keep anything where it takes too long", async () => {
    const clock = hurried(1000);
    const TOP = (_: string, nth: number) => {
      if (nth <= 2) return undefined;
      clock.hurry();
      return { after: "silence" } as const;
    };
    const { open } = await bench.serve({
      capa: ["USER", "TOP"],
      answers: { ...noUidl.answers, TOP },
      messages: makeMessages(9),
    });
    const failure = await failureOf(
      (await open(clock.onTime)).search("INBOX", page, searchFor({ subject: "message" })),
    );
    expect(failure).toMatchObject({ code: "upstream-timeout" });
    expect(failure.details.fix).toMatch(/nothing is kept/);
  });

  /** What follows when UIDL fails at the second login, and nothing announces it. */
  async function uidlLost(expectsUidl: boolean) {
    let isLost = false;
    const UIDL = () => (isLost ? "-ERR Internal error\r\n" : undefined);
    const { server, kept } = await bench.serve({ capa: null, messages: makeMessages(2), answers: { UIDL } });
    const login = async () => openMaildrop({ ...target(server.port), kept, log: { write() {} }, expectsUidl });
    const before = await login();
    expect(textsOf(await list(before))).toEqual(["uidl:u2", "uidl:u1"]);
    await before.close();
    isLost = true;
    return { mailbox: await login(), kept };
  }

  test("has not lost them where it has told unique-ids before", async () => {
    const { mailbox, kept } = await uidlLost(true);
    expect(await failureOf(list(mailbox))).toMatchObject({
      code: "refused-by-server",
      details: { upstream: { phase: "UIDL", text: "Internal error" }, fix: expect.stringMatching(/Ask again.*anew/) },
    });
    expect(kept.told).toHaveLength(1);
    await mailbox.close();
  });

  test("may tell them again, so that nothing is forgotten of what had one", async () => {
    const { mailbox, kept } = await uidlLost(false);
    expect((await list(mailbox)).messages).toHaveLength(2);
    expect(kept.told.at(-1)?.kind).toBe("fingerprint");
    await mailbox.close();
  });

  test("has equal ones counted anew where that was broken off in the middle", async () => {
    const twin = { uid: "", raw: "Subject: twin\r\n\r\none\r\n" };
    const TOP = (_: string, nth: number) => (nth === 1 ? "-ERR [SYS/TEMP] later\r\n" : undefined);
    const { open } = await bench.serve({
      capa: ["USER", "TOP"],
      messages: [twin, twin],
      answers: { ...noUidl.answers, TOP },
    });
    const mailbox = await open();
    expect((await failureOf(list(mailbox))).code).toBe("upstream-throttled");
    expect(textsOf(await list(mailbox)).map((text) => text.split(".").at(-1))).toEqual(["2", "1"]);
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
  expect(await asked(list)).toEqual(["UIDL"]);
});
