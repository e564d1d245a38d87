import { withDeadline } from "../../net/deadline.ts";
import type { Call } from "./call.ts";
import { deadlines } from "./deadline.ts";
import { timedOut } from "./failures.ts";

/** How many messages are read for it at most, and how large they are, octets. */
const most = 3;
const largest = 64 * 1024;

/**
 * Whether LIST counts octets as RETR gives them, shown by another message than this one: of its smallest messages one has a
 * line end at its end and exactly as many octets as LIST tells. False where none shows it. Fails when the line does.
 */
export async function countsRight(call: Call, besides: number): Promise<boolean> {
  const { session, maildrop } = call;
  /** What the server refuses shows nothing. */
  const unlessRefused = <T>(work: Promise<T>): Promise<T | null> =>
    work.catch((error: unknown) => {
      if (session.dead) throw error;
      return null;
    });
  const sizes = await unlessRefused(maildrop.sizesOf(maildrop.numbers));
  const candidates = [...(sizes ?? [])]
    .filter(([number, size]) => number !== besides && size > 0 && size <= largest)
    .sort(([, a], [, b]) => a - b);
  for (const [number, size] of candidates.slice(0, most)) {
    const octets = await unlessRefused(read(call, number, size));
    if (octets?.length === size && octets.subarray(-2).equals(Buffer.from("\r\n"))) return true;
  }
  return false;
}

/** The message, as long as it has no more octets than that; null where it has. */
async function read({ session, clock }: Call, number: number, size: number): Promise<Buffer | null> {
  const octets = await session.retr(number);
  let isLate = false;
  const leave = (): void => {
    isLate = true;
    octets.return?.().catch(() => {});
  };
  const whole = await withDeadline(clock, deadlines.command, collect(octets, size), leave);
  if (isLate) throw timedOut({ host: session.host, phase: "RETR" });
  return whole;
}

async function collect(octets: AsyncIterableIterator<Uint8Array>, size: number): Promise<Buffer | null> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of octets) {
    length += piece.length;
    if (length > size) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
