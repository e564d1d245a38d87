import { eq } from "drizzle-orm";
import { createHash } from "node:crypto";
import type { Handle } from "../../src/store/handle.ts";

/** `size` octets, all values among them, the same ones each time. */
export function bytesOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    bytes[i] = state >> 16;
  }
  return bytes;
}

/** The octets in pieces of at most `piece`. */
export async function* streamOf(bytes: Uint8Array, piece = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<{ sha256: string; sizes: number[] }> {
  const hash = createHash("sha256");
  const sizes: number[] = [];
  for await (const chunk of stream) {
    hash.update(chunk);
    sizes.push(chunk.length);
  }
  return { sha256: hash.digest("hex"), sizes };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** How many rows of each table belong to the account. */
export async function countsOf(handle: Handle, accountId: string) {
  const { folders, placements, splitKeys, intents, maildropHeaders, maildropFlags, blobs, submissions, uploads } =
    handle.tables;
  const { watches, watchFolders, folderSnapshots, heldKeys } = handle.tables;
  const counted = {
    folders,
    placements,
    splitKeys,
    intents,
    maildropHeaders,
    maildropFlags,
    blobs,
    submissions,
    uploads,
  };
  const watched = { watches, watchFolders, folderSnapshots, heldKeys };
  const counts: Record<string, number> = {};
  for (const [name, table] of Object.entries({ ...counted, ...watched })) {
    const rows = await handle.read((db) =>
      db.select({ id: table.accountId }).from(table).where(eq(table.accountId, accountId)),
    );
    counts[name] = rows.length;
  }
  return counts;
}
