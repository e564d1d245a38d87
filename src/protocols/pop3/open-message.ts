import { withDeadline } from "../../net/deadline.ts";
import { asStored } from "./as-stored.ts";
import type { Call } from "./call.ts";
import { countsRight } from "./counts-right.ts";
import { deadlines } from "./deadline.ts";
import { timedOut } from "./failures.ts";

/** A message's octets as stored, and its size as the server tells it, null where it does not. Fails `message-gone`. */
export async function openMessage(
  call: Call,
  number: number,
): Promise<{ size: number | null; octets: AsyncIterableIterator<Uint8Array> }> {
  const { session, maildrop } = call;
  const size = (await maildrop.sizesOf([number])).get(number) ?? null;
  const octets = await session.retr(number);
  if (size === null) return { size, octets };
  const counted = { size, host: session.host, countsRight: () => countsRight(call, number) };
  return { size, octets: asStored(octets, counted) };
}

/** Waits for what reads a message here. A server that gives it octet by octet is left after a while: `upstream-timeout`. */
export async function inTime<T>(
  { session, clock }: Pick<Call, "session" | "clock">,
  octets: AsyncIterator<Uint8Array>,
  reading: Promise<T>,
): Promise<T> {
  let isLeft = false;
  const leave = (): void => {
    isLeft = true;
    octets.return?.().catch(() => {});
  };
  const late = (): Error => timedOut({ host: session.host, phase: "RETR" });
  const read = await withDeadline(clock, deadlines.whole, reading, leave).catch((error: unknown) => {
    throw isLeft ? late() : error;
  });
  // What was left in the middle looks as if it had come to its end.
  if (isLeft) throw late();
  return read;
}
