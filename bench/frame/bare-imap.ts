import { connect } from "node:tls";

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

/** The tagged answer to LOGIN names all capabilities. */
const longestLine = 2_000;

/**
 * A bare TLS socket that logs in, opens the inbox, gives one command more and leaves; nothing of the answer is read but its
 * length and its end. Resolves with its octets.
 */
export async function askBareImap(
  { host, ports, ca }: Dovecot,
  { username, password }: User,
  command: string,
): Promise<number> {
  const socket = connect({ host, port: ports.imaps, ca, servername: "localhost" });
  socket.setNoDelay(true);
  let octets = 0;
  let last = "";
  let onPiece = (): void => {};
  const cut = new Promise<never>((_, reject) => {
    socket.on("error", reject).on("close", () => reject(new Error("the connection was cut")));
  });
  socket.on("data", (piece: Buffer) => {
    octets += piece.length;
    last = (last + piece.subarray(-longestLine).toString("latin1")).slice(-longestLine);
    onPiece();
  });
  const until = (end: RegExp): Promise<void> =>
    new Promise((resolve) => {
      onPiece = () => end.test(last) && resolve();
      onPiece();
    });
  const exchange = async (): Promise<number> => {
    await until(/^\* OK .*\r\n$/m);
    for (const [tag, line] of [
      ["a", `LOGIN ${username} ${password}`],
      ["b", "SELECT INBOX"],
      ["c", command],
    ] as const) {
      octets = 0;
      socket.write(`${tag} ${line}\r\n`);
      await until(new RegExp(`(?:^|\\n)${tag} OK [^\\n]*\\r\\n$`));
    }
    return octets;
  };
  try {
    return await Promise.race([exchange(), cut]);
  } finally {
    cut.catch(() => {});
    socket.end("d LOGOUT\r\n");
  }
}
