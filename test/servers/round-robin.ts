import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

import { loopback } from "./ports.ts";

export interface RoundRobin {
  /** Without a slash at the end. */
  url: string;
  stop(): Promise<void>;
}

/** What is between two ends of one connection only (RFC 9110 §7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Starts an HTTP front on a free loopback port that passes each request on to the next of the targets that `urls` names at that moment, each
 * on a connection of its own, as a load balancer does. A target that can't be connected to is passed over; once a
 * request has been sent it is tried nowhere else, and breaks where its target breaks. 502 when none of the targets
 * can be connected to, or the one that has the request does not answer.
 */
export async function startRoundRobin(urls: () => string[]): Promise<RoundRobin> {
  let turn = 0;

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const targets = urls();
    const first = (turn = (turn + 1) % Math.max(targets.length, 1));
    for (const target of [...targets.slice(first), ...targets.slice(0, first)]) {
      const answer = await ask(target, incoming, outgoing);
      if (answer === "unreachable") continue;
      if (answer === "broken") break;
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? "", passedOn(answer.rawHeaders));
      outgoing.flushHeaders();
      // Who of the two breaks off, it ends for the other as it ended for us.
      return pipeline(answer, outgoing).catch(() => void outgoing.destroy());
    }
    outgoing.writeHead(502).end();
  }

  const server = createServer((incoming, outgoing) => void pass(incoming, outgoing));
  server.requestTimeout = 0;
  server.listen(0, loopback);
  await once(server, "listening");
  return {
    url: `http://${loopback}:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends the request once there is a connection to send it on. */
function ask(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<IncomingMessage | "unreachable" | "broken"> {
  const { method, url, rawHeaders } = incoming;
  const passing = request(target + (url ?? "/"), { method, headers: passedOn(rawHeaders), agent: false });
  const leave = (): void => void passing.destroy();
  outgoing.once("close", leave);
  return new Promise((resolve) => {
    let isSent = false;
    passing.once("socket", (socket) =>
      socket.once("connect", () => {
        isSent = true;
        incoming.pipe(passing);
      }),
    );
    passing.once("response", resolve);
    passing.on("error", () => {
      incoming.unpipe(passing);
      outgoing.off("close", leave);
      resolve(isSent || outgoing.destroyed ? "broken" : "unreachable");
    });
  });
}

function passedOn(rawHeaders: string[]): string[] {
  return rawHeaders.filter((_, at) => !hopByHop.has((rawHeaders[at - (at % 2)] ?? "").toLowerCase()));
}
