import { Failure } from "../errors.ts";
import { parseStrictJson } from "./strict-json.ts";

/** An upload that sends nothing for this long is given up. */
const stallMs = 30_000;

const tooLarge = (limit: number) =>
  new Failure("body-too-large", `The body is larger than ${limit} octets.`, { extra: { limit } });

const stalled = () => new Failure("request-timeout", "The body did not arrive in time.");

function checkLength(request: Request, limit: number): void {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > limit) throw tooLarge(limit);
}

/**
 * The body's octets as they arrive, counted: fails `body-too-large` past `limit` octets (told by Content-Length or not),
 * `request-timeout` when it stalls for 30 s or the caller leaves. Leaving the loop early cancels the upload.
 */
export async function* bodyBytes(request: Request, limit: number): AsyncGenerator<Uint8Array, void, undefined> {
  checkLength(request, limit);
  if (request.body === null) return;
  const reader = request.body.getReader();
  let size = 0;
  let ended = false;
  try {
    for (;;) {
      const chunk = await readInTime(reader);
      if (chunk === null) {
        ended = true;
        return;
      }
      size += chunk.byteLength;
      if (size > limit) throw tooLarge(limit);
      yield chunk;
    }
  } finally {
    if (!ended) void reader.cancel().catch(() => {});
  }
}

async function readInTime(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stalled()), stallMs);
  });
  try {
    const { done, value } = await Promise.race([reader.read(), timeout]);
    return done ? null : value;
  } catch (error) {
    throw error instanceof Failure ? error : stalled();
  } finally {
    clearTimeout(timer);
  }
}

/** Refuses a body of another media type, or one that is compressed. */
export function requireContentType(request: Request, media: string): void {
  const given = request.headers.get("content-type");
  const essence = given?.split(";")[0]?.trim().toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(given ?? "")?.[1]?.toLowerCase() ?? "utf-8";
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (essence !== media || (media === "application/json" && charset !== "utf-8") || encoding !== "identity") {
    throw new Failure("unsupported-media-type", `This route takes ${media}, in UTF-8 where it is text, uncompressed.`, {
      fix: `Send Content-Type: ${media}`,
    });
  }
}

function emptyRaw(): Failure {
  return new Failure("bad-request", "The body is empty; this route takes a message.");
}

/** What can be told of a raw body before it is read: its media type, that it is there, and that it is not too long. */
export function checkRaw(request: Request, media: string, limit: number): void {
  if (request.body === null) throw emptyRaw();
  requireContentType(request, media);
  checkLength(request, limit);
}

/** A raw body as it arrives. Fails as `bodyBytes`, and `bad-request` where it turns out to be empty. */
export async function* rawBytes(request: Request, limit: number): AsyncGenerator<Uint8Array, void, undefined> {
  let isEmpty = true;
  for await (const chunk of bodyBytes(request, limit)) {
    isEmpty &&= chunk.byteLength === 0;
    yield chunk;
  }
  if (isEmpty) throw emptyRaw();
}

/** The body as strict JSON: see `parseStrictJson` for what is refused. An empty body is `invalid-json`. */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const empty = new Failure("invalid-json", "The body is empty; this route takes a JSON object.", {
    fix: "Send Content-Type: application/json and a JSON object.",
  });
  if (request.body === null) throw empty;
  requireContentType(request, "application/json");
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyBytes(request, limit)) chunks.push(chunk);
  if (chunks.length === 0) throw empty;
  let text: string;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch {
    throw new Failure("invalid-json", "The body is not UTF-8.");
  }
  return parseStrictJson(text);
}
