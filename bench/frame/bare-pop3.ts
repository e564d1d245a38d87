import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

import type { MailStack } from "../../test/servers/mail-stack.ts";
import type { User } from "../../test/servers/mailboxes.ts";

/** The user's maildrop as an account's incoming server. */
export function pop3Of({ dovecot }: MailStack, { username, password }: User): object {
  const { host, ports, ca } = dovecot;
  const auth = { type: "password", username, password };
  return { protocol: "pop3", host, port: ports.pop3s, security: "tls", auth, tls: { ca } };
}

const endOfAnswer = Buffer.from("\r\n.\r\n");

/**
 * A bare TLS socket that logs in, asks one command whose answer has many lines, and leaves when the answer is whole; nothing
 * of it is read but its length and its end. Resolves with the octets of the answer.
 */
export async function askBare({ dovecot }: MailStack, { username, password }: User, command: string): Promise<number> {
  const { host, ports, ca } = dovecot;
  const socket = connect({ host, port: ports.pop3s, ca, servername: "localhost" });
  socket.setNoDelay(true);
  try {
    await line(socket, "");
    await line(socket, `USER ${username}`);
    await line(socket, `PASS ${password}`);
    return await answer(socket, command);
  } finally {
    socket.end("QUIT\r\n");
  }
}

async function line(socket: TLSSocket, command: string): Promise<void> {
  if (command !== "") socket.write(`${command}\r\n`);
  const [said] = (await once(socket, "data")) as [Buffer];
  if (!said.toString().startsWith("+OK")) throw new Error(`the server said ${said.toString()}`);
}

function answer(socket: TLSSocket, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let octets = 0;
    let last = Buffer.alloc(0);
    socket.on("data", (piece: Buffer) => {
      octets += piece.length;
      last = Buffer.concat([last, piece.subarray(-endOfAnswer.length)]).subarray(-endOfAnswer.length);
      if (last.equals(endOfAnswer)) resolve(octets);
    });
    socket.on("close", () => reject(new Error("the answer was cut")));
    socket.write(`${command}\r\n`);
  });
}
