import { makeOctetPile } from "../../mime/octet-pile.ts";
import { messageNumber } from "./argument.ts";
import type { Body } from "./dialog.ts";
import { isOfItsOwn, messageRefusal } from "./failures.ts";
import { makePipeline } from "./pipeline.ts";
import type { Session } from "./session.ts";
import type { Header } from "./top.ts";

/** Octets of a message that are kept, and that are read off at most: a server that sends more does not count lines. */
const maxKept = 256 * 1024;
const maxRead = 4 * 1024 * 1024;

/**
 * TOP n lines (RFC 1939 §7): a message's header with the first lines of its body behind it, 256 KiB at most; of many messages, in
 * the order of the numbers. Nothing where the server has no TOP: then each message would have to be read whole.
 */
export async function* topLines(session: Session, numbers: readonly number[], lines: number): AsyncGenerator<Header> {
  const checked = numbers.map(messageNumber);
  const { dialog, takeTurn, abandon } = session;
  if (session.top === "no") return;
  const giveBack = await takeTurn();
  const isSure = session.top === "yes" || session.top === "announced";
  const answers = makePipeline(session, "TOP", checked.length, (index) => `TOP ${checked[index]} ${lines}`, isSure);
  let body: Body | null = null;
  try {
    for (const number of numbers) {
      const status = await answers.next();
      if (!status.ok) {
        const refused = messageRefusal(status, dialog.where);
        if (refused.code !== "message-gone" && !isOfItsOwn(status, dialog.where)) throw refused;
        yield { number, header: null, refused };
        continue;
      }
      body = dialog.body();
      const header = await beginningOf(body);
      if (header === null) return;
      body = null;
      yield { number, header, refused: null };
    }
  } finally {
    if (body === null && answers.outstanding === 0) giveBack();
    else abandon(remaining(), giveBack);
  }

  /** What the server still says to what was sent. */
  async function* remaining(): AsyncGenerator<Uint8Array> {
    answers.stop();
    for (let rest = body; ; rest = (await answers.next()).ok ? dialog.body() : null) {
      for (let piece = await rest?.next(); piece; piece = await rest?.next()) yield piece;
      if (answers.outstanding === 0 || dialog.dead) return;
    }
  }
}

/** Null, and left in the middle, where it has no end. */
async function beginningOf(body: Body): Promise<Uint8Array | null> {
  const pile = makeOctetPile(maxKept);
  let read = 0;
  for (let piece = await body.next(); piece !== null; piece = await body.next()) {
    pile.add(piece);
    read += piece.length;
    if (read > maxRead) return null;
  }
  return pile.take();
}
