import { Failure } from "../errors.ts";
import type { Connection, Dial } from "./connection.ts";
import { makeEnding } from "./ending.ts";

/** What of a socket of cloudflare:sockets is used. */
type RuntimeSocket = {
  readable: { getReader(): { read(): Promise<{ done: boolean; value?: unknown }>; releaseLock(): void } };
  writable: { getWriter(): { write(octets: Uint8Array): Promise<unknown>; releaseLock(): void } };
  opened: Promise<unknown>;
  closed: Promise<unknown>;
  close(): Promise<unknown>;
  startTls(): RuntimeSocket;
};

/** What of the `connect` of cloudflare:sockets is used. */
export type SocketsConnect = (
  address: { hostname: string; port: number },
  options: { secureTransport: "on" | "starttls"; allowHalfOpen: boolean },
) => RuntimeSocket;

/**
 * Sockets where there is no usable node:net, over the `connect` of cloudflare:sockets. The runtime verifies the certificate by
 * its own authorities and by the host that it connects to. Fails `unsupported-by-runtime` for an authority of the account's own.
 */
export function dialSockets(connect: SocketsConnect): Dial {
  return async ({ admitted, server }, signal) => {
    if (server.tls.ca !== null) {
      throw new Failure("unsupported-by-runtime", "This runtime can't trust an authority of the account's own.", {
        fix: "Use a server whose certificate a public authority signed, or run Postern on Node.",
      });
    }
    const { address, port } = admitted;
    const hostname = address.includes(":") ? `[${address}]` : address;
    const secureTransport = server.security === "tls" ? "on" : "starttls";
    const socket = connect({ hostname, port }, { secureTransport, allowHalfOpen: false });
    return opened(socket, signal);
  };
}

async function opened(socket: RuntimeSocket, signal: AbortSignal): Promise<Connection> {
  const connection = overSocket(socket, signal);
  const givenUp = new Promise<never>((_, reject) => {
    const aborted = (): void => reject(new Error("given up"));
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
  givenUp.catch(() => {});
  try {
    await Promise.race([socket.opened, givenUp]);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function overSocket(socket: RuntimeSocket, signal: AbortSignal): Connection {
  const reader = socket.readable.getReader();
  const writer = socket.writable.getWriter();
  const dropped = makeEnding();
  let lost = false;
  socket.closed.catch(() => (lost = true));
  return {
    async read() {
      const read = await dropped.before(reader.read());
      return read === null || read.done || !(read.value instanceof Uint8Array) ? null : read.value;
    },
    async write(octets) {
      await writer.write(octets);
    },
    // The runtime reads from the network only when it is asked to.
    unread: 0,
    get lost() {
      return lost;
    },
    startTls() {
      reader.releaseLock();
      writer.releaseLock();
      return opened(socket.startTls(), signal);
    },
    destroy() {
      dropped.end();
      socket.close().catch(() => {});
    },
  };
}
