import { ImapFlow } from "imapflow";

import type { Dovecot } from "../../test/servers/dovecot.ts";
import type { User } from "../../test/servers/mailboxes.ts";

/** imapflow as an app would use it by itself: logged in over TLS, with the inbox open and nothing else to do. */
export async function openBare({ host, ports, ca }: Dovecot, user: User): Promise<ImapFlow> {
  const client = new ImapFlow({
    host,
    port: ports.imaps,
    secure: true,
    auth: { user: user.username, pass: user.password },
    tls: { ca, servername: "localhost" },
    disableAutoIdle: true, // else the first call after a pause would have to end the IDLE
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
  return client;
}
