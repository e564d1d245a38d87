import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** What a path of the sink does: 204 at once; 503 for an hour; nothing, ever; 204 after ten seconds. */
type Manner = "ok" | "refuse" | "black-hole" | "slow";

/** What a path has got since the last time it was asked. */
export type Taken = {
  /** From when each event was written until it was here, milliseconds. */
  delays: number[];
  /** How many different events. */
  events: number;
};

export type WebhookSink = {
  host: string;
  port: number;
  url(path: string): string;
  /** How the path answers from now on; "ok" until told. */
  be(path: string, manner: Manner): void;
  /** Resolves when the sink has answered so many requests 204 since the last call's end, on all its paths. */
  received(requests: number): Promise<void>;
  take(path: string): Promise<Taken>;
  stop(): Promise<void>;
};

type Told = { port: number } | { count: number } | ({ path: string } & Taken);
type Asked = { path: string; manner?: Manner };

/** Starts a receiver of webhooks that verifies nothing, as a process of its own. */
export async function startWebhookSink(): Promise<WebhookSink> {
  const child = fork(import.meta.filename, ["serve"], { stdio: "inherit" });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  let seen = 0;
  let expected = 0;
  let arrived = (): void => {};
  const waiting = new Map<string, (taken: Taken) => void>();
  child.on("message", (told: Told) => {
    if ("path" in told) waiting.get(told.path)?.(told);
    if (!("count" in told)) return;
    seen = told.count;
    if (seen >= expected) arrived();
  });
  const ask = (asked: Asked): void => void child.send(asked);
  const host = "127.0.0.1";
  return {
    host,
    port,
    url: (path) => `http://${host}:${port}${path}`,
    be: (path, manner) => ask({ path, manner }),
    take: (path) =>
      new Promise((resolve) => {
        waiting.set(path, resolve);
        ask({ path });
      }),
    async received(requests) {
      expected += requests;
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

/** The sink's own process: tells its port, then how many it has answered, at most every 5 ms, and what it is asked for. */
function serve(): void {
  const tell = (told: Told): void => void process.send?.(told);
  const manners = new Map<string, Manner>();
  const got = new Map<string, { delays: number[]; ids: Set<string> }>();
  let count = 0;
  let told = 0;
  setInterval(() => {
    if (count !== told) tell({ count: (told = count) });
  }, 5);

  async function answer(path: string, id: string, body: string, response: ServerResponse): Promise<void> {
    const manner = manners.get(path) ?? "ok";
    if (manner === "black-hole") return;
    if (manner === "refuse") {
      response.writeHead(503, { "Retry-After": "3600" }).end();
      return;
    }
    const of = got.get(path) ?? { delays: [], ids: new Set() };
    got.set(path, of);
    of.delays.push(Date.now() - Date.parse(/"createdAt":"([^"]+)"/.exec(body)?.[1] ?? ""));
    of.ids.add(id);
    if (manner === "slow") await sleep(10_000);
    else count += 1;
    response.writeHead(204).end();
  }

  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("error", () => {});
    request.on("end", () => void answer(request.url ?? "", String(request.headers["webhook-id"]), body, response));
  });
  server.keepAliveTimeout = 60_000;
  process.on("message", ({ path, manner }: Asked) => {
    if (manner === undefined) {
      const { delays = [], ids = new Set() } = got.get(path) ?? {};
      got.delete(path);
      tell({ path, delays, events: ids.size });
    } else manners.set(path, manner);
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") tell({ port: address.port });
  });
  process.on("disconnect", () => process.exit());
}

if (process.argv[1] === import.meta.filename && process.argv[2] === "serve") serve();
