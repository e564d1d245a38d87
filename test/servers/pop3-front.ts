import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";

import type { Certificate } from "./ca.ts";
import { loopback } from "./ports.ts";

export interface Pop3Front {
  /** POP3S. */
  port: number;
  /** Every command's first word that came, over all connections, in order. */
  commands: string[];
  stop(): Promise<void>;
}

/** Puts a POP3S server before another one's plain port, and notes what is asked. */
export async function startPop3Front(
  server: { host: string; port: number },
  { cert, key }: Certificate,
): Promise<Pop3Front> {
  const open = new Set<Socket>();
  const commands: string[] = [];
  const front = createServer({ cert, key, noDelay: true }, (client) => {
    const upstream = connect({ ...server, noDelay: true });
    for (const socket of [client, upstream])
      open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)));
    let line = "";
    client.on("data", (octets) => {
      const lines = `${line}${octets.toString("latin1")}`.split("\r\n");
      line = lines.pop() ?? "";
      for (const whole of lines) commands.push(/^[A-Z]{3,4}\b/i.exec(whole)?.[0].toUpperCase() ?? "");
    });
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroySoon());
  });
  front.on("tlsClientError", () => {});
  front.listen(0, loopback);
  await once(front, "listening");
  return {
    port: (front.address() as AddressInfo).port,
    commands,
    async stop() {
      const closed = once(front, "close");
      front.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
