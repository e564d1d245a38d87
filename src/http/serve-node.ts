import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Failure } from "../errors.ts";
import { randomId } from "../mail/id.ts";
import type { Log } from "../observe.ts";
import { describeError } from "./log.ts";
import { NodeRequest, readerOf } from "./node-request.ts";
import { problemBody, problemHeaders } from "./problem.ts";
import { wholeOf } from "./whole-answer.ts";

/** Milliseconds. */
const standing = {
  /** All of a request's header must be there. */
  headers: 20_000,
  /** All of a request must be there; a stalled body is given up sooner (body.ts). */
  request: 300_000,
  /** Longer than the 60 s of the usual proxies, so that it is they who close. */
  keepAlive: 65_000,
  /** Nothing moved in either direction: longer than any wait of ours, short enough for a reader that stopped reading. */
  silence: 120_000,
  /** How often the limits above are looked at. */
  check: 5000,
  /** After the end was asked for: how long a connection on which nothing has come yet is kept for the request that is on its way. */
  fresh: 1000,
  /** How long the rest of an upload that was answered early is read, so that the answer is not lost to a reset. */
  linger: 5000,
};

const maxHeaderSize = 32 * 1024;
const maxLinger = 16 * 1024 * 1024;

type Needs = {
  fetch: (request: Request) => Response | Promise<Response>;
  host: string;
  /** 0: any free one. */
  port: number;
  log: Log;
  /** Milliseconds, for tests; see `standing`. */
  limits?: Partial<typeof standing>;
};

/** The answer that is under way on a connection. */
const answering = new WeakMap<Duplex, ServerResponse>();

export type Served = {
  port: number;
  /** Takes no new work, lets running answers end for `ms`, then cuts them. Resolves when all is closed. */
  close(ms?: number): Promise<void>;
};

/**
 * Serves `fetch` over HTTP/1.1. A body that fails cuts its connection; a caller that leaves aborts the request's signal
 * and cancels the answer's body at once. What Node would refuse by itself (400, 408, 431) is a problem document too.
 * Rejects when the address can't be listened on.
 */
export async function serveNode(needs: Needs): Promise<Served> {
  const limits = { ...standing, ...needs.limits };
  let closing = false;
  const sockets = new Set<Socket>();
  /** Those of them on which no request has come yet. */
  const fresh = new Set<Socket>();
  /** Ends every connection that nothing is to come on: without an answer under way, and not fresh. */
  const endIdle = () => {
    for (const socket of sockets) if (!answering.has(socket) && !fresh.has(socket)) socket.destroySoon();
  };
  const server = createServer({
    maxHeaderSize,
    headersTimeout: limits.headers,
    requestTimeout: limits.request,
    keepAliveTimeout: limits.keepAlive,
    connectionsCheckingInterval: limits.check,
    requireHostHeader: false,
  });
  server.timeout = limits.silence;
  const take = (incoming: IncomingMessage, outgoing: ServerResponse, continued: boolean) => {
    if (closing) outgoing.setHeader("Connection", "close");
    fresh.delete(incoming.socket);
    answering.set(incoming.socket, outgoing);
    outgoing.on("close", () => {
      answering.delete(incoming.socket);
      if (closing) endIdle();
    });
    answer(needs, incoming, outgoing, continued).catch((error: unknown) => {
      needs.log.write("error", "http.failed", { error: describeError(error) });
      outgoing.destroy();
    });
  };
  server.on("connection", (socket) => {
    sockets.add(socket);
    fresh.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      fresh.delete(socket);
    });
  });
  server.on("request", (incoming, outgoing) => take(incoming, outgoing, true));
  server.on("checkContinue", (incoming, outgoing) => take(incoming, outgoing, false));
  server.on("checkExpectation", (incoming, outgoing) => take(incoming, outgoing, true));
  server.on("clientError", (error: Error & { code?: string }, socket) => refuse(needs.log, error, socket));
  server.on("connect", (_, socket) => {
    // Node has let go of the socket by now: a reset would find nobody.
    socket.on("error", () => socket.destroy());
    refuseWith(needs.log, new Failure("bad-request", "This is no proxy."), socket);
  });
  await listen(server, needs.host, needs.port);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : needs.port,
    async close(ms = 25_000) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endIdle();
      const late = setTimeout(() => {
        fresh.clear();
        endIdle();
      }, limits.fresh);
      const cut = setTimeout(() => server.closeAllConnections(), ms);
      await closed;
      clearTimeout(late);
      clearTimeout(cut);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function answer(
  needs: Needs,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  continued: boolean,
): Promise<void> {
  const left = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) left.abort();
  });
  const request = toRequest(incoming, left.signal, () => {
    if (!continued) outgoing.writeContinue();
    continued = true;
  });
  if (request instanceof Failure) {
    const requestId = randomId("req");
    needs.log.write("info", "http.refused", { requestId, code: request.code });
    const body = JSON.stringify(problemBody(request, requestId));
    const headers = { ...problemHeaders(request, requestId), "Content-Length": Buffer.byteLength(body) };
    outgoing.writeHead(request.status, { ...headers, Connection: "close" });
    outgoing.end(body);
    return;
  }
  // It has all of a `Request` that is asked for behind the door.
  const response = await needs.fetch(request as unknown as Request);
  if (left.signal.aborted || outgoing.headersSent) {
    await response.body?.cancel();
    return;
  }
  if (!continued) outgoing.setHeader("Connection", "close");
  if (!incoming.complete) lingerOn(incoming, outgoing);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  const content = wholeOf(response);
  if (content !== null) outgoing.end(content);
  else if (response.body === null) outgoing.end();
  else await send(response.body, outgoing, left.signal);
}

/** The request as `fetch` takes it. The host is not taken from the caller: nothing here depends on it. */
function toRequest(incoming: IncomingMessage, signal: AbortSignal, began: () => void): NodeRequest | Failure {
  const { url: asked = "", httpVersion, headers, rawHeaders } = incoming;
  if (httpVersion === "1.1" && headers.host === undefined) {
    return new Failure("bad-request", "The request has no Host header.");
  }
  const target = asked.startsWith("/") ? `http://postern${asked}` : asked;
  const url = /^https?:\/\/./i.test(target) ? URL.parse(target)?.href : undefined;
  if (url === undefined) {
    return new Failure("bad-request", "The request target is neither a path nor a URL.");
  }
  const method = incoming.method ?? "GET";
  const announced = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  const hasBody = method !== "GET" && method !== "HEAD" && announced;
  return new NodeRequest({ method, url, signal, reader: hasBody ? readerOf(incoming, began) : null, rawHeaders });
}

/** Writes as fast as the caller reads. When the body fails, the connection is cut, so that nobody takes it for whole. */
async function send(body: ReadableStream<Uint8Array>, outgoing: ServerResponse, left: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const leave = () => void reader.cancel().catch(() => {});
  left.addEventListener("abort", leave, { once: true });
  // A body may fail while the caller is still to take what it has given before.
  reader.closed.catch(() => outgoing.destroy());
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (left.aborted) return;
      if (done) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      outgoing.off("drain", settle);
      outgoing.off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
    if (outgoing.destroyed) settle();
  });
}

/** The answer comes before the upload's end: the rest is read away for a while, then the connection is cut. */
function lingerOn(incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.once("finish", () => {
    if (incoming.complete) return;
    let octets = 0;
    const timer = setTimeout(() => incoming.socket.destroy(), standing.linger);
    incoming.on("data", (chunk: Uint8Array) => {
      octets += chunk.byteLength;
      if (octets > maxLinger) incoming.socket.destroy();
    });
    incoming.once("close", () => clearTimeout(timer));
    incoming.once("end", () => clearTimeout(timer));
    incoming.resume();
  });
}

/** What Node's parser and its clocks find wrong before there is a request. */
function refuse(log: Log, error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "HPE_HEADER_OVERFLOW") {
    refuseWith(log, new Failure("headers-too-large", `The headers are larger than ${maxHeaderSize} octets.`), socket);
  } else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    refuseWith(log, new Failure("request-timeout", "The request did not arrive in time."), socket);
  } else if (error.code === "ECONNRESET" || error.code === "EPIPE") {
    socket.destroy();
  } else {
    refuseWith(log, new Failure("bad-request", "This is not HTTP/1.1 as RFC 9112 has it."), socket);
  }
}

/** Answers on the bare socket, unless another answer is already on its way there. */
function refuseWith(
  log: Log,
  failure: Failure,
  socket: Duplex & { _httpMessage?: { headersSent: boolean } | null },
): void {
  if (!socket.writable || socket._httpMessage?.headersSent === true) {
    socket.destroy();
    return;
  }
  const requestId = randomId("req");
  log.write("info", "http.refused", { requestId, code: failure.code });
  const body = JSON.stringify(problemBody(failure, requestId));
  const headers = { ...problemHeaders(failure, requestId), "Content-Length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${failure.status} ${reasons[failure.status] ?? ""}\r\n${lines.join("")}Connection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), 1000).unref();
}

const reasons: Record<number, string> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};
