import { Agent, type IncomingMessage, request } from "node:http";

export type Sent = {
  method: string;
  /** Path and query as they go onto the wire. */
  target: string;
  headers: [name: string, value: string][];
  body: Buffer | null;
  /** The body comes in pieces, and nobody says beforehand how long it is. */
  chunked?: boolean;
};

export type Got = {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  /** The body was not read to its end: it has none. */
  isStream: boolean;
  ms: number;
};

export type Client = {
  /** Null: no answer within the time. Rejects when the connection broke before an answer. */
  send(sent: Sent, patienceMs: number): Promise<Got | null>;
  close(): void;
};

/** How long a stream of events is read. */
const streamMs = 150;

/** Sends what `fetch` would tidy up first: paths and headers as they are. */
export function createClient(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const { hostname, port } = new URL(url);
  return {
    send: ({ method, target, headers, body, chunked = false }, patienceMs) =>
      new Promise((resolve, reject) => {
        const from = performance.now();
        const fields = headers.flat();
        if (body !== null && chunked) fields.push("Transfer-Encoding", "chunked");
        else if (body !== null) fields.push("Content-Length", String(body.length));
        if (!headers.some(([name]) => name === "Host")) fields.push("Host", `${hostname}:${port}`);
        const asking = request({
          agent,
          hostname,
          port,
          method,
          path: target,
          headers: fields,
          setDefaultHeaders: false,
        });
        let answered = false;
        const late = setTimeout(() => {
          resolve(null);
          asking.destroy();
        }, patienceMs);
        asking.on("error", (error) => {
          clearTimeout(late);
          if (!answered) reject(error);
        });
        asking.on("response", (response) => {
          answered = true;
          const isStream = response.headers["content-type"] === "text/event-stream";
          const chunks: Buffer[] = [];
          const end = (): void => {
            clearTimeout(late);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
              isStream,
              ms: performance.now() - from,
            });
          };
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject).on("end", end);
          if (isStream)
            setTimeout(() => {
              end();
              asking.destroy();
            }, streamMs);
        });
        const half = Math.ceil((body?.length ?? 0) / 2);
        if (chunked && half > 0) asking.write(body?.subarray(0, half));
        asking.end(chunked ? body?.subarray(half) : body);
      }),
    close: () => agent.destroy(),
  };
}
