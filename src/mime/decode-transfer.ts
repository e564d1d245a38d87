import { leavable } from "./leavable.ts";
import { decodeQuotedPrintable } from "./quoted-printable.ts";

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 §6) as the octets pass, in constant memory. An encoding that is 7bit, 8bit,
 * binary or unknown passes unchanged. Broken input never fails: octets that mean nothing in base64 are skipped, and what is
 * malformed in quoted-printable stays as it is. Only `bytes` can make it throw.
 */
export function decodeTransfer(encoding: string, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return leavable(bytes, decodeBase64);
    case "quoted-printable":
      return leavable(bytes, decodeQuotedPrintable);
    default:
      return bytes;
  }
}

/** Whether an encoding changes octets, so that how many there are is known only when they have been decoded. */
export function isDecoded(encoding: string): boolean {
  return ["base64", "quoted-printable"].includes(encoding.trim().toLowerCase());
}

/** Characters decoded at a time: short strings die young, long ones pile up until the next full collection. */
const sliceLength = 32 * 1024;

/**
 * RFC 2045 §6.8. Encoded blocks that were joined, each with its padding, come out joined; but behind padding the first line
 * that holds anything else ends the data: it is what a mailing list or a virus scanner has put there.
 */
async function* decodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = "";
  let tail: Tail | null = null;
  for await (const chunk of bytes) {
    const encoded = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const decoded = Buffer.allocUnsafe(
      Math.ceil(((rest.length + (tail?.line.length ?? 0) + chunk.length) * 3) / 4) + 3,
    );
    let length = 0;
    for (let start = 0; start < encoded.length; start += sliceLength) {
      const slice: string = encoded.toString("latin1", start, start + sliceLength);
      const behind: number = tail ? 0 : slice.indexOf("=");
      if (behind >= 0) tail ??= { line: "", isOver: false };
      const text: string = tail === null ? slice : slice.slice(0, behind) + acceptedLines(tail, slice.slice(behind));
      const characters: string = rest + text.replace(/[^A-Za-z0-9+/=]+/g, "");
      const padding = characters.lastIndexOf("=") + 1;
      const end = characters.length - ((characters.length - padding) % 4);
      rest = characters.slice(end);
      for (const block of blocksOf(characters.slice(0, end), padding)) length += decoded.write(block, length, "base64");
    }
    if (length > 0) yield decoded.subarray(0, length);
  }
  const last = rest + (tail && isBase64(tail.line) && !tail.isOver ? tail.line.replace(/\s+/g, "") : "");
  const blocks = blocksOf(last, last.lastIndexOf("=") + 1).map((block) => Buffer.from(block, "base64"));
  const decoded = Buffer.concat(blocks);
  if (decoded.length > 0) yield decoded;
}

/** What follows the first padding: the line that has begun, and whether one has ended the data. */
type Tail = { line: string; isOver: boolean };

/** A line this long is not waited for. */
const maxTailLine = 64 * 1024;

/** The whole lines of a text that are base64; the last, unfinished one waits for more. */
function acceptedLines(tail: Tail, text: string): string {
  if (tail.isOver) return "";
  const lines = (tail.line + text).split("\n");
  tail.line = lines.pop() ?? "";
  if (tail.line.length > maxTailLine) {
    lines.push(tail.line);
    tail.line = "";
  }
  const foreign = lines.findIndex((line) => !isBase64(line));
  if (foreign < 0) return lines.join("");
  tail.isOver = true;
  return lines.slice(0, foreign).join("");
}

function isBase64(line: string): boolean {
  return /^[A-Za-z0-9+/=]*$/.test(line.trim());
}

function blocksOf(characters: string, padding: number): string[] {
  return padding === 0 ? [characters] : characters.split(/=+/);
}
