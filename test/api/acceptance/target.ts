import { scopes } from "../../../src/mail/tenant.ts";
import type { Answer } from "../start.ts";
import { good } from "../webhooks.ts";

/** What not every Postern can do: true, or why it can't. */
export type Traits = {
  /** An account may name the authority of its server's certificate. */
  ownAuthority: true | string;
  /** New mail in an IMAP inbox is told of without anybody asking for a look. */
  push: true | string;
};

/** A Postern that runs. It trusts the test's authority, and may reach every port of the loopback network. */
export type Running = {
  /** Without a slash at the end. */
  url: string;
  operatorKey: string;
};

export type Target = Running & {
  name: string;
  traits: Traits;
  /** Of an app that only the tests use, with all scopes. */
  appKey: string;
  /** Method and path of all that was answered by 2xx. */
  answered: Set<string>;
};

/** Where calls go, and what is noted of them. */
type Door = Pick<Target, "url" | "answered">;

export type Got<T> = Answer<T> & { octets: Buffer };

/** Calls with one key. Text and octets go as they are, all else as JSON. */
export type Call = <T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Got<T>>;

/** Any answer fails that takes longer, milliseconds. */
const patienceMs = 45_000;

/** A request with a key; `signal` ends it. */
export async function ask(
  { url, answered }: Door,
  key: string,
  method: string,
  path: string,
  init: { headers: Record<string, string>; body?: Buffer<ArrayBuffer>; signal: AbortSignal },
): Promise<Response> {
  const headers = { Authorization: `Bearer ${key}`, ...init.headers };
  const response = await fetch(url + path, { ...init, method, headers });
  if (response.ok) answered.add(`${method} ${path.replace(/\?.*/, "")}`);
  return response;
}

export function callerOf(door: Door, key: string): Call {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const isPlain = typeof body === "string" || body instanceof Uint8Array;
    const type = body !== undefined && !isPlain && { "Content-Type": "application/json" };
    const response = await ask(door, key, method, path, {
      headers: { ...type, ...headers },
      ...(body !== undefined && { body: isPlain ? Buffer.from(body as string) : Buffer.from(JSON.stringify(body)) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const octets = Buffer.from(await response.arrayBuffer());
    const text = octets.toString();
    const isJson = text !== "" && /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      octets,
      text,
      body: (isJson ? JSON.parse(text) : null) as T,
    };
  };
}

export type App = {
  id: string;
  key: string;
  call: Call;
  /** Another key of the app: all that is left out is as the first one has it. */
  newKey(change?: { scopes?: string[]; accountIds?: string[] }): Promise<{ id: string; key: string; call: Call }>;
};

/** An app of its own, with a key that has all scopes. */
export async function newApp(target: Door & Pick<Target, "operatorKey">): Promise<App> {
  const operator = callerOf(target, target.operatorKey);
  const { id } = await good(operator<{ id: string }>("POST", "/v1/apps", { name: "acceptance" }));
  const newKey: App["newKey"] = async (change = {}) => {
    const wanted = { name: "acceptance", scopes, ...change };
    const made = await good(operator<{ id: string; key: string }>("POST", `/v1/apps/${id}/keys`, wanted));
    return { ...made, call: callerOf(target, made.key) };
  };
  const { key, call } = await newKey();
  return { id, key, call, newKey };
}

/** The status and the code of what is refused. */
export function refused({ status, body }: Got<unknown>): [status: number, code: string] {
  return [status, (body as { code: string }).code];
}
