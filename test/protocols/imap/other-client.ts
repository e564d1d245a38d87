import { ImapFlow } from "imapflow";
import type { Environment } from "../mailbox-bench.ts";
import type { User } from "../../servers/mailboxes.ts";

async function inFolder<T>(port: number, user: User, path: string, work: (client: ImapFlow) => Promise<T>): Promise<T> {
  const auth = { user: user.username, pass: user.password };
  const client = new ImapFlow({ host: "127.0.0.1", port, secure: false, doSTARTTLS: false, auth, logger: false });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.mailboxOpen(path);
    return await work(client);
  } finally {
    await client.logout();
  }
}

/** Another client of the user, on the server's port without TLS, that only marks messages as deleted. */
export function marksOn(port: () => number): NonNullable<Environment["marks"]> {
  return {
    set: (user, path, uids) =>
      inFolder(port(), user, path, async (client) => {
        await client.messageFlagsAdd({ uid: uids.join(",") }, ["\\Deleted"], { uid: true });
      }),
    get: (user, path) =>
      inFolder(port(), user, path, async (client) => (await client.search({ deleted: true }, { uid: true })) || []),
  };
}
