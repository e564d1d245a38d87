import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Where calls go, and the key they carry. */
export type Target = { host: string; port: number; appKey: string };

export type Caller = {
  /** A JSON call, read whole and parsed. Fails when the answer is none of 2xx. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** A download that is read and thrown away, as fast as it comes; resolves with its octets. */
  drain(path: string): Promise<number>;
  /** A download that is begun and then read no further; resolves, once it has come to rest, with what gives it up. */
  stall(path: string): Promise<() => void>;
  close(): void;
};

/** A client with keep-alive connections, by Node's own HTTP. */
export function makeCaller({ host, port, appKey }: Target): Caller {
  const agent = new Agent({ keepAlive: true });
  const send = (method: string, path: string, body?: unknown): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        Authorization: `Bearer ${appKey}`,
        ...(payload !== undefined && {
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(payload),
        }),
      };
      request({ host, port, agent, method, path, headers }, resolve).on("error", reject).end(payload);
    });

  return {
    async call(method, path, body) {
      const response = await send(method, path, body);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const { statusCode = 0 } = response;
      if (statusCode < 200 || statusCode > 299) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
      return text === "" ? null : JSON.parse(text);
    },
    async drain(path) {
      const response = await send("GET", path);
      if (response.statusCode !== 200) throw new Error(`GET ${path} answered ${response.statusCode}`);
      let octets = 0;
      response.on("data", (chunk: Buffer) => (octets += chunk.length));
      await new Promise((resolve, reject) => response.on("end", resolve).on("error", reject));
      return octets;
    },
    async stall(path) {
      const response = await send("GET", path);
      if (response.statusCode !== 200) throw new Error(`GET ${path} answered ${response.statusCode}`);
      await once(response, "readable");
      await sleep(500); // until what lies between is full
      return () => void response.destroy();
    },
    close: () => agent.destroy(),
  };
}
