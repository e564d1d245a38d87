import { afterEach, describe, expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import type { ByteRange, Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { attachmentOf, collect, failureOf } from "../failure-of.ts";
import { type MaildropBench, makeMaildropBench, makeMessages, placeOf } from "./maildrop-bench.ts";
import { hurried, multiLine } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const mixed = [
  "Subject: mixed",
  "Content-Type: multipart/mixed; boundary=x",
  "",
  "preamble",
  "--x",
  "Content-Type: text/plain",
  "",
  ".dot",
  "--x",
  "Content-Type: application/pdf; name=a.pdf",
  "Content-Transfer-Encoding: base64",
  "Content-Disposition: attachment; filename=a.pdf",
  "",
  ...Array.from({ length: 2000 }, () => "QUFB".repeat(18)),
  "--x",
  "Content-Type: message/rfc822",
  "",
  "Subject: inner",
  "",
  "inner",
  "--x",
  "Content-Type: text/plain",
  "Content-Disposition: attachment; filename=empty.txt",
  "",
  "--x--",
  "epilogue",
  "",
].join("\r\n");
const place = placeOf("m");

async function served(raw = mixed, more: Parameters<typeof bench.serve>[0] = {}): Promise<MaildropBench> {
  return bench.serve({ messages: [...makeMessages(1), { uid: "m", raw }], ...more });
}
const text = async (stream: AsyncIterable<Uint8Array>): Promise<string> => (await collect(stream)).toString("latin1");

describe("getting a message", () => {
  test("reads it once, for all that is wanted of it", async () => {
    const { asked, open } = await served();
    expect(await asked((mailbox) => mailbox.get(place, { headers: true, bodies: true }))).toEqual([
      "UIDL",
      "LIST 2",
      "RETR 2",
    ]);
    const { summary, header, bodies } = await (await open()).get(place, { headers: true, bodies: true });
    expect(Buffer.from(header ?? []).toString()).toBe(mixed.slice(0, mixed.indexOf("\r\n\r\n") + 4));
    expect(
      bodies?.map(({ part, bytes, truncated }) => [part.section, Buffer.from(bytes).toString(), truncated]),
    ).toEqual([["1", ".dot", false]]);
    expect(summary).toMatchObject({ place, size: mixed.length, warnings: [], receivedAt: null });
    expect(summary.structure?.children.map(({ section, contentType }) => `${section} ${contentType}`)).toEqual([
      "1 text/plain",
      "2 application/pdf",
      "3 message/rfc822",
      "4 text/plain",
    ]);
  });

  test("asks for no more than is wanted", async () => {
    const { asked } = await served();
    const structure = await asked((mailbox) => mailbox.get(place, { structure: true }));
    expect(structure).toEqual(["UIDL", "LIST 2", "RETR 2"]);
    const headers = await asked((mailbox) => mailbox.get(place, { headers: true }));
    expect(headers).toEqual(["UIDL", "TOP 2 0", "LIST 2"]);
    expect(await asked((mailbox) => mailbox.get(place, {}))).toEqual(["UIDL", "LIST 2", "TOP 2 0"]);
    expect(await asked((mailbox) => mailbox.get(place, {}))).toEqual(["UIDL"]);
  });

  test("tells neither a structure that was not read nor a warning that it is missing", async () => {
    const mailbox = await (await served()).open();
    for (const wanted of [{}, { headers: true }]) {
      expect((await mailbox.get(place, wanted)).summary).toMatchObject({
        size: mixed.length,
        structure: null,
        warnings: [],
        envelope: { subject: "mixed" },
      });
    }
    expect((await mailbox.get(place, {})).header).toBeUndefined();
    expect((await mailbox.get(place, { structure: true })).bodies).toBeUndefined();
  });

  test("of several in one session reads the maildrop once", async () => {
    const { asked } = await served();
    const lines = await asked(async (mailbox) => {
      await mailbox.get(place, { structure: true });
      await text(await attachmentOf(mailbox, place, "2"));
      await mailbox.get(placeOf("u1"), { headers: true });
    });
    expect(lines).toEqual(["UIDL", "LIST 2", "RETR 2", "RETR 2", "TOP 1 0", "LIST 1"]);
  });

  test("that is not there is message-gone, and not-found in another folder", async () => {
    const mailbox = await (await served()).open();
    const gone = placeOf("nobody");
    const calls = (where: MaildropPlace) => [
      mailbox.get(where, {}),
      mailbox.get(where, { bodies: true }),
      mailbox.openRaw(where),
      attachmentOf(mailbox, where, "1"),
    ];
    for (const call of calls(gone)) expect((await failureOf(call)).code).toBe("message-gone");
    for (const call of calls({ ...place, path: "Sent" })) expect((await failureOf(call)).code).toBe("not-found");
    expect(mailbox.dead).toBe(false);
  });

  test("that the server does not give any more is message-gone too", async () => {
    const gone = "-ERR no such message\r\n";
    const { open } = await served(mixed, { answers: { RETR: gone, TOP: gone } });
    const mailbox = await open();
    for (const wanted of [{}, { headers: true }, { structure: true }]) {
      expect((await failureOf(mailbox.get(place, wanted))).code).toBe("message-gone");
    }
  });

  test("fails when the line is cut, and never ends early", async () => {
    const cutOff = { say: `+OK\r\n${mixed.slice(0, 3000)}`, after: "close" } as const;
    const { open } = await served(mixed, { answers: { RETR: cutOff } });
    const calls: ((mailbox: Mailbox<MaildropPlace>) => Promise<unknown>)[] = [
      (mailbox) => mailbox.get(place, { bodies: true }),
      async (mailbox) => collect((await mailbox.openRaw(place)).stream),
      async (mailbox) => collect(await attachmentOf(mailbox, place, "2")),
      (mailbox) => attachmentOf(mailbox, place, "3"),
      (mailbox) => mailbox.openRaw(place, { start: 5000, end: 5001 }),
    ];
    for (const call of calls) expect((await failureOf(call(await open()))).code).toBe("upstream-unreachable");
  });

  test("of a message without an end is given up", async () => {
    const endless = "x".repeat(1_000_000);
    const { open } = await served(mixed, {
      answers: { RETR: { say: `+OK\r\n${`${endless}\r\n`.repeat(80)}`, after: "silence" } },
    });
    const mailbox = await open();
    const failure = await failureOf(mailbox.get(place, { bodies: true }));
    expect(failure).toMatchObject({ code: "upstream-protocol-error", details: { upstream: { phase: "RETR" } } });
  }, 30_000);
});

test.for([
  ["getting it", (mailbox) => mailbox.get(place, { bodies: true })],
  ["looking for a part of it", (mailbox) => attachmentOf(mailbox, place, "2")],
  ["skipping what is before a range", (mailbox) => mailbox.openRaw(place, { start: 1_000_000, end: 1_000_001 })],
] as [string, (mailbox: Mailbox<MaildropPlace>) => Promise<unknown>][])(
  "a message that comes octet by octet is left in the end: %s",
  async ([, call]) => {
    const clock = hurried(1000);
    let drip: NodeJS.Timeout | undefined;
    // Not before: what is asked until then has real time, and is answered without a drop in between.
    const RETR = () => {
      clock.hurry();
      drip ??= setInterval(() => server.say("x"), 4);
      return { say: "+OK\r\nSubject: ", after: "silence" } as const;
    };
    const { server, open } = await served(mixed, { answers: { RETR } });
    const mailbox = await open(clock.onTime);
    const failure = await failureOf(call(mailbox)).finally(() => clearInterval(drip));
    expect(failure).toMatchObject({ code: "upstream-timeout", details: { upstream: { phase: "RETR" } } });
    await mailbox.unfinished;
    expect(mailbox.dead).toBe(true);
  },
);

describe("a message's octets", () => {
  const ranges: ByteRange[] = [
    { start: 0, end: 0 },
    { start: 0, end: Infinity },
    { start: 7, end: 7 },
    { start: 100, end: 70_000 },
    { start: mixed.length - 1, end: mixed.length - 1 },
    { start: mixed.length - 10, end: mixed.length + 100 },
    { start: 0, end: mixed.length - 1 },
  ];

  test("come whole and in ranges, several out of one session", async () => {
    const mailbox = await (await served()).open();
    const whole = await mailbox.openRaw(place);
    expect(whole.size).toBe(mixed.length);
    expect(await text(whole.stream)).toBe(mixed);
    for (const range of ranges) {
      const { size, stream } = await mailbox.openRaw(place, range);
      expect(size).toBe(mixed.length);
      expect(await text(stream)).toBe(mixed.slice(range.start, range.end + 1));
    }
    expect(mailbox.dead).toBe(false);
  });

  test("beyond the end are range-not-satisfiable, and the session lives on", async () => {
    const { open, asked } = await served();
    const mailbox = await open();
    const beyond = await failureOf(mailbox.openRaw(place, { start: mixed.length, end: mixed.length }));
    expect(beyond).toMatchObject({ code: "range-not-satisfiable", details: { extra: { size: mixed.length } } });
    expect((await mailbox.get(place, {})).summary.place).toEqual(place);
    const nonsense = [
      { start: -1, end: 5 },
      { start: 5, end: 4 },
      { start: 0.5, end: 2 },
      { start: 0, end: Number.NaN },
    ];
    const lines = await asked(async (one) => {
      for (const range of nonsense) {
        expect((await failureOf(one.openRaw(place, range))).code).toBe("range-not-satisfiable");
      }
    });
    expect(lines.filter((line) => line.startsWith("RETR"))).toEqual([]);
    for (const range of nonsense) {
      expect((await failureOf(attachmentOf(mailbox, place, "2", range))).code).toBe("range-not-satisfiable");
    }
    expect(mailbox.dead).toBe(false);
  });

  test("end where the message does that has no line end at its end", async () => {
    const raw = "Subject: a\r\n\r\nno end";
    const mailbox = await (await served(raw)).open();
    const { size, stream } = await mailbox.openRaw(place);
    expect([size, await text(stream)]).toEqual([raw.length, raw]);
    expect((await mailbox.get(place, { bodies: true })).summary.size).toBe(raw.length);
    const beyond = mailbox.openRaw(place, { start: raw.length, end: Infinity });
    expect((await failureOf(beyond)).code).toBe("range-not-satisfiable");
  });

  test("of an empty message are none", async () => {
    const mailbox = await (await served("")).open();
    const { size, stream } = await mailbox.openRaw(place);
    expect([size, await text(stream)]).toEqual([0, ""]);
    expect((await failureOf(attachmentOf(mailbox, place, "1"))).code).toBe("not-found");
  });

  test("hold the session until they are read or left", async () => {
    const { open } = await served();
    const mailbox = await open();
    const { stream } = await mailbox.openRaw(place);
    let listed = false;
    const listing = mailbox.list("INBOX", { limit: 5, after: null }).then(() => (listed = true));
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    expect(mailbox.unfinished).not.toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(listed).toBe(false);
    await iterator.return?.();
    await listing;
    expect(mailbox.unfinished).toBeNull();
    expect(mailbox.dead).toBe(false);
  });

  test("that nobody begins to read are left like others", async () => {
    const mailbox = await (await served()).open();
    const opening = [async () => (await mailbox.openRaw(place)).stream, () => attachmentOf(mailbox, place, "2")];
    for (const open of opening) {
      const stream = await open();
      await stream[Symbol.asyncIterator]().return?.();
      expect((await mailbox.status("INBOX")).messages).toBe(2);
    }
  });

  test("are not waited for when a range ends before the message does", async () => {
    // The rest never comes.
    const { open } = await served(mixed, {
      answers: { RETR: { say: `+OK\r\n${mixed.slice(0, 5000)}`, after: "silence" } },
    });
    const mailbox = await open(hurried(20));
    const { stream } = await mailbox.openRaw(place, { start: 10, end: 19 });
    expect(await text(stream)).toBe(mixed.slice(10, 20));
    await mailbox.unfinished;
    expect(mailbox.dead).toBe(true);
  });
});

describe("an attachment", () => {
  const pdf = mixed.slice(mixed.indexOf("QUFB"), mixed.lastIndexOf("QUFB") + 4);
  const parts = { "2": pdf, "3": "Subject: inner\r\n\r\ninner", "4": "" };

  test.for(Object.entries(parts))("%s is what stands between its boundaries", async ([section, expected]) => {
    const mailbox = await (await served()).open();
    expect(await text(await attachmentOf(mailbox, place, section))).toBe(expected);
    expect(mailbox.dead).toBe(false);
  });

  test("comes in ranges of its encoded octets", async () => {
    const mailbox = await (await served()).open();
    for (const range of [
      { start: 0, end: 3 },
      { start: 70_000, end: 90_000 },
      { start: pdf.length - 1, end: Infinity },
      { start: pdf.length, end: Infinity },
    ]) {
      expect(await text(await attachmentOf(mailbox, place, "2", range))).toBe(pdf.slice(range.start, range.end + 1));
    }
  });

  test("that the message has not is not-found, and what is no section is not sent", async () => {
    const { open, asked } = await served();
    const mailbox = await open();
    for (const section of ["1", "3.1", "5", "1.1", "2.1", "9.9.9"]) {
      expect((await failureOf(attachmentOf(mailbox, place, section))).code).toBe("not-found");
    }
    expect(mailbox.dead).toBe(false);
    const lines = await asked(async (one) => {
      for (const section of ["", "1] X", "0", "1.", "TEXT", "1.HEADER"]) {
        expect((await failureOf(attachmentOf(one, place, section))).code).toBe("validation-failed");
      }
    });
    expect(lines.filter((line) => line.startsWith("RETR"))).toEqual([]);
  });

  test("is told of and read by one RETR, and left where nothing is wanted of it", async () => {
    const { asked, open } = await served();
    const mailbox = await open();
    const facts = {
      section: "2",
      contentType: "application/pdf",
      encoding: "base64",
      disposition: "attachment",
      filename: "a.pdf",
      encodedSize: null,
    };
    const lines = await asked(async (one) => {
      const { part, stream } = await one.openAttachment(place, "2");
      expect(part).toMatchObject(facts);
      expect(stream && (await text(stream))).toBe(pdf);
    });
    expect(lines.filter((line) => line.startsWith("RETR"))).toEqual(["RETR 2"]);
    const seen: unknown[] = [];
    const left = await mailbox.openAttachment(place, "2", (part) => (seen.push(part), null));
    expect(left).toMatchObject({ part: facts, stream: null });
    expect(seen).toEqual([left.part]);
    const refusing = () => {
      throw new Failure("range-not-satisfiable", "no");
    };
    expect((await failureOf(mailbox.openAttachment(place, "2", refusing))).code).toBe("range-not-satisfiable");
    expect((await mailbox.status("INBOX")).messages).toBe(2);
  });

  const alternative = (first: string): string =>
    [
      "Content-Type: multipart/alternative; boundary=x",
      "",
      "--x",
      "Content-Type: text/plain; charset=utf-8",
      "",
      first,
      "--x",
      "Content-Type: text/plain; charset=latin1",
      "",
      "chosen",
      "--x--",
      "",
    ].join("\r\n");

  test("may be a text that only what follows makes one: it is held, and read again where it is long", async () => {
    for (const [first, retrs] of [
      ["short", 1],
      ["0123456789abcde\r\n".repeat(300_000), 2],
    ] as const) {
      const { asked } = await served(alternative(first));
      const lines = await asked(async (mailbox) => {
        expect((await text(await attachmentOf(mailbox, place, "1"))) === first).toBe(true);
        expect(mailbox.dead).toBe(false);
      });
      expect(lines.filter((line) => line.startsWith("RETR"))).toHaveLength(retrs);
    }
  });

  test("comes as it is read, before the message has come to its end", async () => {
    const upTo = mixed.indexOf("QUFB") + 5000;
    const { open } = await served(mixed, {
      answers: { RETR: { say: `+OK\r\n${mixed.slice(0, upTo)}`, after: "silence" } },
    });
    const mailbox = await open();
    const stream = (await attachmentOf(mailbox, place, "2"))[Symbol.asyncIterator]();
    const first = await stream.next();
    expect(Buffer.from(first.done === true ? [] : first.value).toString()).toMatch(/^QUFBQUFB/);
    await stream.return?.();
    await mailbox.close();
  });
});

test("messages whose LIST the server refuses are message-gone", async () => {
  const { open } = await served(mixed, {
    answers: { LIST: (line) => (line === "LIST 2" ? "-ERR no such message\r\n" : multiLine("")) },
  });
  expect((await failureOf((await open()).openRaw(place))).code).toBe("message-gone");
});
