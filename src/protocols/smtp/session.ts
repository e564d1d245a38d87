import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Failure } from "../../errors.ts";
import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { type Extensions, readExtensions } from "./extensions.ts";
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
import { helloName } from "./hello-name.ts";
import type { OpenLine } from "./line.ts";
import { parseReply } from "./reply.ts";
import { createWire, type Wire } from "./wire.ts";

/** An open, authenticated SMTP session; one thing at a time. */
export type Session = {
  wire: Wire;
  host: string;
  extensions: Extensions;
  /** Transactions begun. */
  transactions: number;
  /** A transaction may be open. */
  isDirty: boolean;
  /** The server takes no more recipients than that in one transaction. */
  learn(recipients: number): void;
  /** QUIT, and at the latest after two seconds the line is dropped; never throws. */
  quit(): Promise<void>;
};

/** What nodemailer tells on the way, by its logger and its hook for logins. */
type Heard = { injected: boolean; extensions: Extensions; login: LoginResult };

/** How long a server may take for its goodbye, milliseconds. */
const goodbyeMs = 2_000;

export type SessionNeeds = { guard: Guard; openLine: OpenLine; deadlines: SmtpDeadlines };

/**
 * Passes the guard, connects, greets, starts TLS where asked, and logs in: that is nodemailer's work. Then the line is ours: what is said
 * on it from there on, and when, decides whether a message is lost or sent twice.
 */
export async function openSession(needs: SessionNeeds, server: ServerLogin): Promise<Session> {
  const { deadlines } = needs;
  const { host } = server;
  const at = (phase: string): Where => ({ host, phase });
  const admitted = await needs.guard.admit({ protocol: "smtp", server });
  const line = await needs.openLine(admitted, server, deadlines).catch((error: unknown) => {
    throw toFailure(error, at("connect"));
  });

  const { socket, isSecured, greetingMs } = line;
  if (socket.destroyed) throw disconnected(at("connect"));
  const heard: Heard = { injected: false, extensions: readExtensions(""), login: { granted: false, reply: null } };
  const connection = new SMTPConnection({
    connection: socket,
    host: admitted.address,
    port: admitted.port,
    secure: isSecured,
    secured: isSecured,
    requireTLS: server.security === "starttls",
    ignoreTLS: server.security === "none",
    name: helloName(socket.localAddress),
    tls: line.tls,
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
        heard.extensions = readExtensions(connection.lastServerResponse || "");
        if (!heard.injected) heard.login = await logIn(context, server.username, server.password);
      },
    },
  });

  let lost: unknown = null;
  connection.on("error", (error: unknown) => {
    lost = error;
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

  await step("greeting", greetingMs, (done) => connection.connect(done));
  await step("login", deadlines.command, (done) => connection.login({ method: "POSTERN" }, done));
  if (heard.injected || !heard.login.granted) {
    connection.close();
    if (heard.injected) throw tlsFailed("The mail server's answer to STARTTLS was tampered with.", at("tls"));
    throw refusedLogin(heard.login, at("login"));
  }

  const { extensions } = heard;
  const { _socket: left } = connection;
  if (!left || connection.destroyed) throw loss(at("login"));
  const wire = createWire(left, host, () => connection.close());
  connection.once("end", () => wire.lose(lost === null ? disconnected(wire.where()) : toFailure(lost, wire.where())));
  return {
    wire,
    host,
    extensions,
    transactions: 0,
    isDirty: false,
    learn(recipients) {
      extensions.limits = { ...extensions.limits, recipients };
    },
    async quit() {
      if (wire.lost() !== null) return;
      wire.begin("QUIT", goodbyeMs);
      wire.write("QUIT\r\n");
      await wire.reply().catch(() => {});
      wire.lose(disconnected(wire.where()));
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
