import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { tlsOptions } from "../../net/tls-options.ts";
import { timedOut } from "./failures.ts";
import type { OpenLine } from "./line.ts";

/** The sockets of Node: they connect to the checked address itself, and verify as the account says. */
export const openLineNode: OpenLine = async (admitted, server, deadlines) => {
  const tls = tlsOptions(admitted, server);
  const isSecured = server.security === "tls";
  const { address: host, port } = admitted;
  const socket = isSecured ? connectTls({ host, port, ...tls }) : connectTcp({ host, port });
  const late = () => timedOut({ host: server.host, phase: "connect" });
  await established(socket, isSecured ? "secureConnect" : "connect", deadlines.connect, late);
  return { socket, isSecured, tls, greetingMs: deadlines.greeting };
};

function established(socket: Socket, event: "connect" | "secureConnect", ms: number, late: () => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays: between here and whoever takes the socket over, an error must find somebody.
    socket.on("error", () => {});
    const timer = setTimeout(() => settle(late()), ms);
    const settle = (error: Error | null) => {
      clearTimeout(timer);
      socket.off("error", settle);
      socket.off("close", closed);
      if (error === null) return resolve();
      socket.destroy();
      reject(error);
    };
    const closed = () => settle(new Error("closed while connecting"));
    socket.once("error", settle);
    socket.once("close", closed);
    socket.once(event, () => settle(null));
  });
}
