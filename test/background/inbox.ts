import { ImapFlow } from "imapflow";
import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";

/** The raw messages of a user's inbox, once there are as many as expected; what is there after 10 s otherwise. */
export async function inbox(stack: MailStack, user: User, expected: number): Promise<string[]> {
  const client = new ImapFlow({
    host: stack.dovecot.host,
    port: stack.dovecot.ports.imaps,
    secure: true,
    tls: { ca: stack.dovecot.ca },
    auth: { user: user.username, pass: user.password },
    logger: false,
  });
  await client.connect();
  try {
    for (let tries = 0; tries < 100; tries++) {
      const { exists } = await client.mailboxOpen("INBOX");
      if (exists >= expected) break;
      await client.mailboxClose();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const found = await client.fetchAll("1:*", { source: true });
    return found.map(({ source }) => source?.toString("utf8") ?? "");
  } finally {
    await client.logout();
  }
}
