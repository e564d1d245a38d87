import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type TLSSocket } from "node:tls";
import { readFileSync } from "node:fs";

/** Which certificate it shows, and how it is reached. */
type Begin = { certPath: string; keyPath: string };

export type Sink = {
  host: string;
  port: number;
  /** Resolves when so many more messages have come in since the last call's end. */
  received(messages: number): Promise<void>;
  stop(): Promise<void>;
};

/** Starts an SMTPS server that takes every login and every message and keeps nothing, as a process of its own. */
export async function startSink({ certPath, keyPath }: Begin): Promise<Sink> {
  const child = fork(import.meta.filename, [certPath, keyPath], { stdio: "inherit" });
  const [port] = (await once(child, "message")) as [number];
  let seen = 0;
  let expected = 0;
  let arrived = (): void => {};
  child.on("message", (count: number) => {
    seen = count;
    if (seen >= expected) arrived();
  });
  return {
    host: "127.0.0.1",
    port,
    async received(messages) {
      expected += messages;
      await new Promise<void>((resolve) => {
        arrived = resolve;
        if (seen >= expected) resolve();
      });
    },
    async stop() {
      const closed = once(child, "close");
      child.kill();
      await closed;
    },
  };
}

const greeting = ["sink", "PIPELINING", "SIZE 100000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
  .map((line) => `250-${line}\r\n`)
  .concat("250 AUTH PLAIN LOGIN")
  .join("");

/** The sink's own process: tells its port, then how many messages it has, at most every 5 ms. */
function serveAsSink(certPath: string, keyPath: string): void {
  const tell = (value: number): void => void process.send?.(value);
  let count = 0;
  let told = 0;
  setInterval(() => {
    if (count !== told) tell((told = count));
  }, 5);
  const server = createServer({ cert: readFileSync(certPath), key: readFileSync(keyPath) }, (socket) =>
    converse(socket, () => (count += 1)),
  );
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") tell(address.port);
  });
  process.on("disconnect", () => process.exit());
}

function converse(socket: TLSSocket, received: () => void): void {
  let rest = "";
  let inData = false;
  const say = (line: string): boolean => socket.write(`${line}\r\n`);
  const answer = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") say(greeting);
    else if (verb === "AUTH") say("235 2.7.0 welcome");
    else if (verb === "DATA") {
      inData = true;
      say("354 go ahead");
    } else if (verb === "QUIT") socket.end("221 2.0.0 bye\r\n");
    else say("250 2.0.0 ok");
  };
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    rest += chunk.toString("latin1");
    for (;;) {
      const ending = inData ? "\r\n.\r\n" : "\r\n";
      const at = rest.indexOf(ending);
      if (at < 0) return;
      const read = rest.slice(0, at);
      rest = rest.slice(at + ending.length);
      if (inData) {
        inData = false;
        received();
        say("250 2.0.0 taken");
      } else answer(read);
    }
  });
  say("220 sink ESMTP");
}

const [certPath, keyPath] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && certPath !== undefined && keyPath !== undefined) {
  serveAsSink(certPath, keyPath);
}
