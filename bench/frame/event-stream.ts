import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";

import type { Target } from "./http.ts";

export type EventStream = {
  /** When the next event of the type has come, by `performance.now()`. Asked before it happens. */
  next(type: string): Promise<number>;
  close(): void;
};

/** Reads `GET /v1/events/stream` from now on. */
export async function openEventStream({ host, port, appKey }: Target): Promise<EventStream> {
  const path = "/v1/events/stream";
  const asked = request({ host, port, path, agent: false, headers: { Authorization: `Bearer ${appKey}` } }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`GET ${path} answered ${answer.statusCode}`);
  const waiting = new Map<string, (at: number) => void>();
  let rest = "";
  const opened = Promise.withResolvers<void>();
  answer.setEncoding("utf8").on("data", (piece: string) => {
    const now = performance.now();
    opened.resolve();
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) waiting.get(/^event: (.*)$/m.exec(block)?.[1] ?? "")?.(now);
  });
  answer.on("error", () => {}); // it is closed by us
  await opened.promise;
  return {
    next: (type) =>
      new Promise((resolve) => {
        waiting.set(type, resolve);
      }),
    close: () => asked.destroy(),
  };
}
