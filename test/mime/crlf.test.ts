import { expect, test } from "vitest";
import { readCrlf } from "../../src/mime/crlf.ts";

const octets = (text: string): Buffer => Buffer.from(text, "latin1");

async function* cut(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

test.each([
  ["a\nb", "a\r\nb"],
  ["\n", "\r\n"],
  ["\n\n\r\n\n", "\r\n\r\n\r\n\r\n"],
  ["a\r\nb\nc\r\n\nd\n", "a\r\nb\r\nc\r\n\r\nd\r\n"],
  ["a\rb\r\r\n\xff\n", "a\rb\r\r\n\xff\r\n"],
  ["no line end", "no line end"],
  ["", ""],
])("%j becomes %j, however it is cut", async (before, after) => {
  for (const size of [1, 2, 3, 100]) {
    const whole = await readCrlf(cut(octets(before), size), 100);
    expect(Buffer.from(whole ?? "null").toString("latin1")).toBe(after);
  }
});

test("what does not fit once its lines end in CRLF is null, and no more of it is read", async () => {
  expect(await readCrlf(cut(octets("a\nb"), 2), 4)).toHaveLength(4);
  expect(await readCrlf(cut(octets("a\nb"), 2), 3)).toBeNull();
  let read = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; ; read += 1) yield octets("\n\n");
  }
  expect(await readCrlf(endless(), 10)).toBeNull();
  expect(read).toBeLessThan(4);
});

test("10 MiB of line feeds take less than a second", async () => {
  const startedAt = performance.now();
  const feeds = Buffer.alloc(10 * 1024 * 1024, "\n");
  expect((await readCrlf(cut(feeds, 65_536), 20 * 1024 * 1024))?.length).toBe(20 * 1024 * 1024);
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
