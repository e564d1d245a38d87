import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { RangeAsked } from "../../src/mail/range.ts";
import { collect } from "../mime/random.ts";
import { decodedRange } from "../../src/operations/decoded-range.ts";

const mebi = 1024 * 1024;
const signal = new AbortController().signal;

function setup(content: Buffer, encodedSize: number | null = Math.ceil((content.length * 4) / 3)) {
  let read = 0;
  let isLeft = false;
  async function* decoded(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < content.length; at += 100_000) {
        const chunk = content.subarray(at, at + 100_000);
        read += chunk.length;
        yield chunk;
      }
    } finally {
      isLeft = true;
    }
  }
  const ask = async (asked: RangeAsked) => {
    const found = await decodedRange(asked, decoded(), encodedSize, signal);
    return "whole" in found ? { ...found, octets: null } : found;
  };
  return { ask, read: () => read, isLeft: () => isLeft };
}

const sha = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");
const small = randomBytes(500_001);
const large = randomBytes(20 * mebi);

const ofSmall: [RangeAsked, number, number][] = [
  [{ first: 0, last: 0 }, 0, 0],
  [{ first: 99_999, last: 100_000 }, 99_999, 100_000],
  [{ first: 123_456, last: null }, 123_456, 500_000],
  [{ first: 7, last: 10 ** 14 }, 7, 500_000],
  [{ suffix: 3 }, 499_998, 500_000],
  [{ suffix: 10 ** 14 }, 0, 500_000],
];
test.each(ofSmall)("of a small part every range is exact: %j", async (asked, start, end) => {
  for (const encodedSize of [undefined, null]) {
    const { ask, isLeft } = setup(small, encodedSize);
    const held = await ask(asked);
    expect(held).toMatchObject({ range: { start, end }, size: small.length });
    expect(sha(held.octets ?? large)).toBe(sha(small.subarray(start, end + 1)));
    expect(isLeft()).toBe(true);
  }
});

test("a range outside is told with the size", async () => {
  for (const asked of [{ first: small.length, last: null }, { suffix: 0 }]) {
    const failure = expect.objectContaining({ code: "range-not-satisfiable", details: { extra: { size: 500_001 } } });
    await expect(setup(small).ask(asked)).rejects.toEqual(failure);
  }
  const beyond = { first: large.length, last: large.length + 5 };
  await expect(setup(large).ask(beyond)).rejects.toMatchObject({ details: { extra: { size: large.length } } });
});

test.each([undefined, null])(
  "of a large part a range of known length is read as far as it goes, and no further (%s)",
  async (encodedSize) => {
    const { ask, read, isLeft } = setup(large, encodedSize);
    const held = await ask({ first: 10 * mebi, last: 10 * mebi + 999_999 });
    expect(held).toMatchObject({ range: { start: 10 * mebi, end: 10 * mebi + 999_999 }, size: null });
    expect(sha(held.octets ?? small)).toBe(sha(large.subarray(10 * mebi, 10 * mebi + 1_000_000)));
    expect(read()).toBeLessThan(11.2 * mebi);
    expect(isLeft()).toBe(true);
  },
);

test.each([
  [0, 0],
  [4 * mebi - 7, 4 * mebi + 7],
  [3 * mebi, 7 * mebi],
  [100, 4 * mebi + 100],
])("of a large part whose size nobody tells the range %i to %i", async (first, last) => {
  const { ask, read } = setup(large, null);
  const held = await ask({ first, last });
  expect(held).toMatchObject({ range: { start: first, end: last }, size: null });
  expect(sha(held.octets ?? small)).toBe(sha(large.subarray(first, last + 1)));
  expect(read()).toBeLessThan(Math.max(last, 4 * mebi) + 200_001);
});

test("a range that runs over the end of a large part is cut there", async () => {
  for (const encodedSize of [undefined, null])
    for (const last of [large.length - 1, large.length, large.length + 1000]) {
      const held = await setup(large, encodedSize).ask({ first: large.length - 1000, last });
      expect(held).toMatchObject({ range: { start: large.length - 1000, end: large.length - 1 }, size: large.length });
      expect(sha(held.octets ?? small)).toBe(sha(large.subarray(-1000)));
    }
});

test("what can't be said without reading too much is answered with the whole", async () => {
  const asked: RangeAsked[] = [
    { first: 5, last: null },
    { suffix: 5 },
    { first: 0, last: 5 * mebi },
    { first: 10 ** 12, last: 10 ** 12 },
  ];
  // Told, not told, and told wrongly.
  for (const encodedSize of [undefined, null, 1000])
    for (const one of asked) {
      const { ask, read, isLeft } = setup(large, encodedSize);
      const found = await ask(one);
      if (!("whole" in found)) throw new Error("a range was told");
      expect(read()).toBeLessThan(encodedSize === undefined ? 1 : 4.2 * mebi);
      expect(isLeft()).toBe(false);
      expect(sha(await collect(found.whole))).toBe(sha(large));
    }
});

test("the whole that nobody reads is left like any other", async () => {
  const { ask, isLeft } = setup(large, null);
  const found = await ask({ suffix: 5 });
  if (!("whole" in found)) throw new Error("a range was told");
  await found.whole[Symbol.asyncIterator]().return?.();
  expect(isLeft()).toBe(true);
});

test("a caller who has left is not read for", async () => {
  const left = new AbortController();
  async function* decoded(): AsyncGenerator<Uint8Array> {
    yield large.subarray(0, 1000);
    left.abort();
    for (;;) yield large.subarray(0, 1000);
  }
  const asked = decodedRange({ first: 8 * mebi, last: 9 * mebi }, decoded(), 20 * mebi, left.signal);
  await expect(asked).rejects.toMatchObject({ code: "request-timeout" });
});
