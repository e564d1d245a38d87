import type { SnapshotChunk } from "../store/rows.ts";
import type { Entry } from "./entry.ts";

/**
 * A folder's snapshot as the database holds it: chunks of entries, ascending by UID. An entry is UID (4 octets), flags (1),
 * keywords (4), length of the key (2) and the key, all numbers big-endian; a key of 16 octets in hex takes 17.
 */

/** Octets of a chunk, about: what a change of one message writes. */
const chunkOctets = 16 * 1024;

const headOctets = 11;
/** The first octet of a key; what follows is hex as octets, or UTF-8. */
const prefixes = ["guid:", "emailId:", "gmail:", "uidl:", "fingerprint:"] as const;
const hexKind = prefixes.length;

export function encodeKey(key: string): Buffer {
  if (key === "") return Buffer.alloc(0);
  const kind = prefixes.findIndex((prefix) => key.startsWith(prefix));
  const value = key.slice(prefixes[kind]?.length ?? 0);
  const hex = kind === 0 && /^(?:[0-9a-f]{2})+$/.test(value);
  return Buffer.concat([Buffer.of(hex ? hexKind : kind), Buffer.from(value, hex ? "hex" : "utf8")]);
}

function decodeKey(octets: Buffer): string {
  const [kind] = octets;
  if (kind === undefined) return "";
  const value = octets.subarray(1);
  return kind === hexKind ? `guid:${value.toString("hex")}` : `${prefixes[kind]}${value.toString("utf8")}`;
}

export function encodeEntries(entries: Entry[]): Uint8Array {
  return Buffer.concat(
    entries.map(({ uid, flags, keywords, key }) => {
      const name = encodeKey(key);
      const head = Buffer.alloc(headOctets);
      head.writeUInt32BE(uid, 0);
      head.writeUInt8(flags, 4);
      head.writeUInt32BE(keywords, 5);
      head.writeUInt16BE(name.length, 9);
      return Buffer.concat([head, name]);
    }),
  );
}

export function decodeEntries(octets: Uint8Array): Entry[] {
  const from = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  const entries: Entry[] = [];
  for (let at = 0; at < from.length;) {
    const end = at + headOctets + from.readUInt16BE(at + 9);
    entries.push({
      uid: from.readUInt32BE(at),
      flags: from.readUInt8(at + 4),
      keywords: from.readUInt32BE(at + 5),
      key: decodeKey(from.subarray(at + headOctets, end)),
    });
    at = end;
  }
  return entries;
}

/** Entries as chunks, numbered from `n` on. */
export function chunksOf(entries: Entry[], n: number): SnapshotChunk[] {
  const chunks: SnapshotChunk[] = [];
  let begun: Entry[] = [];
  let octets = 0;
  for (const entry of entries) {
    const length = headOctets + encodeKey(entry.key).length;
    if (begun.length > 0 && octets + length > chunkOctets) {
      chunks.push({ n: n + chunks.length, entries: encodeEntries(begun) });
      begun = [];
      octets = 0;
    }
    begun.push(entry);
    octets += length;
  }
  if (begun.length > 0) chunks.push({ n: n + chunks.length, entries: encodeEntries(begun) });
  return chunks;
}

/** What has become of a folder's entries. */
export type Edit = { put: Entry[]; remove: Set<number> };

/**
 * The chunks to write and the numbers of those to remove so that the snapshot holds the edit: an entry in the place of the one
 * with its UID, or after all where there is none. Only chunks that the edit touches are in it. Where more than `window` stay,
 * whole chunks of the lowest UIDs are given up.
 */
export function editChunks(
  chunks: SnapshotChunk[],
  edit: Edit,
  window: number,
): { put: SnapshotChunk[]; remove: number[]; after: SnapshotChunk[] } {
  const fresh = new Map(edit.put.map((entry) => [entry.uid, entry]));
  const changed = new Map<number, SnapshotChunk | null>();
  const after: SnapshotChunk[] = [];
  for (const chunk of chunks) {
    const [low, high] = reach(chunk);
    const inReach = (uid: number): boolean => uid >= low && uid <= high;
    if (![...fresh.keys(), ...edit.remove].some(inReach)) {
      after.push(chunk);
      continue;
    }
    const before = decodeEntries(chunk.entries);
    const entries = before
      .filter(({ uid }) => !edit.remove.has(uid))
      .map((entry) => {
        const now = fresh.get(entry.uid) ?? entry;
        fresh.delete(entry.uid);
        return now;
      });
    const next = entries.length === 0 ? null : { n: chunk.n, entries: encodeEntries(entries) };
    changed.set(chunk.n, next);
    if (next) after.push(next);
  }
  const added = [...fresh.values()].filter(({ uid }) => !edit.remove.has(uid)).sort((a, b) => a.uid - b.uid);
  for (const chunk of append(after, added, (chunks.at(-1)?.n ?? -1) + 1)) changed.set(chunk.n, chunk);
  for (const { n } of giveUp(after, window)) changed.set(n, null);

  const stood = new Set(chunks.map(({ n }) => n));
  return {
    put: [...changed.values()].filter((chunk) => chunk !== null),
    remove: [...changed].flatMap(([n, chunk]) => (chunk === null && stood.has(n) ? [n] : [])),
    after,
  };
}

/** Adds entries behind all others, to the last chunk while it has room; the chunks that are new or changed. */
function append(chunks: SnapshotChunk[], added: Entry[], nextNumber: number): SnapshotChunk[] {
  if (added.length === 0) return [];
  const last = chunks.at(-1);
  const isOpen = last !== undefined && last.entries.byteLength < chunkOctets;
  if (isOpen) chunks.pop();
  const made = isOpen
    ? chunksOf([...decodeEntries(last.entries), ...added], last.n).map((chunk, index) =>
        index === 0 ? chunk : { ...chunk, n: nextNumber + index - 1 },
      )
    : chunksOf(added, nextNumber);
  chunks.push(...made);
  return made;
}

function giveUp(chunks: SnapshotChunk[], window: number): SnapshotChunk[] {
  const counts = chunks.map(({ entries }) => countEntries(entries));
  let total = counts.reduce((sum, count) => sum + count, 0);
  let given = 0;
  while (total - (counts[given] ?? Infinity) >= window) {
    total -= counts[given] ?? 0;
    given += 1;
  }
  return chunks.splice(0, given);
}

function countEntries(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let count = 0;
  for (let at = 0; at < octets.byteLength; at += headOctets + view.getUint16(at + 9)) count += 1;
  return count;
}

/** The lowest and the highest UID of a chunk. */
function reach({ entries }: SnapshotChunk): [number, number] {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  let last = 0;
  for (let at = 0; at < entries.byteLength; at += headOctets + view.getUint16(at + 9)) last = at;
  return [view.getUint32(0), view.getUint32(last)];
}

/** The lowest UID of a snapshot; null for an empty one. */
export function lowestUid(chunks: SnapshotChunk[]): number | null {
  const [first] = chunks;
  return first === undefined ? null : reach(first)[0];
}

/** The entries of these UIDs, by UID; only chunks that may hold one are read. */
export function findEntries(chunks: SnapshotChunk[], uids: Iterable<number>): Map<number, Entry> {
  const wanted = new Set(uids);
  const found = new Map<number, Entry>();
  for (const chunk of chunks) {
    const [low, high] = reach(chunk);
    if (![...wanted].some((uid) => uid >= low && uid <= high)) continue;
    for (const entry of decodeEntries(chunk.entries)) if (wanted.has(entry.uid)) found.set(entry.uid, entry);
  }
  return found;
}

/** Which of these keys the snapshot holds, with the UID of the first that carries it. */
export function findKeys(chunks: SnapshotChunk[], keys: string[]): Map<string, number> {
  const wanted = new Set(keys.filter((key) => key !== ""));
  const octets = [...wanted].map(encodeKey);
  const found = new Map<string, number>();
  for (const { entries } of chunks) {
    const held = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
    if (!octets.some((key) => held.includes(key))) continue;
    for (const { uid, key } of decodeEntries(entries)) if (wanted.has(key) && !found.has(key)) found.set(key, uid);
  }
  return found;
}

/** All UIDs of a snapshot, ascending. */
export function uidsOf(chunks: SnapshotChunk[]): number[] {
  return chunks.flatMap(({ entries }) => decodeEntries(entries).map(({ uid }) => uid));
}
