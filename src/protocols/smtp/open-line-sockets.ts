import { Failure } from "../../errors.ts";
import type { Dial } from "../../net/connection.ts";
import { giveUpAfter } from "../../net/deadline.ts";
import { failure, timedOut, type Where } from "./failures.ts";
import { helloName } from "./hello-name.ts";
import type { OpenLine } from "./line.ts";
import { socketOver } from "./socket-over.ts";
import { startTls } from "./start-tls.ts";

/**
 * Lines of a runtime whose sockets are not Node's. STARTTLS is done here, because nodemailer can start TLS on nothing but those;
 * it is then told that it is greeted, which a server does only once.
 */
export function openLineSockets(dial: Dial): OpenLine {
  return async (admitted, server, deadlines) => {
    const given = new AbortController();
    const where: Where = { host: server.host, phase: "connect" };
    const late = (): Error => {
      given.abort();
      return timedOut({ ...where });
    };
    const connection = await giveUpAfter(dial({ admitted, server }, given.signal), deadlines.connect, late).catch(
      (error: unknown) => {
        throw error instanceof Failure || server.security !== "tls" ? error : notTold(where);
      },
    );
    if (server.security !== "starttls") {
      const isSecured = server.security === "tls";
      return { socket: socketOver(connection), isSecured, tls: {}, greetingMs: deadlines.greeting };
    }

    where.phase = "greeting";
    const begun = performance.now();
    const secured = await giveUpAfter(startTls(connection, helloName(), where), deadlines.greeting, late).catch(
      (error: unknown) => {
        given.abort();
        connection.destroy();
        throw error;
      },
    );
    const left = Math.max(1, deadlines.greeting - (performance.now() - begun));
    return { socket: socketOver(secured, "220 secured\r\n"), isSecured: true, tls: {}, greetingMs: left };
  };
}

function notTold(where: Where): Failure {
  const detail =
    "Nothing answers there, or the server's certificate can't be verified: where Postern runs, that can't be told apart.";
  return failure("upstream-unreachable", detail, where, null, {
    fix: "Check outgoing.host, port and security, and that a public authority signed the server's certificate.",
  });
}
