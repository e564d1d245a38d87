import type { Socket } from "node:net";
import type { Failure } from "../../errors.ts";
import { brokeProtocol, timedOut, type Where } from "./failures.ts";

/** The line of a session that is logged in: commands and octets go out, replies come in, in their order. */
export type Wire = {
  /** What comes now, and how long the server may take for it, milliseconds. Past that the line is dropped. */
  begin(phase: string, ms: number): void;
  /** Nothing is expected. */
  rest(): void;
  write(octets: string | Uint8Array): void;
  /** Resolves when the line takes more octets, or when there is no use in more: a reply has come, or the line is lost. */
  room(): Promise<void>;
  /** The next reply, all its lines. Fails with why the line was lost when all that came before is read. */
  reply(): Promise<string>;
  /** Whether a reply has come that nobody has read. */
  heard(): boolean;
  /** Why the line was lost; null while it is not. */
  lost(): Failure | null;
  where(): Where;
  /** Drops the line, because of that. */
  lose(why: Failure): void;
};

const longestReply = 64 * 1024;
/** Characters of the replies that nobody has read yet: more than those to an envelope of a thousand recipients have. */
const mostHeld = 2 * 1024 * 1024;
const replyLine = /^[2-5]\d\d(?:[ -]|\r?$)/;

/**
 * Takes over a socket from whoever read from it.
 * @param drop closes the socket; called at most once
 */
export function createWire(socket: Socket, host: string, drop: () => void): Wire {
  const replies: string[] = [];
  /** Their characters. */
  let held = 0;
  /** Octets of a reply that is not complete, and where its last line begins. */
  let pending = "";
  let line = 0;
  let phase = "idle";
  let loss: Failure | null = null;
  /** Who waits for a reply or for room. */
  let wake: (() => void) | null = null;

  let due = Infinity;
  let armedFor = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const where = (): Where => ({ host, phase });

  function tell(): void {
    const waiting = wake;
    wake = null;
    waiting?.();
  }

  function lose(why: Failure): void {
    if (loss !== null) return;
    loss = why;
    clearTimeout(timer);
    socket.off("data", take);
    socket.off("drain", tell);
    drop();
    tell();
  }

  /** One timer runs for all steps of the session: it looks whether what is due now is late. */
  function arm(): void {
    clearTimeout(timer);
    armedFor = due;
    timer = setTimeout(
      () => {
        armedFor = Infinity;
        if (performance.now() >= due) lose(timedOut(where()));
        else if (due < Infinity) arm();
      },
      Math.max(1, due - performance.now()),
    );
  }

  function hold(reply: string): void {
    replies.push(reply);
    held += reply.length;
  }

  function take(chunk: Buffer): void {
    let from = pending.length;
    pending += chunk.toString("latin1");
    for (let end = pending.indexOf("\n", from); end >= 0; end = pending.indexOf("\n", from)) {
      const said = pending.slice(line, end);
      const isEmpty = line === 0 && said.trim() === "";
      // A reply that says yes and no says neither (RFC 5321 §4.2.1).
      const isOther = said[0] !== pending[0];
      if ((!isEmpty && (isOther || !replyLine.test(said))) || end > longestReply) return lose(brokeProtocol(where()));
      const isLast = said[3] !== "-";
      if (isLast && !isEmpty) hold(utf8(pending.slice(0, pending[end - 1] === "\r" ? end - 1 : end)));
      if (isLast) pending = pending.slice(end + 1);
      from = isLast ? 0 : end + 1;
      line = from;
    }
    if (pending.length > longestReply || held > mostHeld) return lose(brokeProtocol(where()));
    if (replies.length > 0) tell();
  }

  socket.removeAllListeners("data");
  socket.setTimeout(0);
  socket.on("data", take);
  socket.on("drain", tell);

  const isFull = (): boolean => socket.writableNeedDrain && loss === null && replies.length === 0;
  const awake = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  return {
    begin(next, ms) {
      phase = next;
      due = performance.now() + ms;
      if (due < armedFor) arm();
    },
    rest() {
      phase = "idle";
      due = Infinity;
    },
    write(octets) {
      if (loss === null) socket.write(octets);
    },
    async room() {
      while (isFull()) await awake();
    },
    async reply() {
      for (;;) {
        const next = replies.shift();
        if (next !== undefined) {
          held -= next.length;
          return next;
        }
        if (loss !== null) throw loss;
        await awake();
      }
    },
    heard: () => replies.length > 0,
    lost: () => loss,
    where,
    lose,
  };
}

/** Servers' words have no charset (RFC 5321 §4.2.1): UTF-8 where they are. */
function utf8(octets: string): string {
  // oxlint-disable-next-line no-control-regex -- everything but ASCII
  if (!/[^\u0000-\u007f]/.test(octets)) return octets;
  const text = Buffer.from(octets, "latin1").toString("utf8");
  return text.includes("\ufffd") ? octets : text;
}
