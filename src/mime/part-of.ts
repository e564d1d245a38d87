import { Failure } from "../errors.ts";
import type { Part } from "../mail/part.ts";
import { leavable } from "./leavable.ts";
import { makeOctetPile, type OctetPile } from "./octet-pile.ts";
import { type MessageScan, scanMessage } from "./scan-message.ts";

/** Octets of a part that are held until it is known whether it is meant. */
const maxHeld = 4 * 1024 * 1024;

/** A part whose header has gone by, and its octets as they are encoded; null where they have gone by too, and were too many to be held. */
type PartFound = { part: Part; octets: AsyncIterableIterator<Uint8Array> | null };

/**
 * Finds one part of a raw message as that arrives, and cuts it out in constant memory: `message` is asked for a chunk only
 * when one of the part is, and what is given are views of its chunks. It is left as soon as the part has ended, or the reader
 * leaves; who does not read leaves it himself. Fails `not-found` at the end of a message that has no such part, or one that
 * is not meant.
 *
 * @param section as IMAP numbers parts (RFC 9051 §6.4.5.1); a message/rfc822 is given whole, a multipart is none
 * @param isMeant told of the part when its body begins, in a tree that ends there, and again at the message's end, in the
 * whole tree, where it was not meant at first: what follows a text may make a file of it
 */
export async function partOf(
  message: AsyncIterable<Uint8Array>,
  section: string,
  isMeant: (structure: Part, part: Part) => boolean,
): Promise<PartFound> {
  const source = message[Symbol.asyncIterator]();
  const cut = cutOut(section, isMeant);
  while (!cut.isSure) {
    const step = await source.next();
    if (step.done !== true) {
      cut.scan.write(step.value);
      continue;
    }
    const { structure } = cut.scan.end();
    if (!cut.part || !(cut.isSure || isMeant(structure, cut.part))) throw notFound();
    break;
  }
  if (!cut.part) throw notFound();
  if (cut.held.length > 0) cut.octets?.push(cut.held.take());
  const octets = leavable({ [Symbol.asyncIterator]: () => source }, (chunks) => rest(chunks, cut));
  return { part: cut.part, octets: cut.octets && octets };
}

/** A part on its way. */
type Cut = {
  scan: MessageScan;
  part: Part | null;
  /** Whether it was meant as soon as it was found. */
  isSure: boolean;
  isOver: boolean;
  /** What came of it before it was meant, copied: a server may send it in pieces of one octet. */
  held: OctetPile;
  /** What has come of it since and was not taken; null where too much came before. */
  octets: Uint8Array[] | null;
};

function cutOut(section: string, isMeant: (structure: Part, part: Part) => boolean): Cut {
  const held = makeOctetPile(maxHeld);
  const scan = scanMessage({
    begin(part) {
      if (part.section !== section || cut.part) return;
      cut.part = part;
      cut.isSure = isMeant(scan.structure, part);
    },
    octets(octets) {
      if (!cut.part || cut.isOver || !cut.octets) return;
      if (cut.isSure) cut.octets.push(octets);
      else if (held.length + octets.length > maxHeld) cut.octets = null;
      else held.add(octets);
    },
    end(part) {
      if (part === cut.part) cut.isOver = true;
    },
  });
  const cut: Cut = { scan, part: null, isSure: false, isOver: false, held, octets: [] };
  return cut;
}

async function* rest(chunks: AsyncIterable<Uint8Array>, cut: Cut): AsyncGenerator<Uint8Array> {
  const come = (): Uint8Array[] => cut.octets?.splice(0) ?? [];
  yield* come();
  if (cut.isOver) {
    await chunks[Symbol.asyncIterator]().return?.();
    return;
  }
  for await (const chunk of chunks) {
    cut.scan.write(chunk);
    yield* come();
    if (cut.isOver) return;
  }
  cut.scan.end();
  yield* come();
}

function notFound(): Failure {
  return new Failure("not-found", "The message has no attachment with this id.", {
    fix: "GET the message for its attachments.",
  });
}
