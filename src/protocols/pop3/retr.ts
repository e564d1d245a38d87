import { demandOf } from "./demand.ts";
import type { Body } from "./dialog.ts";
import type { Session } from "./session.ts";

/**
 * RETR (RFC 1939 §5): a message's octets as the server stores them, exact. It is read from the network only as fast as it is
 * taken, and the session waits for its end; left early, the rest is read off or the connection goes. It fails, and never just
 * ends, when the line does. `message-gone`.
 */
export async function retr(session: Session, number: number): Promise<AsyncIterableIterator<Uint8Array>> {
  const giveBack = await session.takeTurn();
  try {
    await demandOf(session.dialog, "RETR", number);
  } catch (error) {
    giveBack();
    throw error;
  }
  return lent(session, session.dialog.body(), giveBack);
}

/** Not a generator: one that nobody has begun to read would not hear that it is left. */
function lent({ abandon }: Session, body: Body, giveBack: () => void): AsyncIterableIterator<Uint8Array> {
  let isOver = false;
  /** A piece that somebody waits for: it may come after the stream was left. */
  let coming: Promise<unknown> = Promise.resolve();
  const finish = (): { done: true; value: undefined } => {
    isOver = true;
    giveBack();
    return { done: true, value: undefined };
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isOver) return { done: true, value: undefined };
      try {
        const piece = body.next();
        coming = piece;
        const value = await piece;
        return value === null ? finish() : { done: false, value };
      } catch (error) {
        finish();
        throw error;
      }
    },
    async return() {
      if (!isOver) abandon(left(body, coming), giveBack);
      isOver = true;
      return { done: true, value: undefined };
    },
  };
}

async function* left(body: Body, coming: Promise<unknown>): AsyncGenerator<Uint8Array> {
  await coming;
  for (let piece = await body.next(); piece !== null; piece = await body.next()) yield piece;
}
