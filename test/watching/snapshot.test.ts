import { describe, expect, test } from "vitest";
import type { SnapshotChunk } from "../../src/store/rows.ts";
import type { Entry } from "../../src/watching/entry.ts";
import {
  chunksOf,
  decodeEntries,
  editChunks,
  encodeEntries,
  findEntries,
  findKeys,
  lowestUid,
  uidsOf,
} from "../../src/watching/snapshot.ts";

const guid = (n: number): string => `guid:${n.toString(16).padStart(32, "0")}`;
const entry = (uid: number, flags = 0): Entry => ({ uid, flags, keywords: 0, key: guid(uid) });
const range = (from: number, to: number): Entry[] => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));
const all = (chunks: SnapshotChunk[]): Entry[] => chunks.flatMap(({ entries }) => decodeEntries(entries));

/** The chunks as the database holds them after a write. */
function stored(chunks: SnapshotChunk[], { put, remove }: { put: SnapshotChunk[]; remove: number[] }): SnapshotChunk[] {
  const rows = new Map(chunks.map((chunk) => [chunk.n, chunk]));
  for (const n of remove) rows.delete(n);
  for (const chunk of put) rows.set(chunk.n, chunk);
  return [...rows.values()].sort((a, b) => a.n - b.n);
}

describe("an entry", () => {
  test.each([
    ["no key", ""],
    ["a GUID in hex", guid(4711)],
    ["a GUID that is text", "guid:1700000000.M1P2.host,S=12:2,S"],
    ["a GUID of upper case", "guid:ABCDEF0123456789ABCDEF0123456789"],
    ["an EMAILID", "emailId:M6d99ac3275bb4e"],
    ["a Gmail id", "gmail:1278455344230334865"],
    ["a unique-id", "uidl:0000001a5f00ab12"],
    ["a unique-id that is not ASCII", "uidl:Grüße 1"],
    ["a fingerprint", "fingerprint:1234.abcdef"],
  ])("with %s comes back as it was", (_, key) => {
    const whole = { uid: 0xffffffff, flags: 15, keywords: 0xfffffffe, key };
    expect(decodeEntries(encodeEntries([entry(1), whole]))).toEqual([entry(1), whole]);
  });
});

describe("a snapshot of 100,000 messages", () => {
  const chunks = chunksOf(range(1, 100_000), 0);

  test("is chunks of at most 64 KiB", () => {
    expect(Math.max(...chunks.map(({ entries }) => entries.byteLength))).toBeLessThanOrEqual(64 * 1024);
    expect(uidsOf(chunks)).toHaveLength(100_000);
    expect(lowestUid(chunks)).toBe(1);
  });

  test("a change in one place writes one chunk", () => {
    const { put, remove } = editChunks(chunks, { put: [entry(50_000, 1)], remove: new Set() }, 100_000);
    expect([put.length, remove]).toEqual([1, []]);
    const after = stored(chunks, { put, remove });
    expect(findEntries(after, [49_999, 50_000]).get(50_000)).toEqual(entry(50_000, 1));
    expect(all(after)).toHaveLength(100_000);
  });

  test("a new message writes the last chunk, and the oldest leave by whole chunks", () => {
    const { put, remove, after } = editChunks(chunks, { put: [entry(100_001)], remove: new Set() }, 100_000);
    expect([put.length, remove]).toEqual([1, []]);
    const narrow = editChunks(after, { put: [entry(100_002)], remove: new Set() }, 50_000);
    expect(narrow.put).toHaveLength(1);
    const uids = uidsOf(stored(after, narrow));
    expect(uids.at(-1)).toBe(100_002);
    expect(uids.length).toBeGreaterThanOrEqual(50_000);
    expect(uids.length).toBeLessThan(51_000);
  });

  test("keys are found, and only those", () => {
    const found = findKeys(chunks, [guid(77), guid(99_999), guid(100_001), ""]);
    expect([...found]).toEqual([
      [guid(77), 77],
      [guid(99_999), 99_999],
    ]);
  });
});

test("any edits leave what a plain map of entries would hold, in order, written and in memory alike", () => {
  let seed = 20_261_123;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed % n;
  };
  let rows: SnapshotChunk[] = [];
  const plain = new Map<number, Entry>();
  let uid = 0;
  for (let round = 0; round < 300; round += 1) {
    const known = [...plain.keys()];
    const some = (n: number): number[] =>
      known.length === 0 ? [] : Array.from({ length: random(n) }, () => known[random(known.length)] ?? 0);
    const remove = new Set(some(round % 10 === 0 ? 400 : 20));
    const changed = [...new Set(some(20))].filter((one) => !remove.has(one)).map((one) => entry(one, random(16)));
    const added = Array.from({ length: random(200) }, () => entry((uid += 1 + random(3)), random(16)));
    const edit = editChunks(rows, { put: [...changed, ...added], remove }, Infinity);
    rows = stored(rows, edit);
    expect(edit.after).toEqual(rows);
    for (const one of remove) plain.delete(one);
    for (const one of [...changed, ...added]) plain.set(one.uid, one);
  }
  expect(all(rows)).toEqual([...plain.values()].sort((a, b) => a.uid - b.uid));
});
