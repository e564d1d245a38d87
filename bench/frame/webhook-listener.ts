import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type WebhookListener = {
  url: string;
  /** When the next webhook has come whole, by `performance.now()`. Asked before it happens. */
  next(): Promise<number>;
  close(): void;
};

/** A receiver in this process, for when what counts is when something comes. */
export async function listenForWebhooks(): Promise<WebhookListener> {
  let tell = (_at: number): void => {};
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      tell(performance.now());
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    next: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
