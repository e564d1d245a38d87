import { STATUS_CODES } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { answer, request, shorten } from "./print.ts";

/** Whose requests these are. */
export interface Caller {
  /** Of Postern, without a slash at the end. */
  url: string;
  key: string;
  /** Ends what is under way. */
  signal: AbortSignal;
}

export interface Call<T> {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** The status that the story goes on with. */
  expect: number;
  /** Which members of the answer are shown, and which of the body; all, if not given. */
  keep?: string[];
  keepOfBody?: string[];
  /** Asks again until this holds, for ten seconds at most; only the last answer is shown. */
  until?: (json: T) => boolean;
}

export interface Answer<T> {
  /** What the caller says that this route answers with the expected status; nothing checks it. */
  json: T;
  bytes: Buffer;
}

let calls = 0;

export const callsMade = (): number => calls;

/** Makes a request and shows it with its answer. Another status than the expected one is shown in full and is an error. */
export async function call<T>(
  caller: Caller,
  { expect, keep, keepOfBody, until = () => true, ...what }: Call<T>,
): Promise<Answer<T>> {
  const { method, path, headers = {}, body } = what;
  request(method, path, headers, body === undefined ? undefined : shorten(body, keepOfBody));
  const deadline = Date.now() + 10_000;
  for (let asked = 1; ; asked += 1) {
    const { response, bytes, ms } = await ask(caller, what);
    const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
    const json: T = isJson ? JSON.parse(bytes.toString()) : undefined;
    const right = response.status === expect;
    if (right && !until(json) && Date.now() < deadline) {
      await sleep(100, undefined, { signal: caller.signal });
      continue;
    }
    const note = [
      `${ms.toFixed(0)} ms`,
      ...(isJson || bytes.length === 0 ? [] : [`${response.headers.get("Content-Type")}, ${bytes.length} bytes`]),
      ...(asked > 1 ? [`asked ${asked} times`] : []),
    ].join(", ");
    answer(response.status, STATUS_CODES[response.status] ?? "", note, right ? shorten(json, keep) : json);
    if (!right) throw new Error(`${method} ${path} was answered with ${response.status} where ${expect} was due.`);
    if (!until(json)) throw new Error(`${method} ${path} did not show in ten seconds what was due.`);
    return { json, bytes };
  }
}

type Request = Pick<Call<never>, "method" | "path" | "headers" | "body">;

async function ask(caller: Caller, { method, path, headers, body }: Request) {
  calls += 1;
  const began = performance.now();
  const response = await fetch(`${caller.url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${caller.key}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: caller.signal,
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { response, bytes, ms: performance.now() - began };
}
