import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import type { RangeAsked } from "../../src/mail/range.ts";
import { decodedRange } from "../../src/operations/decoded-range.ts";

const mebi = 1024 * 1024;
const signal = new AbortController().signal;
const part = (encodedSize: number): Part => ({
  section: "2",
  contentType: "a/b",
  parameters: {},
  disposition: null,
  filename: null,
  contentId: null,
  encoding: "base64",
  encodedSize,
  children: [],
});

function setup(content: Buffer, encodedSize = Math.ceil((content.length * 4) / 3)) {
  let read = 0;
  async function* decoded(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += 100_000) {
      const chunk = content.subarray(at, at + 100_000);
      read += chunk.length;
      yield chunk;
    }
  }
  const ask = (asked: RangeAsked) => decodedRange(asked, part(encodedSize), async () => decoded(), signal);
  return { ask, read: () => read };
}

const sha = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");
const small = randomBytes(500_001);
const large = randomBytes(20 * mebi);

test.each<[RangeAsked, number, number]>([
  [{ first: 0, last: 0 }, 0, 0],
  [{ first: 99_999, last: 100_000 }, 99_999, 100_000],
  [{ first: 123_456, last: null }, 123_456, 500_000],
  [{ first: 7, last: 10 ** 14 }, 7, 500_000],
  [{ suffix: 3 }, 499_998, 500_000],
  [{ suffix: 10 ** 14 }, 0, 500_000],
])("of a small part every range is exact: %j", async (asked, start, end) => {
  const held = await setup(small).ask(asked);
  expect(held).toMatchObject({ range: { start, end }, size: small.length });
  expect(sha(held?.octets ?? large)).toBe(sha(small.subarray(start, end + 1)));
});

test("a range outside is told with the size", async () => {
  for (const asked of [{ first: small.length, last: null }, { suffix: 0 }]) {
    const failure = expect.objectContaining({ code: "range-not-satisfiable", details: { extra: { size: 500_001 } } });
    await expect(setup(small).ask(asked)).rejects.toEqual(failure);
  }
  const beyond = { first: large.length, last: large.length + 5 };
  await expect(setup(large).ask(beyond)).rejects.toMatchObject({ details: { extra: { size: large.length } } });
});

test("of a large part a range of known length is read as far as it goes, and no further", async () => {
  const { ask, read } = setup(large);
  const held = await ask({ first: 10 * mebi, last: 10 * mebi + 999_999 });
  expect(held).toMatchObject({ range: { start: 10 * mebi, end: 10 * mebi + 999_999 }, size: null });
  expect(sha(held?.octets ?? small)).toBe(sha(large.subarray(10 * mebi, 10 * mebi + 1_000_000)));
  expect(read()).toBeLessThan(11.2 * mebi);
});

test("a range that runs over the end of a large part is cut there", async () => {
  for (const last of [large.length - 1, large.length, large.length + 1000]) {
    const held = await setup(large).ask({ first: large.length - 1000, last });
    expect(held).toMatchObject({ range: { start: large.length - 1000, end: large.length - 1 }, size: large.length });
    expect(sha(held?.octets ?? small)).toBe(sha(large.subarray(-1000)));
  }
});

test("what can't be said without reading too much is not said", async () => {
  const { ask, read } = setup(large);
  const asked: RangeAsked[] = [
    { first: 5, last: null },
    { suffix: 5 },
    { first: 0, last: 5 * mebi },
    { first: 10 ** 12, last: 10 ** 12 },
  ];
  for (const one of asked) expect(await ask(one)).toBeNull();
  expect(read()).toBe(0);
  expect(await setup(large, 1000).ask({ suffix: 5 })).toBeNull();
});

test("a caller who has left is not read for", async () => {
  const left = new AbortController();
  async function* decoded(): AsyncGenerator<Uint8Array> {
    yield large.subarray(0, 1000);
    left.abort();
    for (;;) yield large.subarray(0, 1000);
  }
  const asked = decodedRange({ first: 8 * mebi, last: 9 * mebi }, part(20 * mebi), async () => decoded(), left.signal);
  await expect(asked).rejects.toMatchObject({ code: "request-timeout" });
});
