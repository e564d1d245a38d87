import { once } from "node:events";
import { connect, type Socket } from "node:net";

import type { Target } from "./http.ts";

/** A POST, or what `method` says, whose answer is not looked at further than its status. */
export type Post = { method?: "GET" | "POST"; path: string; headers: Record<string, string>; body: string };

/**
 * Sends all posts by so many clients at once, each on its own connection with one request under way. Written on bare sockets,
 * so that the clients take as little of the machine as they can. Fails when an answer has another status than `expect`.
 */
export async function flood(target: Target, clients: number, posts: Post[], expect: number): Promise<void> {
  const waiting = posts.values();
  await Promise.all(Array.from({ length: clients }, () => client(target, waiting, expect)));
}

async function client(target: Target, waiting: Iterator<Post>, expect: number): Promise<void> {
  const socket = connect(target.port, target.host);
  socket.setNoDelay(true);
  await once(socket, "connect");
  try {
    for (let step = waiting.next(); step.done !== true; step = waiting.next())
      await post(socket, target, step.value, expect);
  } finally {
    socket.destroy();
  }
}

function post(
  socket: Socket,
  { host, port, appKey }: Target,
  { method = "POST", path, headers, body }: Post,
  expect: number,
): Promise<void> {
  const fields = {
    Host: `${host}:${port}`,
    Authorization: `Bearer ${appKey}`,
    ...(body !== "" && { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return new Promise((resolve, reject) => {
    let answer = "";
    const settle = (error?: Error): void => {
      socket.off("data", read).off("error", settle).off("close", cut);
      if (error === undefined) resolve();
      else reject(error);
    };
    const cut = (): void => settle(new Error("the connection was cut"));
    const read = (chunk: Buffer): void => {
      answer += chunk.toString("latin1");
      const start = answer.indexOf("\r\n\r\n") + 4;
      const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1] ?? Number.NaN);
      if (start < 4 || answer.length < start + length) return;
      const status = Number(answer.slice(9, 12));
      settle(status === expect ? undefined : new Error(`${method} ${path} answered ${answer}`));
    };
    socket.on("data", read).on("error", settle).on("close", cut);
  });
}
