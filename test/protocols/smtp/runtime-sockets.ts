import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { SocketsConnect } from "../../../src/net/dial-sockets.ts";

/** `connect` of cloudflare:sockets in a process of Node, for tests that can't run where that is. */
export function runtimeSockets(tls: { ca: string; servername: string } = { ca: "", servername: "" }): SocketsConnect {
  return ({ hostname, port }, { secureTransport }) => {
    const isSecured = secureTransport === "on";
    const socket = isSecured ? connectTls({ host: hostname, port, ...tls }) : connectTcp({ host: hostname, port });
    return wrap(socket, isSecured ? "secureConnect" : "connect");
  };

  function wrap(socket: Socket, event: "connect" | "secureConnect"): ReturnType<SocketsConnect> {
    socket.setNoDelay(true);
    let isOpen = false;
    const opened = new Promise<void>((resolve, reject) => {
      socket.once(event, () => {
        isOpen = true;
        resolve();
      });
      // It tells nothing more than this.
      socket.once("close", () => reject(new Error("proxy request failed, cannot connect to the specified address")));
    });
    opened.catch(() => {});
    const closed = new Promise<void>((resolve, reject) => {
      socket.on("error", (error) => reject(error));
      socket.once("close", () => resolve());
    });
    closed.catch(() => {});
    let isHeld = false;
    const take = <T extends object>(half: T) => {
      isHeld = true;
      return {
        ...half,
        releaseLock() {
          isHeld = false;
        },
      };
    };
    const reads = reader(socket);
    return {
      opened,
      closed,
      readable: { getReader: () => take(reads) },
      writable: {
        getWriter: () =>
          take({
            write: (octets: Uint8Array) =>
              new Promise<void>((resolve, reject) => {
                socket.write(octets, (error) => (error ? reject(new Error("Network connection lost.")) : resolve()));
              }),
          }),
      },
      async close() {
        socket.destroy();
      },
      startTls() {
        if (isHeld || !isOpen) throw new TypeError("the streams are locked");
        socket.removeAllListeners("close").removeAllListeners("readable").removeAllListeners("end");
        return wrap(connectTls({ socket, ...tls }), "secureConnect");
      },
    };
  }
}

/** Asks the socket for octets only when it is asked itself. */
function reader(socket: Duplex) {
  let failed: Error | null = null;
  let ended = false;
  let wake = (): void => {};
  socket.on("error", () => {
    failed = new Error("Network connection lost.");
    wake();
  });
  const end = (): void => {
    ended = true;
    wake();
  };
  socket
    .on("readable", () => wake())
    .on("end", end)
    .on("close", end);
  return {
    async read(): Promise<{ done: boolean; value?: Uint8Array }> {
      for (;;) {
        const value = socket.read() as Buffer | null;
        if (value !== null) return { done: false, value };
        if (failed !== null) throw failed;
        if (ended) return { done: true };
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
