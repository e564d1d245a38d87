import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

export type Received = {
  /** The request line and the headers, as they came. */
  head: string;
  body: string;
  /** Counted from 1: the connection, and the request on it. */
  connection: number;
  nth: number;
};

/** A receiver of webhooks that does to a connection what the test says, once for each request. */
export type Scripted = {
  port: number;
  /** All requests, in the order in which they ended. */
  received: Received[];
  /** Connections that are there now. */
  readonly open: number;
  /** Connections that there ever were. */
  readonly connections: number;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function startScripted(
  answer: (socket: Socket, request: Received) => void,
  more: { tls?: TlsOptions; onConnection?: (socket: Socket) => void } = {},
): Promise<Scripted> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const accept = (socket: Socket): void => {
    const connection = ++connections;
    let nth = 0;
    let read = Buffer.alloc(0);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    more.onConnection?.(socket);
    socket.on("data", (chunk) => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = read.subarray(0, end).toString("latin1");
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      if (read.length < end + 4 + length) return;
      const request = { head, body: read.subarray(end + 4, end + 4 + length).toString("utf8"), connection, nth: ++nth };
      read = read.subarray(end + 4 + length);
      received.push(request);
      answer(socket, request);
    });
  };
  const server = more.tls === undefined ? createServer(accept) : createTlsServer(more.tls, accept);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    received,
    get open() {
      return sockets.size;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A whole answer with a body of known length. */
export function answerOf(status: string, body = "", headers: string[] = []): string {
  return [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers, "", body].join("\r\n");
}
