import { describe, expect, test } from "vitest";
import { parsedBodies } from "../../src/mime/asked-parts.ts";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { readMessage } from "../../src/mime/read-message.ts";
import { corpus } from "../corpus/all.ts";
import { chunked, randomFrom } from "./random.ts";

const mebi = 1024 * 1024;

async function* piecewise(text: string): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text, "latin1");
  for (let at = 0; at < octets.length; at += 50_000) yield octets.subarray(at, at + 50_000);
}

describe("what a whole message tells", () => {
  test.each(corpus)("$name", async ({ raw }) => {
    const { structure, header, bodies, size } = await readMessage(chunked(raw, randomFrom(raw.length), 500));
    const whole = parseRaw(raw);
    const octets = (all: typeof bodies) => all.map((body) => ({ ...body, bytes: Buffer.from(body.bytes) }));
    expect(structure).toEqual(whole.structure);
    expect(octets(bodies)).toEqual(octets(parsedBodies(whole)));
    expect(size).toBe(raw.length);
    expect(Buffer.from(header).equals(raw.subarray(0, header.length))).toBe(true);
  });
});

const open = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
const text = (octets: number, type = "text/plain") => `\r\n--b\r\nContent-Type: ${type}\r\n\r\n${"x".repeat(octets)}`;
const cuts = async (raw: string) =>
  (await readMessage(piecewise(raw))).bodies.map(({ bytes, truncated }) => [bytes.length, truncated]);

describe("what is kept of the texts", () => {
  test("4 MiB of each", async () =>
    expect(await cuts(open + text(5 * mebi) + text(4 * mebi) + text(7))).toEqual([
      [4 * mebi, true],
      [4 * mebi, false],
      [7, false],
    ]));

  test("16 MiB of all", async () =>
    expect(await cuts(open + text(5 * mebi).repeat(4) + text(7))).toEqual([
      ...Array.from({ length: 4 }, () => [4 * mebi, true]),
      [0, true],
    ]));

  test("nothing of files and of other messages: they take no room", async () => {
    const file = text(5 * mebi, "text/plain\r\nContent-Disposition: attachment");
    const message = text(5 * mebi, "message/rfc822\r\n\r\nContent-Type: text/plain");
    expect(await cuts(open + (file + message).repeat(4) + text(7))).toEqual([[7, false]]);
  });

  test("of a multipart that is none, all of it", async () =>
    expect(await cuts(`${open}hello\r\n`)).toEqual([[7, false]]));
});

test("a source that fails makes the reading fail", async () => {
  async function* cut(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("A: b\r\n\r\nx");
    throw new Error("cut");
  }
  await expect(readMessage(cut())).rejects.toThrow("cut");
});

test("of 200 MB not more than some are in memory", async () => {
  const block = Buffer.alloc(64 * 1024, "QUJD\r\n");
  const held = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = held();
  let most = 0;
  async function* message(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${open}--b\r\nContent-Type: text/html\r\n\r\n`);
    for (let at = 0; at < 100e6; at += block.length) yield block;
    yield Buffer.from("\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (let at = 0; at < 100e6; at += block.length) {
      most = Math.max(most, held() - before);
      yield block;
    }
    yield Buffer.from("\r\n--b--\r\n");
  }
  const { size, bodies } = await readMessage(message());
  expect(size).toBeGreaterThan(200e6);
  expect(bodies).toMatchObject([{ truncated: true }]);
  expect(most).toBeLessThan(48 * mebi);
});
