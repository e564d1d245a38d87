import type { Client } from "undici";
import type { WebhookAnswer, WebhookPoster, WebhookRequest } from "../mail/webhook.ts";
import { stopped, timedOut, toFailure, tooManyInterim } from "./failures.ts";
import { createIdleLines } from "./idle-lines.ts";
import { type Line, openLine } from "./line.ts";

/** Connections that wait for their next request, to all receivers together. */
const maxIdle = 256;
/** How long they do where the receiver does not say (Keep-Alive). */
const keepAliveMs = 4_000;
const maxBody = 16 * 1024;
const maxInterim = 20;

type Undici = { Client: typeof Client };

/**
 * Posts on Node, by HTTP/1.1: straight to the admitted address, following no redirect, unpacking nothing. A connection is kept
 * for the next request when the answer's body has ended; a body that is longer than 16 kB or than the time ends it.
 */
export function createUndiciPoster(load: () => Promise<Undici> = () => import("undici")): WebhookPoster {
  const idle = createIdleLines(maxIdle);
  let loaded: Undici | null = null;
  let loading: Promise<Undici> | null = null;
  const lines = new Set<Line>();
  let isClosed = false;

  /** Some 60 ms and 30 MB: only for who has webhooks. What fails may work the next time. */
  async function undici(): Promise<Undici> {
    try {
      return (loaded = await (loading ??= load()));
    } finally {
      loading = null;
    }
  }

  function open(receiver: string, makeClient: typeof Client, request: WebhookRequest): Line {
    const line = openLine(makeClient, request, keepAliveMs);
    lines.add(line);
    line.client.on("disconnect", () => {
      // One that is lent is seen to by its borrower.
      if (idle.remove(receiver, line)) drop(line, null);
    });
    return line;
  }

  function drop(line: Line, error: Error | null): void {
    lines.delete(line);
    line.end(error);
  }

  /** Sends a request on a line that carries no other; afterwards the line is idle or gone. Throws what undici throws. */
  async function exchange(
    receiver: string,
    line: Line,
    request: WebhookRequest,
    startedAt: number,
  ): Promise<WebhookAnswer> {
    const ms = Math.max(request.timeoutMs - (performance.now() - startedAt), 1);
    const timer = setTimeout(() => drop(line, timedOut(line.isOpen)), ms);
    try {
      const { answer, isWhole } = await send(line, request, startedAt, () => drop(line, tooManyInterim()));
      if (isWhole && line.isOpen) {
        line.settle();
        const surplus = idle.put(receiver, line);
        if (surplus !== null) drop(surplus, null);
      } else drop(line, null);
      return answer;
    } catch (error) {
      drop(line, null);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async post(request) {
      const startedAt = performance.now();
      const { Client: makeClient } = loaded ?? (await undici());
      if (isClosed) throw stopped();
      const receiver = `${request.url.origin} ${request.admitted.address}`;
      const kept = idle.take(receiver);
      try {
        if (kept !== null) return await exchange(receiver, kept, request, startedAt);
      } catch (error) {
        if (isClosed || kept?.wasStale(error) !== true) throw toFailure(error, kept !== null && kept.heard > 0);
      }
      const line = open(receiver, makeClient, request);
      try {
        return await exchange(receiver, line, request, startedAt);
      } catch (error) {
        throw toFailure(error, line.heard > 0);
      }
    },
    close() {
      isClosed = true;
      for (const line of lines) line.end(stopped());
      lines.clear();
    },
  };
}

const nothing = new Uint8Array();
const joined = (chunks: Buffer[]): Uint8Array =>
  chunks.length === 0 ? nothing : Buffer.concat(chunks).subarray(0, maxBody);

/**
 * Sends a request and waits for the answer's end, or for as much of it as is wanted: `isWhole` says which. Rejects when the line
 * ends before the answer's head is there. By `dispatch`, because `request` makes a stream of each answer, which takes as long as
 * all the rest.
 */
function send(
  { client }: Line,
  { url, headers, body }: WebhookRequest,
  startedAt: number,
  onFlood: () => void,
): Promise<{ answer: WebhookAnswer; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    let head: Omit<WebhookAnswer, "body"> | null = null;
    const chunks: Buffer[] = [];
    let length = 0;
    let interim = 0;
    const end = (isWhole: boolean, error?: Error): void => {
      if (head === null) reject(error ?? new Error("an end without a head"));
      else resolve({ answer: { ...head, body: joined(chunks) }, isWhole });
    };
    // Of an object, undici asks first whether it iterates, which takes longer than to read it.
    const fields: string[] = [];
    for (const [name, value] of Object.entries(headers)) fields.push(name, value);
    client.dispatch(
      { path: `${url.pathname}${url.search}`, method: "POST", headers: fields, body },
      {
        // undici asks for it.
        onRequestStart: () => {},
        onResponseStart(_, status, answered) {
          if (status >= 200) {
            const asked = answered["retry-after"] ?? null;
            const retryAfter = Array.isArray(asked) ? (asked[0] ?? null) : asked;
            head = { status, retryAfter, headAfterMs: Math.round(performance.now() - startedAt) };
          } else if (++interim > maxInterim) onFlood();
        },
        onResponseData(_, chunk) {
          if (length > maxBody) return;
          chunks.push(chunk);
          length += chunk.length;
          if (length > maxBody) end(false);
        },
        onResponseEnd: () => end(true),
        onResponseError: (_, error) => end(false, error),
      },
    );
  });
}
