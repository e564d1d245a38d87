import type { Part } from "../../src/mail/part.ts";
import { scanMessage } from "../../src/mime/scan-message.ts";

/** What a scan told: the tree, the octets of each part that is no multipart in the tree's order, and all octets. */
export type Scanned = { structure: Part; header: Buffer; bodies: (string | null)[]; octets: string };

export function partsOf(part: Part): Part[] {
  return [part, ...part.children.flatMap(partsOf)];
}

/** A message scanned in these chunks, its bodies put together from nothing but the events. */
export function scanned(chunks: Iterable<Uint8Array>): Scanned {
  const told = new Map<Part, Buffer[]>();
  const open = new Set<Part>();
  const all: Buffer[] = [];
  let size = 0;
  const assertHere = (at: number) => {
    if (at !== size) throw new Error(`told at ${at}, and not at ${size}`);
  };
  const scan = scanMessage({
    begin(part, at) {
      assertHere(at);
      told.set(part, []);
      open.add(part);
    },
    octets(octets) {
      const copy = Buffer.from(octets);
      size += copy.length;
      all.push(copy);
      for (const part of open) told.get(part)?.push(copy);
    },
    end(part, at) {
      assertHere(at);
      if (!open.delete(part)) throw new Error(`${part.section} ends twice`);
    },
  });
  for (const chunk of chunks) scan.write(chunk);
  const { structure, header, size: total } = scan.end();
  if (total !== size || open.size > 0) throw new Error("the message has not ended");
  const bodies = partsOf(structure).map((part) => {
    const pieces = told.get(part);
    return pieces ? Buffer.concat(pieces).toString("latin1") : null;
  });
  return { structure, header: Buffer.from(header), bodies, octets: Buffer.concat(all).toString("latin1") };
}

export function* inChunks(octets: Uint8Array, size: () => number): Generator<Uint8Array> {
  for (let at = 0; at < octets.length;) {
    const length = size();
    yield octets.subarray(at, at + length);
    at += length;
  }
}
