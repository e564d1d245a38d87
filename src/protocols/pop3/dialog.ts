import { Failure } from "../../errors.ts";
import type { Admitted, ServerLogin } from "../../mail/server.ts";
import type { Dial } from "../../net/connection.ts";
import { withDeadline } from "../../net/deadline.ts";
import { oneLine, withoutSecret } from "../../net/server-words.ts";
import type { Clock } from "../../observe.ts";
import { deadlines, makeWatch } from "./deadline.ts";
import { brokeProtocol, disconnected, goodbye, timedOut, tlsFailed, toFailure, type Where } from "./failures.ts";
import { makeReader } from "./reader.ts";
import { parseStatus, type Status } from "./status.ts";
import { createUnstuffer } from "./unstuff.ts";

/** More than this is an attack or a fault. RFC 2449 §4 lets a status line be 512 octets. */
const maxLine = 8 * 1024;
const maxList = { octets: 16 * 1024 * 1024, lines: 250_000 };

/** The octets of a multi-line answer, without its stuffing and its final dot; null at the end. */
export type Body = { next(): Promise<Uint8Array | null> };

/**
 * Talks with a server, one exchange at a time; who may talk is for others to settle. Everything fails with a Failure, and
 * whatever is not an answer of the server ends the dialog.
 */
export type Dialog = {
  readonly host: string;
  readonly clock: Clock;
  /** Why the connection must not be used any more; null while it may. */
  readonly dead: Failure | null;
  /** Sends commands without their CRLF. `phase` is what failures call it until the next one. */
  send(phase: string, ...commands: string[]): void;
  /** The next status line. */
  status(ms?: number): Promise<Status>;
  /** The next line of a login (RFC 5034 §4): a status, or null where the server wants to hear more. */
  statusOrChallenge(): Promise<Status | null>;
  /** Sends one command and waits for its status line. */
  ask(phase: string, command: string): Promise<Status>;
  /** All lines of a list. One that `take` answers with false can't be read, and ends the dialog. */
  listing(take: (line: string) => unknown): Promise<void>;
  body(): Body;
  /** Secures the line; fails when anything has come after the answer to STLS. */
  startTls(): Promise<void>;
  /** Listens while nothing is asked: a server that speaks or leaves then has ended the dialog. */
  idle(): void;
  /** Drops the line; what waits for the server fails with `why`, or with what ended the dialog before. */
  kill(why: Failure): Failure;
  readonly where: Where;
};

export type DialogOptions = { login: ServerLogin; admitted: Admitted; dial: Dial; clock: Clock };

/** Connects; what is said first is the greeting. */
export async function openDialog({ login, admitted, dial, clock }: DialogOptions): Promise<Dialog> {
  const where: Where = { host: login.host, phase: "connect" };
  const given = new AbortController();
  const dialled = dial({ admitted, server: login }, given.signal);
  let connection = await withDeadline(clock, deadlines.connect, dialled, () => given.abort()).catch(
    (error: unknown) => {
      throw given.signal.aborted ? timedOut(where) : toFailure(error, where);
    },
  );
  if (given.signal.aborted) {
    connection.destroy();
    throw timedOut(where);
  }
  const discreet = (words: string): string => withoutSecret(words, login.username, login.password);
  let dead: Failure | null = null;
  /** A read that was begun while nothing was asked. */
  let ahead: Promise<Uint8Array | null> | null = null;
  let isIdle = false;
  const reader = makeReader(more);
  where.phase = "greeting";

  async function more(): Promise<Uint8Array> {
    if (dead) throw dead;
    const reading = ahead ?? connection.read();
    ahead = null;
    const octets = await reading.catch((error: unknown) => {
      throw kill(toFailure(error, where));
    });
    if (dead) throw dead;
    return octets ?? Promise.reject(kill(disconnected(where)));
  }

  function kill(why: Failure): Failure {
    dead ??= why;
    given.abort();
    connection.destroy();
    return dead;
  }

  function within<T>(ms: number, work: Promise<T>): Promise<T> {
    return withDeadline(clock, ms, work, () => void kill(timedOut(where)));
  }

  async function line(): Promise<Buffer> {
    const found = await reader.line(maxLine);
    return found ?? Promise.reject(kill(brokeProtocol("The mail server's answer has no end.", where)));
  }

  function read(text: Uint8Array): Status {
    const status = parseStatus(text);
    if (status === null) throw kill(brokeProtocol("The mail server's answer is not POP3.", where));
    return discreetly(status);
  }

  /** As it may be told. */
  function discreetly(status: Status): Status {
    return { ...status, code: status.code && (discreet(status.code) || null), text: oneLine(discreet(status.text)) };
  }

  async function list(take: (line: string) => unknown): Promise<void> {
    let octets = 0;
    for (let lines = 0; ; lines++) {
      // A list has thousands of lines, of which each read comes with many.
      const text = (reader.lineThere(maxLine) ?? (await line())).toString("latin1");
      octets += text.length + 2;
      if (text === ".") return;
      if (lines >= maxList.lines || octets > maxList.octets) {
        throw kill(brokeProtocol("The mail server's list has no end.", where));
      }
      // RFC 1939 §3: a line that begins with a dot has one more.
      if (take(text.startsWith(".") ? text.slice(1) : text) === false) {
        throw kill(brokeProtocol("The mail server's list can't be read.", where));
      }
    }
  }

  function uncalled(octets: Uint8Array | null): void {
    const why = octets === null ? disconnected(where) : unasked(octets);
    kill(why);
  }

  function unasked(octets: Uint8Array): Failure {
    const status = parseStatus(octets.subarray(0, maxLine));
    if (status?.ok === false) return goodbye(discreetly(status), where);
    return brokeProtocol("The mail server spoke without being asked.", where);
  }

  const dialog: Dialog = {
    host: login.host,
    clock,
    where,
    get dead() {
      // Nobody reads while the reader of a message pauses.
      return dead === null && connection.lost && reader.buffered === 0 ? kill(disconnected(where)) : dead;
    },
    send(phase, ...commands) {
      if (dead) throw dead;
      if (commands.some((command) => /[\r\n\0]/.test(command))) {
        throw new Failure("internal", "A command would have been more than one line.");
      }
      where.phase = phase;
      isIdle = false;
      // A write that fails says less than what can still be read.
      connection.write(Buffer.from(commands.map((command) => `${command}\r\n`).join(""))).catch(() => {});
    },
    status: async (ms = deadlines.command) => read(await within(ms, line())),
    async statusOrChallenge() {
      const text = await within(deadlines.command, line());
      return text[0] === 0x2b && (text.length === 1 || text[1] === 0x20) ? null : read(text);
    },
    async ask(phase, command) {
      // What is there already can't be the answer.
      if (reader.buffered > 0) throw kill(unasked(reader.take()));
      dialog.send(phase, command);
      return dialog.status();
    },
    listing: (take) => within(deadlines.list, list(take)),
    body() {
      const unstuff = createUnstuffer();
      const stall = makeWatch(clock, deadlines.stall, () => void kill(timedOut(where)));
      let ended = false;
      return {
        async next() {
          try {
            while (!ended) {
              const { octets, rest } = unstuff(await stall.during(reader.piece()));
              ended = rest !== null;
              if (rest !== null) reader.putBack(rest);
              if (octets.length > 0) return octets;
            }
            return null;
          } finally {
            if (ended || dead) stall.end();
          }
        },
      };
    },
    async startTls() {
      where.phase = "tls";
      // RFC 2595 §4 lets nothing come between the answer and the handshake: it was put there by somebody else.
      if (reader.buffered > 0 || connection.unread > 0) {
        throw kill(tlsFailed("The mail server's answer to STLS was tampered with.", where));
      }
      const secured = await within(deadlines.tls, connection.startTls()).catch((error: unknown) => {
        throw kill(toFailure(error, where));
      });
      connection = secured;
      if (dead) throw kill(dead);
    },
    idle() {
      if (dead) return;
      isIdle = true;
      where.phase = "idle";
      if (reader.buffered > 0) {
        uncalled(reader.take());
        return;
      }
      ahead ??= connection.read();
      ahead.then(
        (octets) => (isIdle ? uncalled(octets) : undefined),
        (error: unknown) => (isIdle ? void kill(toFailure(error, where)) : undefined),
      );
    },
    kill,
  };
  return dialog;
}
