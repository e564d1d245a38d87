import type { MessageChange } from "../mail/event.ts";
import type { Flags } from "../mail/flags.ts";
import type { Fact } from "../mail/watch.ts";
import { keyText } from "../mail/id.ts";

/**
 * What a snapshot remembers of one message. `uid` is its UID, or in a maildrop the number of its arrival as Postern counts them;
 * `flags` are bits, `keywords` a digest of all keywords, 0 for none; `key` is the native key (`kind:value`), the maildrop's, or "".
 */
export type Entry = { uid: number; flags: number; keywords: number; key: string };

const bits: readonly (keyof Flags)[] = ["seen", "flagged", "answered", "draft"];

/** A message as a look or a survey tells it, as its snapshot's entry. */
export function entryOf({ uid, flags, keywords, key }: Fact): Entry {
  return { uid, flags: flagBits(flags), keywords: keywordDigest(keywords), key: key === null ? "" : keyText(key) };
}

export function flagBits(flags: Flags): number {
  return bits.reduce((sum, flag, bit) => sum | (flags[flag] ? 1 << bit : 0), 0);
}

/** FNV-1a over the keywords, told apart as IMAP does (not by case, in no order); 32 bits, 0 only for none. */
export function keywordDigest(keywords: string[]): number {
  if (keywords.length === 0) return 0;
  const text = keywords
    .map((keyword) => keyword.toLowerCase())
    .sort()
    .join(" ");
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0 || 1;
}

/** Which system flags two sets of bits don't share. */
export function flagsBetween(one: number, other: number): (keyof Flags)[] {
  return bits.filter((_, bit) => ((one ^ other) & (1 << bit)) !== 0);
}

/** What is not as it was of a message whose entry is another. */
export function changesBetween(before: Entry, after: Entry): MessageChange[] {
  return [
    ...(before.flags === after.flags ? [] : (["flags"] as const)),
    ...(before.keywords === after.keywords ? [] : (["keywords"] as const)),
  ];
}
