import { brokeProtocol } from "./failures.ts";

/** Servers count wrongly: line ends as one octet, or not the fields that they add, or not at all. */
function mostOf(size: number): number {
  return 4 * size + 64 * 1024 * 1024;
}

/** `countsRight` is asked once the message has come, where its last line end depends on what LIST says. */
export type Counted = { size: number; host: string; countsRight: () => Promise<boolean> };

/**
 * A message as RETR gives it, without the line end that RFC 1939 §3 makes a server put behind a message that does not end with
 * one: two octets more than its size, as LIST tells it. A LIST that is wrong by two says the same, so they go only where the
 * server is shown to count right; else they stay, and none is lost. Fails when there are more than can be.
 */
export function asStored(
  source: AsyncIterableIterator<Uint8Array>,
  { size, host, countsRight }: Counted,
): AsyncIterableIterator<Uint8Array> {
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let octets = 0;
  /** What may be the added line end; null once it is known that there is none. */
  let held: Buffer | null = Buffer.alloc(0);

  /** What of a piece, and of what was held, may be told. */
  function tellable(piece: Uint8Array): Uint8Array {
    octets += piece.length;
    if (held === null || octets <= size) return piece;
    const inside = Math.max(0, piece.length - (octets - size));
    const beyond: Buffer = Buffer.concat([held, piece.subarray(inside)]);
    const mayBeAdded = "\r\n".startsWith(beyond.toString("latin1", 0, 3));
    const told = mayBeAdded ? piece.subarray(0, inside) : held.length === 0 ? piece : beyond;
    held = mayBeAdded ? beyond : null;
    return told;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const step = await source.next();
        if (step.done === true) {
          const last = held;
          held = null;
          if (last === null || last.length === 0) return over;
          return last.length === 2 && (await countsRight()) ? over : { done: false, value: last };
        }
        const told = tellable(step.value);
        if (octets > mostOf(size)) {
          await source.return?.();
          throw brokeProtocol("The mail server's message has no end.", { host, phase: "RETR" });
        }
        if (told.length > 0) return { done: false, value: told };
      }
    },
    async return() {
      held = null;
      await source.return?.();
      return over;
    },
  };
}
