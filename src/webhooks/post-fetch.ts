import { Failure } from "../errors.ts";
import type { WebhookPoster } from "../mail/webhook.ts";
import { stopped, timedOut, upgraded } from "./failures.ts";

const maxBody = 16 * 1024;

type Fetch = (request: Request) => Promise<Response>;

/**
 * Posts by a runtime's `fetch`, where sockets are not for HTTP (Workers): following no redirect. The runtime looks the name up
 * itself, verifies by its own authorities, keeps the connections, unpacks what is packed, and tells no reason when there is no
 * answer: then it is always `upstream-unreachable`.
 */
export function createFetchPoster(fetch: Fetch): WebhookPoster {
  const underWay = new Set<AbortController>();
  let isClosed = false;

  return {
    async post({ url, headers, body, timeoutMs }) {
      if (isClosed) throw stopped();
      const startedAt = performance.now();
      const ending = new AbortController();
      const { signal } = ending;
      const timer = setTimeout(() => ending.abort(timedOut(true)), timeoutMs);
      underWay.add(ending);
      try {
        const request = new Request(url, { method: "POST", headers, body, redirect: "manual", signal });
        const response = await fetch(request).catch(() => {
          throw signal.aborted ? signal.reason : notTold();
        });
        const { status } = response;
        const headAfterMs = Math.round(performance.now() - startedAt);
        if (status < 200) throw upgraded();
        return {
          status,
          retryAfter: response.headers.get("retry-after"),
          headAfterMs,
          body: await beginningOf(response),
        };
      } finally {
        clearTimeout(timer);
        underWay.delete(ending);
        // What is left of the answer is nobody's.
        ending.abort();
      }
    },
    close() {
      isClosed = true;
      for (const ending of underWay) ending.abort(stopped());
    },
  };
}

/** What came of the body before it was enough, broke off, or took too long. */
async function beginningOf({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBody) break;
    }
  } catch {
    // The answer is its head.
  }
  return Buffer.concat(chunks).subarray(0, maxBody);
}

const notTold = (): Failure =>
  new Failure(
    "upstream-unreachable",
    "The webhook receiver can't be reached, its certificate can't be verified, or its answer is not HTTP: where Postern runs, these can't be told apart.",
  );
