import { createSocketsTransport, type SocketsConnect } from "imapflow";
import type { ImapTransport } from "./open-imap.ts";

/**
 * Sockets where there is no usable node:net, over the `connect` of cloudflare:sockets. The runtime verifies the certificate by
 * its own authorities and by the host that it connects to; nothing of that can be changed there.
 */
export function socketsTransport(connect: SocketsConnect): ImapTransport {
  return createSocketsTransport(({ hostname, port }, options) =>
    connect({ hostname: hostname.includes(":") ? `[${hostname}]` : hostname, port }, options),
  );
}
