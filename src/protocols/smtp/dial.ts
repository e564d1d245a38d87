import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Admitted, ServerAddress } from "../../mail/server.ts";

/** TLS 1.2 or newer, verified by the admitted name; for an IP literal without one, by the certificate's addresses. */
export function tlsOptions(admitted: Admitted, server: ServerAddress): ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    ...(admitted.servername === null ? {} : { servername: admitted.servername }),
    ...(server.tls.ca === null ? {} : { ca: server.tls.ca }),
  };
}

/** A connected socket to the checked address, already secured for `tls`. Rejects with Node's errors, or with what `late` makes. */
export function dial(admitted: Admitted, server: ServerAddress, ms: number, late: () => Error): Promise<Socket> {
  const { address: host, port } = admitted;
  return new Promise((resolve, reject) => {
    const socket =
      server.security === "tls"
        ? connectTls({ host, port, ...tlsOptions(admitted, server) })
        : connectTcp({ host, port });
    // Stays: between here and whoever takes the socket over, an error must find somebody.
    socket.on("error", () => {});
    const timer = setTimeout(() => settle(late()), ms);
    const settle = (error: Error | null) => {
      clearTimeout(timer);
      socket.off("error", settle);
      socket.off("close", closed);
      if (error === null) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const closed = () => settle(new Error("closed while connecting"));
    socket.once("error", settle);
    socket.once("close", closed);
    socket.once(server.security === "tls" ? "secureConnect" : "connect", () => settle(null));
  });
}
