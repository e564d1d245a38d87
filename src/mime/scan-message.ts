import type { Part } from "../mail/part.ts";
import { type Delimiter, type Entity, makeEntities } from "./entities.ts";
import { maxHeaderOctets } from "./headers.ts";
import { makeOctetPile, type OctetPile } from "./octet-pile.ts";

/** RFC 2046 §5.1.1 allows 70 characters; longer ones are seen, but of no line more than this, octets. */
const maxDelimiter = 1000;

/** Octets of all header blocks of a message together that are read; a part whose header lies beyond is a plain text. */
const maxHeadersOctets = 8 * maxHeaderOctets;

/** A multipart message whose boundary has not come after so many octets has none: until then nobody knows what it is. */
const maxPreamble = 1024 * 1024;

const dash = 0x2d;
const cr = 0x0d;
const lf = 0x0a;
const lineOfDashes = Buffer.from("\n--");

/**
 * What a message is made of, in its order. `at` counts octets from the message's start. Parts that are multiparts are not
 * told; those inside a message/rfc822 are told between its beginning and its end.
 */
export type MessageEvents = {
  /** The octets from here on are the part's body, as it is encoded. All of the part but its size is known. */
  begin?: (part: Part, at: number) => void;
  /** All of the message, each octet once; a view of what was written. */
  octets?: (octets: Uint8Array) => void;
  /** The octets from here on are no longer the part's. */
  end?: (part: Part, at: number) => void;
};

export type MessageScan = {
  write(chunk: Uint8Array): void;
  /** The tree as far as it is known. */
  readonly structure: Part;
  /** Ends the message. `header` is its raw header block with the empty line, 2 MiB at most; `size` all of its octets. */
  end(): { structure: Part; header: Uint8Array; size: number };
};

/**
 * Reads a message (RFC 5322, RFC 2046) as its octets arrive, in pieces of any size, in constant memory, and says what they
 * are as soon as that is certain: what is held back is a line end and a line of dashes behind it, 1,000 octets at most, and
 * of a multipart message what precedes its first boundary, 1 MiB at most. Up to 16 MiB of header blocks are behind the tree.
 * Never fails: what is broken is read as far as it goes.
 */
export function scanMessage(events: MessageEvents): MessageScan {
  const entities = makeEntities();
  /** Where each part that has begun did so. */
  const starts = new Map<Part, number>();
  /** Octets that were told. */
  let size = 0;

  /** What the line at hand belongs to: "delimiter" is a boundary's own, behind which an entity's header begins. */
  let mode: "delimiter" | "header" | "body" = "header";
  /** Octets of the window up to here were told. A line end is not, as long as the line behind it may be a delimiter. */
  let told = 0;
  let window: Buffer = Buffer.alloc(0);
  /** Octets of the window up to here were looked at; they end with a whole line or inside one. */
  let at = 0;
  let isLineStart = true;

  const header = makeOctetPile(maxHeaderOctets);
  let headersLeft = maxHeadersOctets;
  let rootHeader: Uint8Array | null = null;
  /** Its body begins unless a delimiter does: then the empty line between was the delimiter's, and there is no body. */
  let waiting: Entity | null = null;
  /** What came of a multipart message before its first boundary, as long as there may be none. */
  let preamble: OctetPile | null = null;

  function scan(isEnd: boolean): void {
    while (isLineStart ? readLineStart(isEnd) : readLine());
    const isHeld = isLineStart || entities.isBounded;
    tellTo(isEnd || !isHeld ? window.length : isLineStart ? lineEndBefore(window, at) : openEnd(window));
  }

  /** Finds out what the line is that begins here; false as long as more of it must come. */
  function readLineStart(isEnd: boolean): boolean {
    const delimiter = entities.isBounded ? delimiterAt(isEnd) : null;
    if (delimiter === "unknown") return false;
    if (delimiter && meet(delimiter)) return true;
    const empty = mode === "header" ? emptyLine(window, at) : 0;
    if (empty === null && !isEnd) return false;
    startBody(at);
    isLineStart = false;
    if (!empty) return true;
    header.add(window.subarray(at, at + empty));
    at += empty;
    isLineStart = true;
    endHeader();
    return true;
  }

  /** Goes to the next line that matters; false where it has not come. */
  function readLine(): boolean {
    if (mode === "body") {
      const found = entities.isBounded ? window.indexOf(lineOfDashes, at) : -1;
      at = found < 0 ? Math.max(at, entities.isBounded ? openEnd(window) : window.length) : found + 1;
      isLineStart = found >= 0;
    } else {
      const found = window.indexOf(lf, at);
      const next = found < 0 ? window.length : found + 1;
      if (mode === "header") header.add(window.subarray(at, next));
      at = next;
      isLineStart = found >= 0;
      if (isLineStart) mode = "header";
    }
    return isLineStart;
  }

  function delimiterAt(isEnd: boolean): Delimiter | "unknown" | null {
    for (let dashes = at; dashes < at + 2; dashes++) {
      if (dashes === window.length && !isEnd) return "unknown";
      if (window[dashes] !== dash) return null;
    }
    const found = window.indexOf(lf, at);
    const end = Math.min(found < 0 ? window.length : found + 1, at + maxDelimiter);
    if (found < 0 && end < at + maxDelimiter && !isEnd) return "unknown";
    return entities.delimiterOf(window.toString("latin1", at + 2, end));
  }

  /** RFC 2046 §5.1.1: the line end before a delimiter is its own. False when it comes too late to be one. */
  function meet(delimiter: Delimiter): boolean {
    tellTo(lineEndBefore(window, at));
    if (!entities.isBounded) return false;
    startBody(told);
    if (mode === "header") {
      endHeader();
      startBody(told);
    }
    if (preamble) {
      const held = preamble.take();
      preamble = null;
      tell(held);
    }
    mode = close(delimiter) ? "delimiter" : "body";
    isLineStart = false;
    return true;
  }

  function endHeader(): void {
    headersLeft -= header.length;
    const block = header.take(Math.min(maxHeaderOctets, headersLeft));
    rootHeader ??= block;
    waiting = entities.open(block);
    mode = waiting.body === "message" ? "header" : "body";
  }

  /** Lets the body whose header has been read begin at `from` in the window. */
  function startBody(from: number): void {
    if (!waiting) return;
    const { part, body } = waiting;
    waiting = null;
    tellTo(from);
    if (body !== "parts") begin(part);
    else if (part === entities.root) preamble = makeOctetPile(maxPreamble);
  }

  function begin(part: Part): void {
    starts.set(part, size);
    events.begin?.(part, size);
  }

  function close(delimiter: Delimiter): boolean {
    const { ended, isMore } = entities.close(delimiter);
    for (const part of ended) {
      const start = starts.get(part);
      if (start === undefined) continue;
      starts.delete(part);
      part.encodedSize = size - start;
      events.end?.(part, size);
    }
    return isMore;
  }

  function tellTo(end: number): void {
    if (end <= told) return;
    const octets = window.subarray(told, end);
    told = end;
    tell(octets);
  }

  function tell(octets: Uint8Array): void {
    if (preamble && preamble.length + octets.length <= maxPreamble) return preamble.add(octets);
    if (preamble) giveUp(preamble);
    size += octets.length;
    events.octets?.(octets);
  }

  /** A message whose boundary is nowhere is shown as it stands. */
  function giveUp(held: OctetPile): void {
    preamble = null;
    entities.showAsText();
    begin(entities.root);
    tell(held.take());
  }

  return {
    structure: entities.root,
    write(chunk) {
      const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const held = window.subarray(told);
      at -= told;
      told = 0;
      if (held.length > 0) {
        // What was held back is settled with the start of the chunk, so that not all of that has to be copied.
        window = Buffer.concat([held, octets.subarray(0, 2 * maxDelimiter)]);
        scan(false);
        if (told < held.length) return;
        at -= held.length;
        told -= held.length;
      }
      window = octets;
      scan(false);
    },
    end() {
      scan(true);
      startBody(told);
      while (mode !== "body") {
        endHeader();
        startBody(told);
      }
      if (preamble) giveUp(preamble);
      close({ level: -1, isClose: true });
      return { structure: entities.root, header: rootHeader ?? new Uint8Array(), size };
    },
  };
}

/** Octets of the empty line that begins here, 0 where another one does, null where the octets end too early to tell. */
function emptyLine(octets: Buffer, at: number): number | null {
  if (octets[at] === lf) return 1;
  if (at === octets.length) return null;
  if (octets[at] !== cr) return 0;
  if (at + 1 === octets.length) return null;
  return octets[at + 1] === lf ? 2 : 0;
}

/** Where the line end begins behind which a line starts; at the start of a message there is none. */
function lineEndBefore(octets: Buffer, lineStart: number): number {
  if (octets[lineStart - 1] !== lf) return lineStart;
  return octets[lineStart - 2] === cr ? lineStart - 2 : lineStart - 1;
}

/** Where a line end begins, the first dash behind it included, that may go on in what follows these octets. */
function openEnd(octets: Buffer): number {
  let end = octets.length;
  if (octets[end - 1] === dash && octets[end - 2] === lf) end--;
  if (octets[end - 1] === lf) end--;
  if (octets[end - 1] === cr) end--;
  return end;
}
