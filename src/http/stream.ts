import type { FrontEnv } from "./env.ts";
import { describeError } from "./log.ts";
import type { ByteRange } from "../mail/mailbox.ts";

/** What is needed of a hono Context, whatever its caller. */
export type Call = { readonly req: { readonly method: string }; readonly var: FrontEnv["Variables"] };

type Outcome = "whole" | "aborted" | "failed";

type Streamed = {
  /** Media type of the answer. */
  contentType: string;
  /** The octets to send. For HEAD it is returned unread, or null. */
  stream: AsyncIterable<Uint8Array> | null;
  /** Octets of the whole content; null where not known exactly. */
  size: number | null;
  /** What `stream` yields of it; absent or null: the whole, 200. Otherwise 206 with Content-Range. */
  range?: ByteRange | null;
  headers?: Record<string, string>;
  /** Aborts when the answer is to be cut where it is, though nothing has failed: its reader takes too long. */
  cut?: AbortSignal;
};

/** What a stranger's content is sent with: it is saved, not shown, and runs nothing where it is shown after all. */
export const foreignContent = { "Content-Security-Policy": "sandbox; default-src 'none'" };

/**
 * Answers with octets as they come, one chunk at a time, as fast as the caller takes them. A failure before the first octet
 * is a problem document. When the caller leaves, `return()` is called on the iterator at once; when the iterator fails in
 * mid-body, or yields another number of octets than told, the connection is cut: never a short 200.
 */
export async function streamed(c: Call, answer: Streamed): Promise<Response> {
  const { size, range = null } = answer;
  const length = range === null ? size : range.end - range.start + 1;
  const headers = new Headers({ ...answer.headers, "Content-Type": answer.contentType });
  if (length !== null) headers.set("Content-Length", String(length));
  if (size !== null) headers.set("Accept-Ranges", "bytes");
  if (range !== null) headers.set("Content-Range", `bytes ${range.start}-${range.end}/${size ?? "*"}`);
  const status = range === null ? 200 : 206;
  const iterator = answer.stream?.[Symbol.asyncIterator]();
  if (c.req.method === "HEAD" || iterator === undefined) {
    await iterator?.return?.();
    c.var.line.streamed = (finish) => finish(0, "whole");
    return new Response(null, { status, headers });
  }
  const first = await iterator.next();
  let end: { bytes: number; outcome: Outcome } | undefined;
  let finish: ((bytes: number, outcome: Outcome) => void) | undefined;
  c.var.line.streamed = (callback) => {
    if (end === undefined) finish = callback;
    else callback(end.bytes, end.outcome);
  };
  const { front, requestId } = c.var;
  const body = toStream(iterator, { first, length, cut: answer.cut }, (bytes, outcome, error) => {
    if (outcome === "failed") front.log.write("warn", "http.stream-failed", { requestId, error: describeError(error) });
    end = { bytes, outcome };
    finish?.(bytes, outcome);
  });
  return new Response(body, { status, headers });
}

/** The next step that is not an empty chunk. */
async function nextOctets(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  for (;;) {
    const step = await iterator.next();
    if (step.done === true || step.value.byteLength > 0) return step;
  }
}

/** `first` has been taken from the iterator already. `length` null: as many octets as come. */
function toStream(
  iterator: AsyncIterator<Uint8Array>,
  { first, length, cut }: { first: IteratorResult<Uint8Array>; length: number | null; cut: AbortSignal | undefined },
  done: (bytes: number, outcome: Outcome, error?: unknown) => void,
): ReadableStream<Uint8Array> {
  let next: IteratorResult<Uint8Array> | undefined = first;
  let bytes = 0;
  let over = false;
  function end(outcome: Outcome, error?: unknown): void {
    if (over) return;
    over = true;
    done(bytes, outcome, error);
  }
  const leave = () => void Promise.resolve(iterator.return?.()).catch(() => {});
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        cut?.addEventListener("abort", () => {
          if (over) return;
          end("aborted");
          leave();
          controller.error(new DOMException("The reader takes too long.", "AbortError"));
        });
      },
      async pull(controller) {
        try {
          const result = next ?? (await iterator.next());
          next = undefined;
          if (over) return;
          if (result.done !== true) {
            bytes += result.value.byteLength;
            // The last octets go out only when the source says that they are: else the answer would look whole.
            if (bytes === length) next = await nextOctets(iterator);
            const more = next !== undefined && next.done !== true;
            if (length !== null && (bytes > length || more)) throw new RangeError("more octets than told");
            if (!over) controller.enqueue(result.value);
            return;
          }
          if (length !== null && bytes < length) throw new RangeError("fewer octets than told");
          controller.close();
          end("whole");
        } catch (error) {
          if (over) return;
          end("failed", error);
          leave();
          controller.error(error);
        }
      },
      cancel() {
        end("aborted");
        leave();
      },
    },
    { highWaterMark: 0 },
  );
}
