import type { Failure } from "../../errors.ts";
import { makeOctetPile } from "../../mime/octet-pile.ts";
import { messageNumber } from "./argument.ts";
import type { Body, Dialog } from "./dialog.ts";
import { isOfItsOwn, messageRefusal } from "./failures.ts";
import { makePipeline, type Pipeline } from "./pipeline.ts";
import type { Session } from "./session.ts";
import type { Status } from "./status.ts";

/** A longer header is cut there, octets. */
const maxHeader = 1024 * 1024;

/**
 * A message's header block, up to and with its empty line; or why the server does not give it: `message-gone`, or
 * `refused-by-server` where it can't read this message.
 */
export type Header = { number: number; header: Uint8Array; refused: null } | Refused;
type Refused = { number: number; header: null; refused: Failure };

/**
 * TOP n 0 (RFC 1939 §7) of many messages, in the order of the numbers, sent ahead where the server lets us. Where it has no TOP,
 * or announces one and gives nothing by it, each message is read whole and its header kept. A refusal that is about more than
 * its message fails the row. Its turn begins with its first `next`; left early, what is still to come is read off or the
 * connection goes.
 */
export async function* top(session: Session, numbers: readonly number[]): AsyncGenerator<Header> {
  const checked = numbers.map(messageNumber);
  const { dialog, takeTurn, abandon } = session;
  const giveBack = await takeTurn();
  const hasTop = session.top === "yes" || session.top === "announced";
  const command = (index: number): string =>
    session.top === "no" ? `RETR ${checked[index]}` : `TOP ${checked[index]} 0`;
  const answers = makePipeline(session, session.top === "no" ? "RETR" : "TOP", checked.length, command, hasTop);
  /** Refused while the server has given nothing by TOP: it may be TOP that it does not have. */
  let doubted: Refused[] = [];
  try {
    for (const number of numbers) {
      const status = await settled(session, await answers.next(), number);
      if (!status.ok) {
        const refused = { number, header: null, refused: refusalOf(status, dialog) };
        if (session.top === "announced") doubted.push(refused);
        else yield refused;
        continue;
      }
      const header = await headerOf(dialog.body());
      if (session.top === "announced") session.top = "yes";
      yield* doubted;
      doubted = [];
      yield { number, header, refused: null };
    }
    yield* readWhole(session, doubted);
  } finally {
    if (answers.outstanding === 0) giveBack();
    else abandon(remaining(session, answers), giveBack);
  }
}

/** Why the server does not give one message. Fails with a refusal that is about more. */
function refusalOf(status: Status, { where }: Dialog): Failure {
  const refused = messageRefusal(status, where);
  if (refused.code !== "message-gone" && !isOfItsOwn(status, where)) throw refused;
  return refused;
}

/** The headers of messages that TOP was refused for, by RETR. When it gives two of them, that is how the others are asked for. */
async function* readWhole(session: Session, refused: Refused[]): AsyncGenerator<Header> {
  const { dialog } = session;
  let given = 0;
  for (const one of refused) {
    if (one.refused.code === "message-gone") {
      yield one;
      continue;
    }
    const status = await dialog.ask("RETR", `RETR ${messageNumber(one.number)}`);
    if (!status.ok) {
      yield { ...one, refused: refusalOf(status, dialog) };
      continue;
    }
    const header = await headerOf(dialog.body());
    given++;
    if (given === 2) session.top = "no";
    yield { number: one.number, header, refused: null };
  }
}

/** Where nobody knows yet whether there is a TOP: one that is refused for a message that can be read tells that there is none. */
async function settled(session: Session, status: Status, number: number): Promise<Status> {
  if (session.top !== "unknown") return status;
  if (status.ok) session.top = "yes";
  if (status.ok) return status;
  const whole = await session.dialog.ask("RETR", `RETR ${number}`);
  if (whole.ok) session.top = "no";
  return whole;
}

async function headerOf(body: Body): Promise<Uint8Array> {
  const pile = makeOctetPile(maxHeader);
  for (let piece = await body.next(); piece !== null; piece = await body.next()) pile.add(piece);
  const octets = pile.take();
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
  const end = /^\r?\n|\n\r?\n/.exec(text);
  return end === null ? octets : octets.subarray(0, end.index + end[0].length);
}

/** What the server still says to what was sent. */
async function* remaining({ dialog }: Session, answers: Pipeline): AsyncGenerator<Uint8Array> {
  answers.stop();
  while (answers.outstanding > 0 && !dialog.dead) {
    const status = await answers.next();
    const body = status.ok ? dialog.body() : null;
    for (let piece = await body?.next(); piece; piece = await body?.next()) yield piece;
  }
}
