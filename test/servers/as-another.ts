import { ImapFlow } from "imapflow";
import type { Dovecot } from "./dovecot.ts";
import type { User } from "./mailboxes.ts";

/** Another client on the same mailbox. */
export async function asAnother<T>(dovecot: Dovecot, user: User, work: (client: ImapFlow) => Promise<T>): Promise<T> {
  const client = new ImapFlow({
    host: dovecot.host,
    port: dovecot.ports.imaps,
    secure: true,
    auth: { user: user.username, pass: user.password },
    tls: { ca: dovecot.ca, servername: "localhost" },
    logger: false,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.logout();
  }
}
