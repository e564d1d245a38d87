import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";

import { Webhook } from "standardwebhooks";

import type { Certificate } from "./ca.ts";
import { loopback } from "./ports.ts";

/** A request as it came. */
export interface Got {
  /** Milliseconds since the epoch, when its body was whole. */
  at: number;
  method: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The header webhook-id. */
  id: string;
  /** What the body says, once the `standardwebhooks` package has verified it; null where it did not. */
  event: ReceivedEvent | null;
}

export interface ReceivedEvent {
  id: string;
  type: string;
  sequence: number;
  accountId: string | null;
  externalId: string | null;
  data: { id?: string; subject?: string };
}

/** What becomes of a request; `nth` counts those of its endpoint from 0. Whoever never ends the response leaves it open. */
export type Behaviour = (response: ServerResponse, nth: number) => void | Promise<void>;

/** One path of the receiver. */
export interface Endpoint {
  url: string;
  /** What a webhook has to sign with; may be replaced by one that Postern has minted. */
  secret: string;
  got: Got[];
  behaviour: Behaviour;
  /** Requests that have come and are not answered yet. */
  open(): number;
  /** The largest number of these so far. */
  mostOpen(): number;
}

export interface Receiver {
  url: string;
  port: number;
  /** A new path with a secret of its own; default: all is well. */
  endpoint(behaviour?: Behaviour): Endpoint;
  /** Requests for paths that are no endpoint's. */
  strays: string[];
  /** Connections so far. */
  connections(): number;
  stop(): Promise<void>;
}

export const ok: Behaviour = (response) => void response.writeHead(204).end();

export const status =
  (code: number, headers: Record<string, string> = {}, body = ""): Behaviour =>
  (response) =>
    void response.writeHead(code, headers).end(body);

/** Nothing comes back, and the connection stays. */
export const blackHole: Behaviour = () => {};

/** The connection breaks; over TLS it is cut, without a word of TLS. */
export const reset: Behaviour = ({ socket }) => {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
};

/** 200, and a body that goes on for as long as it is read. */
export const endless: Behaviour = (response) => {
  response.writeHead(200, { "Content-Type": "text/plain" });
  const chunk = Buffer.alloc(64 * 1024, "endless ");
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", write);
  write();
};

/** 200, and octets that are neither text nor what Content-Type says. */
export const garbage: Behaviour = (response) =>
  void response
    .writeHead(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" })
    .end(Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0x0d, 0x80]));

export const late =
  (ms: number, then: Behaviour = ok): Behaviour =>
  async (response, nth) => {
    await sleep(ms);
    if (!response.destroyed) await then(response, nth);
  };

/** The first so many requests meet with one thing, the later ones with another. */
export const first =
  (times: number, bad: Behaviour, then: Behaviour = ok): Behaviour =>
  (response, nth) =>
    (nth < times ? bad : then)(response, nth);

export interface ReceiverOptions {
  /** With one it speaks TLS. */
  certificate?: Certificate;
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default: any free one. */
  port?: number;
}

/** A receiver of webhooks on the loopback network, which verifies what comes by the `standardwebhooks` package. */
export async function startReceiver({
  certificate,
  host = loopback,
  port: wanted = 0,
}: ReceiverOptions = {}): Promise<Receiver> {
  const endpoints = new Map<string, { endpoint: Endpoint; take(request: IncomingMessage, to: ServerResponse): void }>();
  const strays: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    response.on("error", () => {});
    const found = endpoints.get(request.url ?? "");
    if (found !== undefined) return found.take(request, response);
    strays.push(request.url ?? "");
    response.writeHead(404).end();
  };
  const server = certificate
    ? createTlsServer({ cert: certificate.cert, key: certificate.key }, handle)
    : createServer(handle);
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  server.listen(wanted, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // By name over TLS: a certificate is for a name.
  const url = certificate ? `https://localhost:${port}` : `http://${host}:${port}`;

  return {
    url,
    port,
    strays,
    connections: () => connections,
    endpoint(behaviour = ok) {
      const path = `/${randomBytes(6).toString("hex")}`;
      let open = 0;
      let mostOpen = 0;
      const secret = `whsec_${randomBytes(24).toString("base64")}`;
      const endpoint: Endpoint = {
        url: url + path,
        secret,
        got: [],
        behaviour,
        open: () => open,
        mostOpen: () => mostOpen,
      };
      const take = (request: IncomingMessage, response: ServerResponse): void => {
        mostOpen = Math.max(mostOpen, (open += 1));
        response.on("close", () => (open -= 1));
        const chunks: Buffer[] = [];
        request.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          const { method = "", headers } = request;
          const event = verified(endpoint.secret, headers, body);
          const nth = endpoint.got.push({
            at: Date.now(),
            method,
            headers,
            body,
            id: String(headers["webhook-id"]),
            event,
          });
          void endpoint.behaviour(response, nth - 1);
        });
      };
      endpoints.set(path, { endpoint, take });
      return endpoint;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The event of a request, or null where the signature is not by this secret. */
export function verified(secret: string, headers: IncomingHttpHeaders, body: string): ReceivedEvent | null {
  try {
    return new Webhook(secret).verify(body, headers as Record<string, string>) as ReceivedEvent;
  } catch {
    return null;
  }
}
