import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Dial } from "../../net/connection.ts";
import { tlsOptions } from "../../net/tls-options.ts";
import { overDuplex } from "./over-duplex.ts";

/** The sockets of Node: they connect to the checked address itself, and verify as the account says. */
export const dialNode: Dial = async ({ admitted, server }, signal) => {
  const { address: host, port } = admitted;
  const options = tlsOptions(admitted, server);
  const isSecure = server.security === "tls";
  const socket = isSecure ? connectTls({ host, port, ...options }) : connectTcp({ host, port });
  // Small commands that follow one another (RFC 2449 §6.6) must not wait for the acknowledgement of the first.
  socket.setNoDelay(true);
  await established(socket, isSecure ? "secureConnect" : "connect", signal);
  return overDuplex(socket, async () => {
    // An IP literal without a name of its own is verified by the address, which a socket alone does not tell.
    const secured = connectTls({ socket, host, ...options });
    await established(secured, "secureConnect", signal);
    return secured;
  });
};

function established(socket: Socket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays: between here and whoever takes the socket over, an error must find somebody.
    socket.on("error", () => {});
    const settle = (error: Error | null): void => {
      socket.off("error", settle);
      socket.off("close", closed);
      signal.removeEventListener("abort", aborted);
      if (error === null) return resolve();
      socket.destroy();
      reject(error);
    };
    const closed = (): void => settle(Object.assign(new Error("closed while connecting"), { code: "ECONNRESET" }));
    const aborted = (): void => settle(new Error("given up"));
    socket.once("error", settle);
    socket.once("close", closed);
    socket.once(event, () => settle(null));
    signal.addEventListener("abort", aborted);
    if (signal.aborted) aborted();
  });
}
