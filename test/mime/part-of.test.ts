import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { partOf } from "../../src/mime/part-of.ts";
import { attachments, findPart, isAttachment } from "../../src/mime/walk.ts";
import { corpus } from "../corpus/all.ts";
import { chunked, collect, randomFrom } from "./random.ts";
import { rawMessages } from "./raw-messages.ts";
import { inChunks, partsOf } from "./scanned.ts";

const messages = [
  ...corpus.map(({ name, raw }) => ({ name, raw })),
  ...rawMessages.map(({ name, raw }) => ({ name, raw: Buffer.from(raw, "latin1") })),
];

/** The octets of any part. */
async function octetsOf(
  message: AsyncIterable<Uint8Array>,
  section: string,
): Promise<AsyncIterableIterator<Uint8Array>> {
  const { octets } = await partOf(message, section, () => true);
  if (!octets) throw new Error("the octets have gone by");
  return octets;
}

/** What comes of the part, one character per octet, or the code of its failure. */
async function read(message: AsyncIterable<Uint8Array>, section: string): Promise<string> {
  try {
    return (await collect(await octetsOf(message, section))).toString("latin1");
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Failure) return error.code;
  throw error;
}

/** A source that says how much was taken of it, and whether it was left. */
function source(chunks: Iterable<Uint8Array>) {
  const all = chunks[Symbol.iterator]();
  const state = { taken: 0, isLeft: false };
  const stream: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (state.isLeft) return { done: true, value: undefined };
      const next = all.next();
      if (!next.done) state.taken++;
      return next;
    },
    async return() {
      state.isLeft = true;
      return { done: true, value: undefined };
    },
  };
  return { state, stream };
}

const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("every part, however the message is cut", () => {
  test.each(messages)("$name", async ({ raw }) => {
    const random = randomFrom(raw.length);
    const { structure, bodyOf } = parseRaw(raw);
    const sections = new Set(partsOf(structure).map(({ section }) => section));
    for (const section of [...sections].slice(0, 120)) {
      const part = findPart(structure, section);
      const octets = part && bodyOf(part);
      const wanted = octets ? Buffer.from(octets).toString("latin1") : "not-found";
      expect(await read(chunked(raw, random, 300), section)).toBe(wanted);
    }
  });
});

const mixed = latin1(
  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
    "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ntwo\r\n--c--\r\n" +
    "\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTogYgoK\r\n--b--\r\n",
);

test.each([
  ["1", "one"],
  ["2", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ntwo\r\n--c--\r\n"],
  ["2.1", "two"],
  ["3", "QTogYgoK"],
  ["", null],
  ["3.1", null],
  ["4", null],
  ["1.1", null],
])("section %j (RFC 9051 §6.4.5.1)", async (section, text) =>
  expect(await read(inAsync(mixed), section)).toBe(text ?? "not-found"),
);

async function* inAsync(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

describe("the source", () => {
  const octets = () => inChunks(mixed, () => 10);
  const count = Math.ceil(mixed.length / 10);

  test("is asked only for what the reader takes, and is left when the part has ended", async () => {
    const { state, stream } = source(octets());
    const part = await octetsOf(stream, "1");
    const { taken: first } = state;
    expect(first).toBeLessThan(count / 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state.taken).toBe(first);
    expect(Buffer.from((await part.next()).value ?? []).toString()).toBe("one");
    const { taken } = state;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state).toEqual({ taken, isLeft: false });
    expect(await part.next()).toEqual({ done: true, value: undefined });
    expect(state.isLeft).toBe(true);
    expect(state.taken).toBeLessThan(taken + 3);
  });

  test("is left behind a part that came whole with its header, and is asked for no more", async () => {
    const { state, stream } = source(inChunks(mixed, () => 100));
    expect(String(await collect(await octetsOf(stream, "1")))).toBe("one");
    expect(state).toEqual({ taken: 1, isLeft: true });
  });

  test("is left when the reader leaves, before it began and in the middle", async () => {
    const unread = source(octets());
    await (await octetsOf(unread.stream, "2")).return?.();
    expect(unread.state.isLeft).toBe(true);
    expect(unread.state.taken).toBeLessThan(count / 2);

    const begun = source(octets());
    for await (const _ of await octetsOf(begun.stream, "2")) break;
    expect(begun.state.isLeft).toBe(true);
    expect(begun.state.taken).toBeLessThan(count / 2);
  });

  test("that is left while it is waited for ends the part", async () => {
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array>>();
    const over: IteratorResult<Uint8Array> = { done: true, value: undefined };
    const chunks = inChunks(mixed.subarray(0, mixed.indexOf("one") + 2), () => 10);
    const silent: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        const { done, value } = chunks.next();
        return done === true ? promise : { done: false, value };
      },
      async return() {
        resolve(over);
        return over;
      },
    };
    const part = await octetsOf(silent, "1");
    expect(String((await part.next()).value)).toBe("on");
    const next = part.next();
    await part.return?.();
    expect(await next).toEqual(over);
    expect(await part.next()).toEqual(over);
  });

  test("that fails makes the part fail", async () => {
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield mixed.subarray(0, 90);
      throw new Error("cut");
    }
    await expect(octetsOf(cut(), "2")).rejects.toThrow("cut");
    await expect(octetsOf(cut(), "1").then(collect)).resolves.toHaveLength(3);
    async function* cutInside(): AsyncGenerator<Uint8Array> {
      yield mixed.subarray(0, mixed.indexOf("one") + 1);
      throw new Error("cut inside");
    }
    await expect(octetsOf(cutInside(), "1").then(collect)).rejects.toThrow("cut inside");
  });
});

test("a message that ends inside the part gives what there is", async () => {
  const raw = latin1("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b");
  expect(String(await collect(await octetsOf(inAsync(raw.subarray(0, -1)), "1")))).toBe("one\r\n--");
});

test("of 200 MB not more than some are in memory", async () => {
  const line = latin1(`${"QUJD".repeat(19)}\r\n`);
  const block = Buffer.concat(Array.from({ length: 800 }, () => line));
  const head = latin1("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n");
  async function* message(): AsyncGenerator<Uint8Array> {
    yield head;
    for (let at = 0; at < 200e6; at += block.length) yield block;
    yield latin1("--b--\r\n");
  }
  const held = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = held();
  let most = 0;
  let octets = 0;
  for await (const piece of await octetsOf(message(), "1")) {
    octets += piece.length;
    most = Math.max(most, held() - before);
  }
  expect(octets).toBe(Math.ceil(200e6 / block.length) * block.length - 2);
  expect(most).toBeLessThan(32 * 1024 * 1024);
});

describe("an attachment, and nothing else", () => {
  test.each(messages)("$name", async ({ raw }) => {
    const random = randomFrom(raw.length);
    const { structure, bodyOf } = parseRaw(raw);
    const ids = new Set(attachments(structure).map(({ id }) => id));
    const sections = [...new Set(partsOf(structure).map(({ section }) => section))].slice(0, 120);
    const find = (section: string) => partOf(chunked(raw, random, 300), section, isAttachment);
    for (const section of sections.filter((one) => !ids.has(`att_${one}`)))
      expect([section, await find(section).catch(codeOf)]).toEqual([section, "not-found"]);
    for (const section of sections.filter((one) => ids.has(`att_${one}`))) {
      const found = await find(section);
      const part = findPart(structure, section);
      if (!found.octets || !part) throw new Error(`${section} has gone by`);
      const octets = await collect(found.octets);
      expect(octets.equals(bodyOf(part) ?? new Uint8Array())).toBe(true);
      const { encodedSize, children, ...facts } = part;
      expect([found.part, octets.length, children.length]).toMatchObject([
        facts,
        encodedSize,
        found.part.children.length,
      ]);
    }
  });
});

describe("a text that only what follows makes a file", () => {
  const texts = (first: string): Buffer =>
    latin1(
      "Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
        `--b\r\n\r\n${first}\r\n--b\r\n\r\nsecond\r\n--b--\r\n`,
    );

  test("is held until that is known", async () => {
    const { octets } = await partOf(inAsync(texts("first")), "1", isAttachment);
    expect(String(await collect(octets ?? inAsync(latin1("nothing"))))).toBe("first");
    await expect(partOf(inAsync(texts("first")), "2", isAttachment)).rejects.toMatchObject({ code: "not-found" });
  });

  test("is not held where it is long", async () => {
    const raw = texts("long\r\n".repeat(1_000_000));
    const { part, octets } = await partOf(chunked(raw, randomFrom(1), 100_000), "1", isAttachment);
    expect([part.contentType, octets]).toEqual(["text/plain", null]);
  });
});
