import { afterEach, describe, expect, test } from "vitest";
import type { Mailbox, MaildropPosition } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { failureOf } from "../failure-of.ts";
import { makeMaildropBench, makeMessages, page, placeOf, subjectsOf, textsOf } from "./maildrop-bench.ts";
import type { Message } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const list = (mailbox: Mailbox<MaildropPlace>) => mailbox.list("INBOX", page);
const minute = (number: number): number => Date.UTC(2026, 0, 1, 0, number);
const nothing = { add: [], remove: [] };

/** All pages, each on a login of its own. */
async function walk(open: () => Promise<Mailbox<MaildropPlace>>, limit: number): Promise<string[]> {
  const seen: string[] = [];
  let after: MaildropPosition | null = null;
  do {
    const mailbox = await open();
    const listing: Awaited<ReturnType<typeof list>> = await mailbox.list("INBOX", { limit, after });
    await mailbox.close();
    seen.push(...textsOf(listing));
    after = listing.next;
  } while (after);
  return seen;
}

describe("a listing", () => {
  test("tells what a header tells, and nothing that it does not", async () => {
    const { open } = await bench.serve({
      messages: makeMessages(2, (number) => (number === 1 ? ["Date: nonsense"] : [])),
    });
    const { messages, next, uidValidity } = await list(await open());
    expect([next, uidValidity]).toEqual([null, 0]);
    const raw = makeMessages(2)[1]?.raw ?? "";
    expect(messages[0]).toEqual({
      place: placeOf("u2"),
      key: null,
      thread: null,
      envelope: {
        messageId: "<2@a.test>",
        inReplyTo: null,
        references: [],
        subject: "message 2",
        from: { name: "Jürgen 2", email: "j2@a.test" },
        sender: null,
        replyTo: [],
        to: [],
        cc: [],
        bcc: [],
        date: null,
      },
      receivedAt: minute(2),
      size: raw.length,
      flags: { seen: false, flagged: false, answered: false, draft: false },
      keywords: [],
      structure: null,
      warnings: [],
    });
    expect(messages[1]?.warnings).toEqual(["date-unparseable"]);
  });

  test("is newest first, page by page, each once", async () => {
    const { open } = await bench.serve({ messages: makeMessages(23) });
    const all = Array.from({ length: 23 }, (_, index) => `uidl:u${23 - index}`);
    for (const limit of [1, 5, 22, 23, 24, 500]) expect(await walk(open, limit)).toEqual(all);
    expect(textsOf(await (await bench.serve({ messages: [] })).open().then(list))).toEqual([]);
  });

  test("has no date of arrival where the topmost Received has none", async () => {
    const raws = [
      "Subject: a",
      "Received: by x",
      "Received: by x; nonsense\r\nReceived: by y; 1 Jan 2026 00:00:00 +0000",
    ];
    const messages = raws.map((head, index) => ({ uid: `u${index}`, raw: `${head}\r\n\r\n` }));
    const { open } = await bench.serve({ messages });
    expect((await list(await open())).messages.map(({ receivedAt }) => receivedAt)).toEqual([null, null, null]);
  });

  test("shows a message that the server can't read, with its size and no more", async () => {
    const poison = (line: string) => (/ 2\b/.test(line) ? "-ERR cannot read message file\r\n" : undefined);
    const messages = makeMessages(3);
    const { open, kept } = await bench.serve({ messages, answers: { TOP: poison, RETR: poison } });
    const mailbox = await open();
    const listing = await list(mailbox);
    expect(textsOf(listing)).toEqual(["uidl:u3", "uidl:u2", "uidl:u1"]);
    expect(listing.messages[1]).toMatchObject({
      envelope: { subject: "", from: null, date: null },
      receivedAt: null,
      size: messages[1]?.raw.length,
      warnings: ["envelope-missing"],
    });
    expect(kept.put).toEqual(["uidl:u1", "uidl:u3"].toReversed());
    for (const wanted of [{}, { headers: true }, { structure: true }]) {
      expect(await failureOf(mailbox.get(placeOf("u2"), wanted))).toMatchObject({
        code: "refused-by-server",
        details: { upstream: { text: "cannot read message file" } },
      });
    }
    expect((await mailbox.get(placeOf("u3"), {})).summary.envelope.subject).toBe("message 3");
  });

  test("cuts a list of recipients that has no end, and says so", async () => {
    const to = Array.from({ length: 4000 }, (_, index) => ` person-${index}@somewhere.test`).join(",\r\n");
    const { open, kept } = await bench.serve({ messages: makeMessages(1, () => [`To:${to}`]) });
    for (let round = 0; round < 2; round++) {
      const [message] = (await list(await open())).messages;
      expect(message?.warnings).toEqual(["header-truncated"]);
      expect(message?.receivedAt).toBe(minute(1));
      expect(message?.envelope.to.length).toBeGreaterThan(1500);
      expect(message?.envelope.to.at(-1)?.email).toMatch(/^person-\d+@somewhere\.test$/);
    }
    expect(kept.put).toEqual([]);
  });

  test("cuts a field that has no end, each time", async () => {
    const subject = `Subject: ${"x".repeat(70_000)}`;
    const raw = `${subject}\r\nReceived: by x; Thu, 1 Jan 2026 00:01:00 +0000\r\n\r\n`;
    const { open } = await bench.serve({ messages: [{ uid: "u1", raw }] });
    for (let round = 0; round < 2; round++) {
      const [message] = (await list(await open())).messages;
      expect(message).toMatchObject({ warnings: ["header-truncated"], envelope: { subject: "" } });
      expect(message?.receivedAt).toBe(minute(1));
    }
  });

  test("of another folder, or a page that means nothing, asks the server nothing", async () => {
    const { asked } = await bench.serve();
    const lines = await asked(async (mailbox) => {
      expect((await failureOf(mailbox.list("Nowhere", page))).code).toBe("not-found");
      expect((await failureOf(mailbox.status("Nowhere"))).code).toBe("not-found");
      for (const limit of [0, 1.5, Number.NaN]) {
        expect((await failureOf(mailbox.list("INBOX", { limit, after: null }))).code).toBe("validation-failed");
      }
    });
    expect(lines).toEqual([]);
  });
});

describe("a cursor", () => {
  /** What follows the first 4 of 10 when the maildrop holds these by then, in this order. */
  async function rest(left: number[], more: Message[] = []): Promise<string[]> {
    const messages = makeMessages(10);
    const before = await bench.serve({ messages });
    const first = await (await before.open()).list("INBOX", { limit: 4, after: null });
    expect(first.next).toEqual({ key: "uidl:u7", below: [6, 5, 4, 3].map((number) => `uidl:u${number}`) });
    const now = [...left.map((number) => messages[number - 1] ?? { uid: "", raw: "" }), ...more];
    const mailbox = await (await bench.serve({ messages: now })).open();
    return subjectsOf(await mailbox.list("INBOX", { limit: 50, after: first.next }));
  }
  const down = (...numbers: number[]) => numbers.map((number) => `message ${number}`);

  test("goes on below its message wherever that stands by now", async () => {
    expect(await rest([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toEqual(down(6, 5, 4, 3, 2, 1));
    expect(await rest([3, 4, 6, 7, 9], [{ uid: "new", raw: "Subject: new\r\n\r\n" }])).toEqual(down(6, 4, 3));
    expect(await rest([7])).toEqual([]);
  });

  test("goes on at the next one below when its own is gone, each once, whatever numbers they have by now", async () => {
    expect(await rest([1, 2, 3, 4, 5, 6, 8, 9, 10])).toEqual(down(6, 5, 4, 3, 2, 1));
    // The whole page was deleted, and older ones as well.
    expect(await rest([1, 2, 6], [{ uid: "new", raw: "Subject: new\r\n\r\n" }])).toEqual(down(6, 2, 1));
    expect(await rest([1, 2, 3, 9, 10])).toEqual(down(3, 2, 1));
  });

  test("is expired when they are gone too: a number would lead anywhere", async () => {
    for (const left of [[], [1, 2], [1, 2, 8, 9, 10]]) {
      expect(await failureOf(rest(left))).toMatchObject({
        code: "cursor-expired",
        details: { fix: expect.any(String) },
      });
    }
  });

  test("names the messages below, and finds them by their fingerprint without UIDL", async () => {
    const named = await (await bench.serve({ messages: makeMessages(30) })).open();
    const { next } = await named.list("INBOX", { limit: 2, after: null });
    expect(next).toEqual({ key: "uidl:u29", below: [28, 27, 26, 25].map((number) => `uidl:u${number}`) });
    const messages = makeMessages(12);
    const { open } = await bench.serve({ messages, capa: ["USER"], answers: { UIDL: "-ERR\r\n" } });
    const first = await (await open()).list("INBOX", { limit: 4, after: null });
    messages.splice(8, 4);
    const second = await (await open()).list("INBOX", { limit: 4, after: first.next });
    expect(subjectsOf(second)).toEqual(down(8, 7, 6, 5));
  });

  test("goes on below a message that is known by its fingerprint", async () => {
    const { open } = await bench.serve({ messages: makeMessages(10), capa: ["USER"], answers: { UIDL: "-ERR\r\n" } });
    const texts = await walk(open, 3);
    expect(texts).toHaveLength(10);
    expect(new Set(texts).size).toBe(10);
  });
});

describe("what is kept of headers", () => {
  test("saves all but one UIDL from the second listing on", async () => {
    const { asked } = await bench.serve({ messages: makeMessages(10) });
    const first = await asked(list);
    expect(first.slice(0, 2)).toEqual(["UIDL", "LIST"]);
    expect(first.slice(2)).toEqual(Array.from({ length: 10 }, (_, index) => `TOP ${10 - index} 0`));
    expect(await asked(list)).toEqual(["UIDL"]);
    expect(await asked((mailbox) => mailbox.list("INBOX", { limit: 3, after: null }))).toEqual(["UIDL"]);
    expect(await asked((mailbox) => mailbox.get(placeOf("u4"), {}))).toEqual(["UIDL"]);
  });

  test("tells the same as the header itself", async () => {
    const { open } = await bench.serve({
      messages: makeMessages(5, () => [
        "X-Other: a",
        "To: =?utf-8?q?=C3=A4?= <a@b>",
        "Date: Thu, 1 Jan 2026 00:00:00 +0100",
      ]),
    });
    const read = await list(await open());
    expect(await list(await open())).toEqual(read);
  });

  test("leaves new mail to be asked for, with its size alone", async () => {
    const messages = makeMessages(3);
    const { asked } = await bench.serve({ messages });
    await asked(list);
    messages.push(...makeMessages(4).slice(3));
    expect(await asked(list)).toEqual(["UIDL", "LIST 4", "TOP 4 0"]);
  });

  test("holds the fields of a listing and no others", async () => {
    const { open, kept } = await bench.serve({ messages: makeMessages(1, () => ["X-Secret: s", "DKIM-Signature: x"]) });
    await list(await open());
    const [header] = (await kept.headers.get([{ kind: "uidl", value: "u1" }])).values();
    const names = Buffer.from(header?.header ?? [])
      .toString()
      .split("\r\n")
      .map((line) => line.split(":")[0]);
    expect(names).toEqual(["From", "Subject", "Message-ID", "Received", "", ""]);
  });

  test("is forgotten with its message, once all are known", async () => {
    const messages = makeMessages(4);
    const { open, kept } = await bench.serve({ messages });
    await list(await open());
    messages.splice(1, 1);
    await (await open()).list("INBOX", { limit: 1, after: null });
    expect(kept.told.at(-1)).toEqual({ keys: ["uidl:u1", "uidl:u3", "uidl:u4"], kind: undefined });
    expect((await kept.headers.get([placeOf("u2").key])).size).toBe(0);
  });

  test("is not taken for gone where not all messages are known by name", async () => {
    const messages = makeMessages(20).map((message, index) => (index === 0 ? { ...message, uid: "" } : message));
    const { open, kept } = await bench.serve({ messages });
    const mailbox = await open();
    const place = (await mailbox.list("INBOX", { limit: 50, after: null })).messages.at(-1)?.place ?? placeOf("");
    expect(place.key.kind).toBe("fingerprint");
    expect(kept.told.at(-1)).toMatchObject({ kind: undefined });
    await mailbox.setFlags([place], { flags: { seen: true }, keywords: nothing });
    await (await open()).list("INBOX", { limit: 5, after: null });
    expect(kept.told.at(-1)?.kind).toBe("uidl");
    expect(kept.told.at(-1)?.keys).toHaveLength(19);
    expect((await (await open()).get(place, {})).summary.flags.seen).toBe(true);
  });

  test("fails no listing when it can't be read or written", async () => {
    const { open, kept, logged } = await bench.serve({ messages: makeMessages(3) });
    kept.breakDown("headers", "keepOnly");
    for (let round = 0; round < 2; round++) {
      expect(subjectsOf(await list(await open()))).toEqual(["message 3", "message 2", "message 1"]);
    }
    expect(new Set(logged)).toEqual(new Set(["maildrop.not_kept"]));
  });

  test("fails it where it is about flags: nobody else has them", async () => {
    const { open, kept } = await bench.serve();
    kept.breakDown("flags");
    expect((await failureOf(list(await open()))).code).toBe("storage-unavailable");
  });
});
