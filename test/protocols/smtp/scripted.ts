import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createGuard } from "../../../src/net/guard.ts";
import type { Guard, ServerLogin } from "../../../src/mail/server.ts";

type Step = "greeting" | "EHLO" | "STARTTLS" | "AUTH" | "MAIL" | "RCPT" | "DATA" | "dot" | "RSET" | "QUIT";

/** Lines to say (CRLF is added), or what happens instead of saying something. */
export type Answer = string | { end: "close" | "reset"; say?: string } | { end: "never" };
type Answers = Partial<Record<Step, Answer | ((line: string, nth: number) => Answer)>>;

export type Scripted = {
  port: number;
  /** All commands received, over all connections, the message as one entry that starts with `message:`. */
  heard: string[];
  connections(): number;
  /** Every octet received. */
  octets(): string;
  close(): Promise<void>;
};

const usual: Record<Step, Answer> = {
  greeting: "220 scripted ESMTP",
  EHLO: "250-scripted\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME",
  STARTTLS: "502 5.5.1 not here",
  AUTH: "235 2.7.0 welcome",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 go ahead",
  dot: "250 2.0.0 queued as 1",
  RSET: "250 2.0.0 ok",
  QUIT: { end: "close", say: "221 2.0.0 bye" },
};

/** An SMTP server on 127.0.0.1 that answers as told; `nth` counts the step's calls over all connections, from 0. */
export async function startScripted(answers: Answers = {}): Promise<Scripted> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const counts = new Map<Step, number>();
  let connections = 0;
  let octets = "";

  /** Answers, and says whether that began a message. */
  function answer(socket: Socket, step: Step, line: string): boolean {
    const nth = counts.get(step) ?? 0;
    counts.set(step, nth + 1);
    const scripted = answers[step] ?? usual[step];
    const said = typeof scripted === "function" ? scripted(line, nth) : scripted;
    if (typeof said === "string") {
      socket.write(`${said}\r\n`);
      return step === "DATA" && said.startsWith("354");
    }
    if (said.end === "never") return false;
    if (said.say !== undefined) socket.write(`${said.say}\r\n`);
    if (said.end === "reset") socket.resetAndDestroy();
    else socket.end();
    return false;
  }

  function serve(socket: Socket): void {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let pending = "";
    let message: string | null = null;
    socket.on("data", (chunk) => {
      octets += chunk.toString("latin1");
      pending += chunk.toString("latin1");
      for (let end = pending.indexOf("\r\n"); end >= 0; end = pending.indexOf("\r\n")) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (message === null) {
          heard.push(line);
          const step = line.split(" ")[0]?.toUpperCase() ?? "";
          if (!(step in usual)) {
            socket.write("500 5.5.1 unknown\r\n");
            continue;
          }
          if (answer(socket, step as Step, line)) message = "";
        } else if (line === ".") {
          heard.push(`message:${message}`, ".");
          message = null;
          answer(socket, "dot", line);
        } else {
          message += `${line}\r\n`;
        }
      }
    });
    answer(socket, "greeting", "");
  }

  const server = createServer({ allowHalfOpen: false }, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    connections: () => connections,
    octets: () => octets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Lets everything on this machine through, and nothing else. */
export const localGuard: Guard = createGuard({
  resolve: async () => ["127.0.0.1"],
  allowNetworks: ["127.0.0.0/8"],
  allowPorts: "all",
  allowInsecure: true,
  pin: true,
  timeoutMs: 1000,
});

export function login(port: number, change: Partial<ServerLogin> = {}): ServerLogin {
  return {
    host: "127.0.0.1",
    port,
    security: "none",
    tls: { ca: null, servername: null },
    username: "alice",
    password: "canary-password",
    ...change,
  };
}

export async function* octetsOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, "utf8");
}
