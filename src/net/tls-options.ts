import type { ConnectionOptions } from "node:tls";
import type { Admitted, ServerAddress } from "../mail/server.ts";

/** TLS 1.2 or newer, verified by the admitted name; for an IP literal without one, by the certificate's addresses. */
export function tlsOptions(admitted: Admitted, server: ServerAddress): ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    ...(admitted.servername === null ? {} : { servername: admitted.servername }),
    ...(server.tls.ca === null ? {} : { ca: server.tls.ca }),
  };
}
