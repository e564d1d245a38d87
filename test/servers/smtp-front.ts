import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls, createServer, type TLSSocket } from "node:tls";

import type { Certificate } from "./ca.ts";
import { loopback } from "./ports.ts";
import { write } from "./write.ts";

/**
 * Where a message is on its way: `mail`, MAIL FROM has come; `content`, its first octets have; `dot`, its final dot has, and the
 * server has not got it yet; `answer`, the server has answered to it, and the client does not know yet.
 */
export type Moment = "mail" | "content" | "dot" | "answer";

/** What becomes of the connection then: it goes on, both sides are cut, or nothing passes any more. */
export type Meeting = "pass" | "cut" | "silence";

export type Meet = (moment: Moment, message: { messageId: string; nth: number }) => Meeting | Promise<Meeting>;

/** A message on its way; its head is "" until its first octets have come. */
type Passing = { messageId: string; nth: number; head: string };

export interface SmtpFront {
  host: string;
  port: number;
  /** The Message-IDs of what the server has said yes to, in this order. */
  taken: string[];
  /** Connections so far. */
  connections(): number;
  /** What happens at each moment of each message from now on; `nth` counts messages from 0. */
  meet(handler: Meet): void;
  stop(): Promise<void>;
}

export interface SmtpFrontOptions {
  /** Where it goes on; plain text with `tls: false`. */
  server: { port: number; tls?: boolean };
  certificate: Certificate;
}

/** Ends TLS before an SMTP server on the loopback address and knows where each message is, so that a test can act at just that moment. */
export async function startSmtpFront({ server, certificate }: SmtpFrontOptions): Promise<SmtpFront> {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  let handler: Meet = () => "pass";
  let connections = 0;
  let messages = 0;

  const listener = createServer({ cert: certificate.cert, key: certificate.key, noDelay: true }, (client) => {
    connections += 1;
    const upstream: Socket | TLSSocket =
      server.tls === false
        ? connect({ port: server.port, host: loopback, noDelay: true })
        : connectTls({ port: server.port, host: loopback, rejectUnauthorized: false });
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket.on("error", () => {}));
      socket.on("close", () => {
        sockets.delete(socket);
        both.forEach((other) => other.destroy());
      });
    }
    const line = makeLine(client, upstream);
    void line.fromClient().catch(() => {});
    void line.fromServer().catch(() => {});
  });
  listener.on("tlsClientError", () => {});
  listener.listen(0, loopback);
  await once(listener, "listening");

  function makeLine(client: Socket, upstream: Socket) {
    let isData = false;
    let message: Passing | null = null;
    /** The message whose final dot the server has. */
    let ended: Passing | null = null;
    let isSilent = false;

    /** Whether it goes on. */
    async function reach(moment: Moment, about: { messageId: string; nth: number }): Promise<boolean> {
      const { messageId, nth } = about;
      const meeting = await handler(moment, { messageId, nth });
      if (meeting === "cut") for (const socket of [client, upstream]) socket.destroy();
      if (meeting === "silence") isSilent = true;
      return meeting === "pass";
    }

    async function content(octets: Buffer): Promise<boolean> {
      if (message === null) return true;
      if (message.head === "") {
        message.head = octets.subarray(0, 64 * 1024).toString("latin1");
        message.messageId = /^Message-ID:\s*(<[^>]*>)/im.exec(message.head)?.[1] ?? "";
        if (!(await reach("content", message))) return false;
      }
      await write(upstream, octets);
      return true;
    }

    return {
      async fromClient(): Promise<void> {
        let rest = Buffer.alloc(0);
        for await (const chunk of client as AsyncIterable<Buffer>) {
          if (isSilent) continue;
          rest = Buffer.concat([rest, chunk]);
          for (;;) {
            if (isData) {
              const end = rest.indexOf("\r\n.\r\n");
              // What may be the beginning of the end stays here.
              const whole = end < 0 ? Math.max(0, rest.length - 4) : end + 2;
              if (whole > 0 && !(await content(rest.subarray(0, whole)))) break;
              rest = rest.subarray(whole);
              if (end < 0) break;
              isData = false;
              ended = message;
              if (message !== null && !(await reach("dot", message))) break;
              await write(upstream, rest.subarray(0, 3));
              rest = rest.subarray(3);
            }
            const end = rest.indexOf("\r\n");
            if (end < 0) break;
            const command = rest.subarray(0, end).toString("latin1");
            if (/^MAIL /i.test(command)) {
              message = { messageId: "", nth: messages++, head: "" };
              if (!(await reach("mail", message))) break;
            }
            await write(upstream, rest.subarray(0, end + 2));
            rest = rest.subarray(end + 2);
          }
        }
      },
      async fromServer(): Promise<void> {
        for await (const chunk of upstream as AsyncIterable<Buffer>) {
          if (isSilent) continue;
          const said = chunk.toString("latin1");
          if (ended !== null) {
            const about = ended;
            ended = null;
            if (said.startsWith("2")) taken.push(about.messageId);
            if (!(await reach("answer", about))) continue;
          } else if (/^354/m.test(said)) isData = true;
          await write(client, chunk);
        }
      },
    };
  }

  return {
    host: loopback,
    port: (listener.address() as AddressInfo).port,
    taken,
    connections: () => connections,
    meet: (next) => (handler = next),
    async stop() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
