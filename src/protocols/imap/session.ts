import type { ImapFlow, ImapAttribute, ImapResponse } from "imapflow";
import type { Failure } from "../../errors.ts";
import type { Clock } from "../../observe.ts";
import { deadlines, withDeadline } from "./deadline.ts";
import { brokeProtocol, refusal, timedOut, toFailure, type Where } from "./failures.ts";
import { numberOf, responseCode, responseText, type Token, wireOf } from "./wire.ts";

/** The folder that the server has selected, kept up to date by what it tells unasked. */
export type Selected = {
  path: string;
  /** 0 when the server tells none. */
  uidValidity: number;
  uidNext: number | null;
  exists: number;
  /** What may be stored for good, lower case; null when the server did not say. */
  permanentFlags: Set<string> | null;
  readOnly: boolean;
};

/** The tagged answer to a command, and the untagged ones of the kinds that were asked for. */
export type Reply = {
  status: "OK" | "NO" | "BAD";
  /** Upper case; null where there is none. */
  code: string | null;
  args: ImapAttribute[];
  /** The server's words. */
  text: string;
  untagged: ImapResponse[];
};

export type ExecOptions = {
  /** Which untagged responses to keep, such as FETCH. */
  keep?: string[];
  /** A NO or BAD is a reply instead of a failure. */
  tolerate?: boolean;
  /** Milliseconds. */
  deadline?: number;
};

/** An authenticated connection: what every command of this room uses. */
export type Session = {
  readonly host: string;
  readonly clock: Clock;
  selected: Selected | null;
  /** Whether this server answers Dovecot's unadvertised X-GUID; decided on the first message seen. */
  guid: "unknown" | "yes" | "no";
  /** False once the server refused to be asked for parts that a message may not have. */
  takesGuesses: boolean;
  /** Why the connection must not be used any more; null while it may. */
  dead: Failure | null;
  /** Whether the server offers a capability (RFC 9051 §7.2.2), upper case. */
  has(capability: string): boolean;
  /** Sends a command and waits for its end; fails with a Failure, and kills the connection on a deadline. */
  exec(command: string, args: Token[], options?: ExecOptions): Promise<Reply>;
  /** Waits until no other call runs on the session; the caller gives the turn back. */
  takeTurn(): Promise<() => void>;
  /** Marks the connection as not to be used again and closes it. */
  kill(why: Failure): void;
  /** LOGOUT where the session is free, then closes. Never throws. */
  close(): Promise<void>;
};

/** More than this in answer to one command is an attack or a fault. A whole message may come in a FETCH. */
const maxReplyBytes = { fetch: 40 * 1024 * 1024, other: 16 * 1024 * 1024 };

/** Of what we ask for, what a server that speaks only IMAP4rev2 need not name (RFC 9051 appendix E). */
const rev2 = new Set(["IDLE", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "SPECIAL-USE", "UIDPLUS"]);

/** Wraps a client that may not be connected yet. */
export function makeSession(client: ImapFlow, { host, clock }: { host: string; clock: Clock }): Session {
  const wire = wireOf(client);
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let phase = "login";
  let announceDeath = (): void => {};
  const death = new Promise<void>((resolve) => (announceDeath = resolve));

  const session: Session = {
    host,
    clock,
    selected: null,
    guid: "unknown",
    takesGuesses: true,
    dead: null,
    has: (capability) =>
      client.capabilities.has(capability) ||
      (rev2.has(capability) && client.capabilities.has("IMAP4rev2") && !client.capabilities.has("IMAP4rev1")),
    exec,
    async takeTurn() {
      const previous = tail;
      let giveBack = (): void => {};
      tail = new Promise<void>((resolve) => {
        giveBack = () => {
          waiting--;
          resolve();
        };
      });
      // A turn that is given up early must not let the next one start before the previous has ended.
      const own = tail;
      tail = Promise.all([previous, own]);
      waiting++;
      await Promise.race([previous, death]);
      if (!session.dead) return giveBack;
      giveBack();
      throw session.dead;
    },
    kill(why) {
      session.dead ??= why;
      announceDeath();
      client.close();
    },
    async close() {
      const free = waiting === 0 && !session.dead;
      session.dead ??= closedBy(client, { host, phase: "closed" });
      announceDeath();
      if (free) {
        await withDeadline(clock, deadlines.logout, client.logout(), () => client.close()).catch(() => {});
      }
      client.close();
    },
  };

  client.on("error", (error) => session.kill(toFailure(error, { host, phase })));
  client.on("close", () => session.kill(closedBy(client, { host, phase })));
  return session;

  async function exec(command: string, args: Token[], options: ExecOptions = {}): Promise<Reply> {
    const where: Where = { host, phase: command };
    if (session.dead) throw session.dead;
    const untagged: ImapResponse[] = [];
    phase = command;
    const maxReceived = client.stats().received + maxReplyBytes[command.endsWith("FETCH") ? "fetch" : "other"];
    const keep = async (response: ImapResponse): Promise<void> => {
      untagged.push(response);
      if (client.stats().received > maxReceived) {
        session.kill(brokeProtocol("The mail server's answer has no end.", where));
      }
    };
    const handlers = Object.fromEntries((options.keep ?? []).map((kind) => [kind, keep]));
    try {
      const work = wire.exec(command, args, { untagged: handlers });
      const { response, next } = await withDeadline(clock, options.deadline ?? deadlines.command, work, () =>
        session.kill(timedOut(where)),
      );
      next();
      const code = responseCode(response);
      // What could not be read was noticed by the logger meanwhile: then the rows are not all there.
      if (session.dead) throw session.dead;
      return { status: "OK", code: code?.code ?? null, args: code?.args ?? [], text: responseText(response), untagged };
    } catch (error) {
      if (session.dead) throw session.dead;
      const refused = refusedReply(error);
      if (!refused) {
        const failure = toFailure(error, where);
        session.kill(failure);
        throw failure;
      }
      if (options.tolerate) return { ...refused, untagged };
      throw refusal(refused.status, refused.code, refused.text, where);
    }
  }
}

/** Why the connection was closed: with the server's words where it said BYE. */
function closedBy(client: ImapFlow, where: Where): Failure {
  return toFailure({ reason: client.byeReason }, where);
}

/** The tagged NO or BAD inside imapflow's error; null when the error is of another kind. */
function refusedReply(error: unknown): (Reply & { status: "NO" | "BAD" }) | null {
  if (typeof error !== "object" || error === null || !("response" in error) || !("responseStatus" in error))
    return null;
  if ("code" in error && error.code === "ETHROTTLE") return null;
  const { response, responseStatus: status } = error as { response: ImapResponse; responseStatus: unknown };
  if ((status !== "NO" && status !== "BAD") || typeof response !== "object") return null;
  const code = responseCode(response);
  return { status, code: code?.code ?? null, args: code?.args ?? [], text: responseText(response), untagged: [] };
}

/** Keeps `selected` up to date from now on; imapflow puts handlers of its own there when it connects. */
export function followFolder(session: Session, client: ImapFlow): void {
  const { untaggedHandlers } = wireOf(client);
  untaggedHandlers["EXISTS"] = async ({ command }) => {
    const exists = numberOf({ type: "ATOM", value: command });
    if (session.selected && exists !== null) session.selected.exists = exists;
  };
  untaggedHandlers["EXPUNGE"] = async () => {
    if (session.selected && session.selected.exists > 0) session.selected.exists--;
  };
}
