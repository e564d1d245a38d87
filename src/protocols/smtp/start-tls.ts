import type { Failure } from "../../errors.ts";
import type { Connection } from "../../net/connection.ts";
import { brokeProtocol, disconnected, refused, tlsFailed, toFailure, type Where } from "./failures.ts";
import { parseReply, type Reply } from "./reply.ts";

/** Octets of one reply. */
const longestReply = 64 * 1024;
const replyLine = /^[2-5]\d\d(?:[ -]|$)/;

/**
 * Greets and starts TLS (RFC 3207) on a line on which nothing was said yet, where nodemailer can't: what follows is EHLO, on the
 * line that comes back. `where.phase` tells how far it came. Fails, with nothing of the login said, when the server does not do
 * it, or when anything comes after its answer that is not of TLS.
 */
export async function startTls(connection: Connection, name: string, where: Where): Promise<Connection> {
  const replies = makeReplies(connection, where);
  const greeting = await replies.next();
  if (greeting.code !== 220) throw unexpected(greeting, where);
  const hello = await replies.ask(`EHLO ${name}`);
  if (hello.code >= 300) throw unexpected(hello, where);

  // Asked for also where it is not offered: that may be somebody else's doing, and the answer settles it.
  where.phase = "tls";
  const answer = await replies.ask("STARTTLS");
  if (answer.code >= 300) throw tlsFailed("The mail server does not start TLS.", where, answer);
  if (replies.hasMore()) throw tlsFailed("The mail server's answer to STARTTLS was tampered with.", where);
  try {
    return await connection.startTls();
  } catch {
    // The runtime does not tell why.
    throw tlsFailed("The TLS connection failed: the server's certificate can't be verified, or it left.", where);
  }
}

const unexpected = (reply: Reply, where: Where): Failure =>
  reply.code >= 400 ? refused(reply, where) : brokeProtocol(where);

/** Commands and their replies (RFC 5321 §4.2), one after the other. */
function makeReplies(connection: Connection, where: Where) {
  /** Octets that came and are not read, and how many of them hold no line's end. */
  let pending = "";
  let looked = 0;

  async function line(): Promise<string> {
    for (;;) {
      const end = pending.indexOf("\n", looked);
      if (end >= 0) {
        const found = pending.slice(0, end);
        pending = pending.slice(end + 1);
        looked = 0;
        return found.replace(/\r$/, "");
      }
      looked = pending.length;
      if (looked > longestReply) throw brokeProtocol(where);
      const octets = await connection.read().catch((error: unknown) => {
        throw toFailure(error, where);
      });
      if (octets === null) throw disconnected(where);
      pending += Buffer.from(octets).toString("latin1");
    }
  }

  async function next(): Promise<Reply> {
    const lines: string[] = [];
    for (let octets = 0; octets <= longestReply;) {
      const said = await line();
      octets += said.length + 1;
      if (lines.length === 0 && said.trim() === "") continue;
      if (!replyLine.test(said)) break;
      lines.push(said);
      if (said[3] === "-") continue;
      const reply = parseReply(Buffer.from(lines.join("\n"), "latin1").toString());
      if (reply !== null) return reply;
    }
    throw brokeProtocol(where);
  }

  return {
    next,
    async ask(command: string): Promise<Reply> {
      // What is there already can't be the answer.
      if (pending.trim() !== "") throw brokeProtocol(where);
      // A write that fails says less than what can still be read.
      connection.write(Buffer.from(`${command}\r\n`)).catch(() => {});
      return next();
    },
    hasMore: () => pending !== "",
  };
}
