import { type SizeLimit, tooLarge } from "./check-limits.ts";

/** Octets of a message that is written in the accepting atomic itself. */
const maxShort = 512 * 1024;

/** A message that was read to its end: `whole` where it is short, else what `write` has written. */
export type ReadDraft = { size: number; whole: Uint8Array | null };

/**
 * Reads the octets of a message; a long one passes through `write`. Fails `message-too-large` at the octet that is one too many, and as the source and
 * `write` do. Leaves the source to the caller.
 */
export async function readDraft(
  source: AsyncIterator<Uint8Array>,
  limit: SizeLimit,
  write: (chunks: AsyncIterable<Uint8Array>) => Promise<unknown>,
): Promise<ReadDraft> {
  let size = 0;
  const next = async (): Promise<Uint8Array | null> => {
    const step = await source.next();
    if (step.done === true) return null;
    size += step.value.length;
    if (size > limit.octets) throw tooLarge(limit);
    return step.value;
  };
  const held: Uint8Array[] = [];
  let heldSize = 0;
  while (heldSize <= maxShort) {
    const chunk = await next();
    if (chunk === null) return { size, whole: held.length === 1 && held[0] ? held[0] : Buffer.concat(held) };
    held.push(chunk);
    heldSize += chunk.length;
  }
  await write(
    (async function* () {
      for (const chunk of held.splice(0)) yield chunk;
      for (let chunk = await next(); chunk !== null; chunk = await next()) yield chunk;
    })(),
  );
  return { size, whole: null };
}
