import type { Since } from "../../mail/watch.ts";

/** Messages of one command. */
const mostAtOnce = 50_000;

/**
 * The known messages of a folder as UID ranges, none of which holds more messages than one command may cover. Empty where
 * nothing is known.
 */
export async function knownRanges(since: Since): Promise<string[]> {
  const { lowest, cursor } = since;
  const highest = cursor.uidNext - 1;
  if (lowest > highest) return [];
  if (Math.min(highest - lowest + 1, cursor.exists) <= mostAtOnce) return [`${lowest}:${highest}`];
  const known = await since.known();
  const starts = known.filter((_, index) => index > 0 && index % mostAtOnce === 0);
  return [lowest, ...starts].map((start, index) => `${start}:${(starts[index] ?? cursor.uidNext) - 1}`);
}
