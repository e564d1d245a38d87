import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Failure } from "../../errors.ts";
import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { SubmitterLimits } from "../../mail/submitter.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { dial, tlsOptions } from "./dial.ts";
import {
  disconnected,
  failure,
  loginRefused,
  refused,
  timedOut,
  tlsFailed,
  toFailure,
  type Where,
} from "./failures.ts";
import { logIn, type LoginResult } from "./log-in.ts";
import { parseReply } from "./reply.ts";

/** An open, authenticated SMTP session; one thing at a time. */
export type Session = {
  connection: SMTPConnection;
  host: string;
  limits: SubmitterLimits;
  /** True once the line is gone. */
  dead(): boolean;
  /** Ends a transaction that was left open (RFC 5321 §4.1.1.5). */
  reset(): Promise<void>;
  /** QUIT, and at the latest after two seconds the line is dropped; never throws. */
  quit(): Promise<void>;
};

/** What nodemailer tells on the way, by its logger and its hook for logins. */
type Heard = { injected: boolean; extensions: string[]; maxSize: number | false; login: LoginResult };

export type SessionNeeds = { guard: Guard; deadlines: SmtpDeadlines };

/** The name in EHLO: the literal of our own address (RFC 5321 §4.1.4), as mail programs on desks say it. */
const literal = (address: string) => (address.includes(":") ? `[IPv6:${address}]` : `[${address}]`);

/** Passes the guard, connects, greets, starts TLS where asked, and logs in. */
export async function openSession(needs: SessionNeeds, server: ServerLogin): Promise<Session> {
  const { deadlines } = needs;
  const { host } = server;
  const at = (phase: string): Where => ({ host, phase });
  const admitted = await needs.guard.admit({ protocol: "smtp", server });
  const socket = await dial(admitted, server, deadlines.connect, () => timedOut(at("connect"))).catch(
    (error: unknown) => {
      throw toFailure(error, at("connect"));
    },
  );

  if (socket.destroyed) throw disconnected(at("connect"));
  const heard: Heard = { injected: false, extensions: [], maxSize: false, login: { granted: false, reply: null } };
  const connection = new SMTPConnection({
    connection: socket,
    host: admitted.address,
    port: admitted.port,
    secure: server.security === "tls",
    secured: server.security === "tls",
    requireTLS: server.security === "starttls",
    ignoreTLS: server.security === "none",
    name: literal(socket.localAddress ?? "127.0.0.1"),
    tls: tlsOptions(admitted, server),
    // Every step has a deadline of its own below; these only must not come before them.
    connectionTimeout: deadlines.greeting + 1000,
    greetingTimeout: deadlines.greeting + 1000,
    socketTimeout: deadlines.finalReply + deadlines.dataBlock,
    socketCloseTimeout: 1000,
    maxResponseSize: 256 * 1024,
    logger: {
      warn(entry: { discarded?: number }) {
        if (entry.discarded !== undefined) heard.injected = true;
      },
      info() {},
    },
    customAuth: {
      async POSTERN(context) {
        heard.extensions = context.extensions;
        heard.maxSize = context.maxAllowedSize;
        if (!heard.injected) heard.login = await logIn(context, server.username, server.password);
      },
    },
  });

  let dead = false;
  let lost: unknown = null;
  connection.on("error", (error: unknown) => {
    lost = error;
  });
  connection.on("end", () => {
    dead = true;
  });

  /** Why the line went: an error, the server's goodbye (nodemailer tells it by the last reply only), or nothing known. */
  function loss(where: Where): Failure {
    if (lost !== null) return toFailure(lost, where);
    const reply = parseReply(connection.lastServerResponse || "");
    return reply?.code === 421 ? refused(reply, where) : disconnected(where);
  }

  /** One step of the dialog, ended by its callback, by the loss of the line, or by the deadline, which drops the line. */
  function step(phase: string, ms: number, work: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (failed: Error | null) => {
        clearTimeout(timer);
        connection.off("end", onEnd);
        if (failed === null) return resolve();
        connection.close();
        reject(failed);
      };
      const onEnd = () => finish(loss(at(phase)));
      const timer = setTimeout(() => finish(timedOut(at(phase))), ms);
      connection.once("end", onEnd);
      work((error) => finish(error ? toFailure(error, at(phase)) : null));
    });
  }

  await step("greeting", deadlines.greeting, (done) => connection.connect(done));
  await step("login", deadlines.command, (done) => connection.login({ method: "POSTERN" }, done));
  if (heard.injected || !heard.login.granted) {
    connection.close();
    if (heard.injected) throw tlsFailed("The mail server's answer to STARTTLS was tampered with.", at("tls"));
    throw refusedLogin(heard.login, at("login"));
  }

  return {
    connection,
    host,
    limits: {
      size: heard.maxSize || null,
      smtpUtf8: heard.extensions.includes("SMTPUTF8"),
      eightBitMime: heard.extensions.includes("8BITMIME"),
    },
    dead: () => dead,
    reset: () => step("RSET", deadlines.command, (done) => connection.reset(done)),
    async quit() {
      if (dead) return;
      const ended = new Promise<void>((resolve) => {
        connection.once("end", resolve);
      });
      const timer = setTimeout(() => connection.close(), 2000);
      connection.quit();
      await ended;
      clearTimeout(timer);
    },
  };
}

function refusedLogin(result: LoginResult, where: Where) {
  return !result.granted && result.reply !== null
    ? loginRefused(result.reply, where)
    : failure("refused-by-server", "The mail server offers no login by password here.", where, null, {
        fix: "Check outgoing.port and outgoing.security: this port may be meant for other servers.",
      });
}
