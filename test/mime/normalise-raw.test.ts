import { PassThrough } from "node:stream";
import DataStream from "nodemailer/lib/smtp-connection/data-stream";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { type NormalisedRaw, normaliseRaw } from "../../src/mime/normalise-raw.ts";
import { chunked, collect, randomFrom } from "./random.ts";

const octets = (text: string): Buffer => Buffer.from(text, "latin1");
const defaults = { messageId: "<given@postern.test>", date: new Date("2026-11-23T07:05:09Z") };
const head = "From: Ann <ann@example.com>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <m@x>\r\n";

async function* cut(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

/** What comes of a message, and what its header said; or the code of why it is refused. */
async function outcome(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ text: string; head: NormalisedRaw["head"] } | string> {
  try {
    const normalised = await normaliseRaw(chunks, defaults);
    return { text: (await collect(normalised.octets)).toString("latin1"), head: normalised.head };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "validation-failed") throw error;
    return error.details.errors?.[0]?.code ?? "?";
  }
}

async function textOf(raw: string): Promise<string> {
  const result = await outcome(cut(octets(raw), 7));
  return typeof result === "string" ? `refused: ${result}` : result.text;
}

describe("the header", () => {
  test("is told as it was, and goes out without Bcc, in its order", async () => {
    const raw =
      "Received: from x\r\n by y\r\nbcc : dan@example.org,\r\n\t=?utf-8?Q?E=C3=A9?= <eve@example.org>\r\nFrom: =?utf-8?Q?Ann=C3=A9?= <ann@example.com>, b@c.d\r\n" +
      "Sender: s@example.com\r\nTo: Bob <bob@example.com>\r\nResent-BCC:\r\n fay@example.org\r\nCc: cat@example.net\r\nTo: x@y.z\r\n" +
      "Subject: =?utf-8?Q?caf=C3=A9?=\r\n more\r\nBcc: gus@example.org\r\nMessage-Id: <own@x>\r\nDate: yesterday\r\nX-Bcc: stays\r\n\r\nBcc: body\r\n";
    const result = await outcome(cut(octets(raw), 5));
    expect(result).toEqual({
      text:
        "Received: from x\r\n by y\r\nFrom: =?utf-8?Q?Ann=C3=A9?= <ann@example.com>, b@c.d\r\nSender: s@example.com\r\n" +
        "To: Bob <bob@example.com>\r\nCc: cat@example.net\r\nTo: x@y.z\r\nSubject: =?utf-8?Q?caf=C3=A9?=\r\n more\r\n" +
        "Message-Id: <own@x>\r\nDate: yesterday\r\nX-Bcc: stays\r\n\r\nBcc: body\r\n",
      head: {
        from: [
          { name: "Anné", email: "ann@example.com" },
          { name: "", email: "b@c.d" },
        ],
        sender: { name: "", email: "s@example.com" },
        to: [
          { name: "Bob", email: "bob@example.com" },
          { name: "", email: "x@y.z" },
        ],
        cc: [{ name: "", email: "cat@example.net" }],
        bcc: [
          { name: "", email: "dan@example.org" },
          { name: "Eé", email: "eve@example.org" },
          { name: "", email: "gus@example.org" },
        ],
        isComplete: true,
        subject: "café more",
        messageId: "<own@x>",
        isAscii: true,
      },
    });
  });

  test("gets Date and Message-ID where it has none, or empty ones", async () => {
    const added = "Date: Mon, 23 Nov 2026 07:05:09 +0000\r\nMessage-ID: <given@postern.test>\r\n\r\nHi\r\n";
    expect(await textOf("From: a@b.c\n\nHi")).toBe(`From: a@b.c\r\n${added}`);
    expect(await textOf("Date: \nMessage-ID:\n \nFrom: a@b.c\n\nHi")).toBe(`From: a@b.c\r\n${added}`);
    const result = await outcome(cut(octets("From: a@b.c\n\n"), 100));
    expect(result).toMatchObject({ head: { messageId: "<given@postern.test>" } });
  });

  test.each([
    ["without an empty line", "From: a@b.c\nDate: x\nMessage-ID: <m@x>"],
    ["with half a line end", "From: a@b.c\r\nDate: x\r\nMessage-ID: <m@x>\r\n\r"],
    ["with CRs", "From: a@b.c\rDate: x\rMessage-ID: <m@x>\r\r"],
  ])("may be all there is, %s", async (_, raw) =>
    expect(await textOf(raw)).toBe("From: a@b.c\r\nDate: x\r\nMessage-ID: <m@x>\r\n\r\n"),
  );

  test("tells what is not ASCII, and who has no address", async () => {
    const utf8 = await outcome(cut(octets(`${head}Subject: caf\xc3\xa9\r\n\r\n`), 100));
    expect(utf8).toMatchObject({ head: { isAscii: false, subject: "café", isComplete: true } });
    expect(await outcome(cut(octets(`${head}Bcc: \xc3\xa9@x.y, Bob\r\n\r\n`), 100))).toMatchObject({
      head: { isAscii: true, isComplete: false, bcc: [{ email: "é@x.y" }] },
    });
    expect(await outcome(cut(octets(`${head}To: undisclosed-recipients:;\r\n\r\n`), 100))).toMatchObject({
      head: { isComplete: true, to: [] },
    });
  });

  test.each([
    ["none", `${head}X: \xe9\r\n\r\nHi`, false],
    ["the first", `${head}\r\n\xe9`, true],
    ["the last", `${head}\r\n${"x".repeat(200_000)}\x80`, true],
  ])("apart, an octet above 127 of the body is told: %s", async (_, raw, isEightBit) => {
    for (const size of [1, 100_000, raw.length]) {
      const normalised = await normaliseRaw(cut(octets(raw), size), defaults);
      await collect(normalised.octets);
      expect(normalised.isEightBit()).toBe(isEightBit);
    }
  });

  test.each([
    ["nothing", "", "from-missing"],
    ["an empty line", "\r\n", "from-missing"],
    ["no From", "To: a@b.c\r\n\r\n", "from-missing"],
    ["a From without an address", "From: Ann\r\n\r\n", "from-missing"],
    ["a From below the empty line", "To: x@y.z\r\n\r\nFrom: a@b.c\r\n", "from-missing"],
    ["two of From", `${head}from: x@y.z\r\n\r\n`, "header-twice"],
    ["two of Subject", `${head}Subject: x\r\nSubject : y\r\n\r\n`, "header-twice"],
    ["an mbox line", `From ann Mon Nov 23\r\n${head}\r\n`, "header-invalid"],
    ["a line that is no field", `${head}no field\r\n\r\n`, "header-invalid"],
    ["a field without a name", `${head}: x\r\n\r\n`, "header-invalid"],
    ["a continuation of nothing", ` x\r\n${head}\r\n`, "header-invalid"],
    ["a NUL", `${head}X: \0\r\n\r\n`, "nul"],
    ["a NUL in the body", `${head}\r\n${"x".repeat(100_000)}\0`, "nul"],
    ["a line of 999 octets", `${head}X: ${"x".repeat(996)}\r\n\r\n`, "header-line-too-long"],
    ["256 KiB", `${head}${`X: ${"x".repeat(900)}\r\n`.repeat(300)}\r\n`, "header-too-long"],
    ["no end", "x".repeat(300_000), "header-too-long"],
    ["1,001 fields", `${head}${"X: y\r\n".repeat(998)}\r\n`, "too-many-fields"],
    ["a Message-ID without brackets", "From: a@b.c\r\nMessage-ID: m@x\r\n\r\n", "message-id-invalid"],
    ["a Message-ID that is not ASCII", "From: a@b.c\r\nMessage-ID: <\xe9@x>\r\n\r\n", "message-id-invalid"],
  ])("is refused with %s", async (_, raw, code) => {
    expect(await outcome(cut(octets(raw), 1000))).toBe(code);
    expect(await outcome(cut(octets(raw), raw.length + 1))).toBe(code);
  });

  test("may have what just fits", async () => {
    const most = `${head}X: ${"x".repeat(995)}\r\n${"X: y\r\n".repeat(996)}\r\n`;
    expect(await textOf(most)).toBe(most);
    const spare = 256 * 1024 - head.length - 2;
    const line = `X: ${"x".repeat(990)}\r\n`;
    const full = line.repeat(Math.floor(spare / line.length));
    const whole = `${head}${full}X:${"y".repeat(spare - full.length - 4)}\r\n\r\n`;
    expect(whole).toHaveLength(256 * 1024);
    expect(await textOf(whole)).toBe(whole);
  });
});

describe("line ends", () => {
  test.each([
    ["a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd\r\n"],
    ["\n\r\n\r\r", "\r\n\r\n\r\n\r\n"],
    ["a\r\r\nb\r\r\r\nc", "a\r\nb\r\n\r\nc\r\n"],
    ["a\n\rb", "a\r\n\r\nb\r\n"],
    ["\xff\x01\x7f", "\xff\x01\x7f\r\n"],
    ["", ""],
  ])("%j becomes %j, however it is cut", async (before, after) => {
    for (let size = 1; size < head.length + before.length + 3; size++) {
      const result = await outcome(cut(octets(`${head}\n${before}`), size));
      expect(result).toMatchObject({ text: `${head}\r\n${after}` });
    }
  });

  test("small messages, cut everywhere in two", async () => {
    const raws = [
      "From: a@b\r\nBcc: x@y\r\n z@y\r\n\r\n.\r\n",
      "From: a@b\rBcc: x@y\r\rBcc: x",
      "Bcc: x@y\nFrom: a@b\n\r\n\r\r\n",
    ];
    for (const raw of raws) {
      const whole = await outcome(cut(octets(raw), 1000));
      expect(whole).not.toMatchObject({ text: expect.stringContaining("x@y") });
      for (let at = 0; at <= raw.length; at++) {
        const halves = async function* () {
          yield octets(raw.slice(0, at));
          yield octets(raw.slice(at));
        };
        expect(await outcome(halves())).toEqual(whole);
      }
    }
  });

  test("random messages in random chunks come out as in one", async () => {
    const random = randomFrom(7);
    const pieces = [
      "\r",
      "\n",
      "\r\n",
      ".",
      "x",
      " ",
      "From: a@b\r\n",
      "Bcc: x@y",
      "\r\n\r\n",
      "To: c@d\n",
      "\xe9",
      "Date: x\r",
      "\0",
    ];
    let sent = 0;
    for (let round = 0; round < 1500; round++) {
      const count = Math.floor(random() * 30);
      const text = Array.from(
        { length: count },
        () => pieces[Math.floor(random() * (pieces.length - (round % 8 ? 1 : 0)))] ?? "",
      );
      const raw = octets(`${round % 3 ? "From: a@b\r\n" : ""}${text.join("")}`);
      const whole = await outcome(cut(raw, 1000));
      expect(await outcome(chunked(raw, random, 1 + (round % 9)))).toEqual(whole);
      if (typeof whole === "string") continue;
      sent++;
      expect(whole.text).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
      expect(whole.text.endsWith("\r\n")).toBe(true);
      expect(whole.text.slice(0, whole.text.indexOf("\r\n\r\n"))).not.toMatch(/^bcc/im);
      // What was made fit is fit.
      expect(await outcome(cut(octets(whole.text), 3))).toMatchObject({ text: whole.text });
    }
    expect(sent).toBeGreaterThan(200);
  });

  test("nothing in a message ends DATA early, whatever a server takes for a line end", async () => {
    const ends = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\r"];
    for (const before of ends) {
      for (const after of ends) {
        const raw = `${head}\r\nfirst${before}.${after}MAIL FROM:<evil@x.y>${before}..${after}${before}.`;
        const { octets: body } = await normaliseRaw(cut(octets(raw), 3), defaults);
        const wire = new DataStream();
        const onWire = collect(wire.pipe(new PassThrough()));
        for await (const chunk of body) wire.write(chunk);
        wire.end();
        const data = (await onWire).toString("latin1");
        expect(data.endsWith("\r\n.\r\n")).toBe(true);
        expect(data.slice(0, -3)).not.toMatch(/[\r\n]\.[\r\n]/);
      }
    }
  });
});

describe("the body", () => {
  test("has its long lines as they are, with a warning", async () => {
    const warned = async (body: string) => {
      const normalised = await normaliseRaw(cut(octets(`${head}\r\n${body}`), 100), defaults);
      const text = (await collect(normalised.octets)).toString("latin1");
      expect(text).toBe(`${head}\r\n${body}\r\n`);
      return normalised.warnings();
    };
    expect(await warned("x".repeat(998))).toEqual([]);
    expect(await warned(`${"x".repeat(998)}\r\n${"x".repeat(998)}`)).toEqual([]);
    expect(await warned("x".repeat(999))).toEqual(["line-too-long"]);
    expect(await warned(`a\r\n${"x".repeat(999)}\r\nb`)).toEqual(["line-too-long"]);
  });

  test("leaves its source when it is left, and when it fails", async () => {
    const source = (text: string) => {
      const state = { isLeft: false };
      const chunks = async function* () {
        try {
          for (;;) yield octets(text);
        } finally {
          state.isLeft = true;
        }
      };
      return { state, chunks: chunks() };
    };
    const refused = source("no field\r\n");
    await expect(normaliseRaw(refused.chunks, defaults)).rejects.toThrow(Failure);
    expect(refused.state.isLeft).toBe(true);

    const left = source(`${head}\r\n`);
    const normalised = await normaliseRaw(left.chunks, defaults);
    await normalised.octets.next();
    await normalised.octets.return?.();
    expect(left.state.isLeft).toBe(true);

    const broken = source(`${head}\r\nx\0`);
    await expect(outcome(broken.chunks)).resolves.toBe("nul");
    expect(broken.state.isLeft).toBe(true);
  });

  test("200 MB pass in flat memory and short time", async () => {
    const piece = octets("a line of text that has a usual length, and another\n".repeat(1200));
    const rounds = Math.ceil((200 * 1024 * 1024) / piece.length);
    async function* large(): AsyncGenerator<Uint8Array> {
      yield octets(`${head}\r\n`);
      for (let n = 0; n < rounds; n++) yield piece;
    }
    const before = process.memoryUsage();
    const startedAt = performance.now();
    let most = 0;
    let size = 0;
    let count = 0;
    for await (const chunk of (await normaliseRaw(large(), defaults)).octets) {
      size += chunk.length;
      if (count++ % 32 === 0) most = Math.max(most, process.memoryUsage().rss - before.rss);
    }
    expect(size).toBeGreaterThan(200 * 1024 * 1024);
    expect(most).toBeLessThan(100 * 1024 * 1024);
    expect(performance.now() - startedAt).toBeLessThan(6000);
  });
});
