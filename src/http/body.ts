import { Failure } from "../errors.ts";
import { type BodyReader, NodeRequest } from "./node-request.ts";
import { parseStrictJson } from "./strict-json.ts";

/** An upload that sends nothing for this long is given up. */
const stallMs = 30_000;

/** Smaller chunks are put together: a body in chunks of one octet costs no more memory than another. */
const leastChunk = 16 * 1024;

const tooLarge = (limit: number) =>
  new Failure("body-too-large", `The body is larger than ${limit} octets.`, { extra: { limit } });

const stalled = () => new Failure("request-timeout", "The body did not arrive in time.");

function checkLength(request: Request, limit: number): void {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > limit) throw tooLarge(limit);
}

/**
 * The body's octets as they arrive, counted: fails `body-too-large` past `limit` octets (told by Content-Length or not),
 * `request-timeout` when it stalls for 30 s or the caller leaves. Leaving the loop early cancels the upload. Small chunks come put together.
 */
export async function* bodyBytes(request: Request, limit: number): AsyncGenerator<Uint8Array, void, undefined> {
  checkLength(request, limit);
  const reader = readerIn(request);
  if (reader === null) return;
  let size = 0;
  let held: Uint8Array = new Uint8Array();
  let length = 0;
  let ended = false;
  try {
    for (;;) {
      const chunk = await readInTime(reader);
      if (chunk === null) break;
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      if (length + chunk.length > leastChunk) {
        if (length > 0) yield held.subarray(0, length);
        length = 0;
      }
      if (length === 0 && chunk.length * 2 > leastChunk) yield chunk;
      else if (length === 0) [held, length] = [chunk, chunk.length];
      else {
        if (held.length < leastChunk) held = grown(held);
        held.set(chunk, length);
        length += chunk.length;
      }
    }
    ended = true;
    if (length > 0) yield held.subarray(0, length);
  } finally {
    if (!ended) void reader.cancel().catch(() => {});
  }
}

/** Whether there is a body, though it may turn out to have no octets. */
export function hasBody(request: Request): boolean {
  return (request instanceof NodeRequest ? request.reader : request.body) !== null;
}

function readerIn(request: Request): BodyReader | null {
  return request instanceof NodeRequest ? request.reader : (request.body?.getReader() ?? null);
}

function grown(octets: Uint8Array): Uint8Array {
  const larger = new Uint8Array(leastChunk);
  larger.set(octets);
  return larger;
}

/** The next chunk; null: the body has ended. */
function readInTime(reader: BodyReader): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      clearTimeout(timer);
      reject(stalled());
    };
    const timer = setTimeout(giveUp, stallMs);
    const take = ({ value }: { value?: Uint8Array | undefined }): void => {
      clearTimeout(timer);
      resolve(value ?? null);
    };
    reader.read().then(take, giveUp);
  });
}

/** The media type of a route that takes any, or none: what may come of it is for the operation to say. */
export const anyMedia = "*/*";

/** Refuses a body of another media type, or one that is compressed. */
export function requireContentType(request: Request, media: string): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (media === anyMedia) {
    if (encoding === "identity") return;
    throw new Failure("unsupported-media-type", "This route takes no Content-Encoding.", {
      fix: "Leave Content-Encoding out: a compressed file is one by its Content-Type.",
    });
  }
  const given = request.headers.get("content-type");
  const essence = given?.split(";")[0]?.trim().toLowerCase();
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(given ?? "")?.[1]?.toLowerCase() ?? "utf-8";
  if (essence !== media || (media === "application/json" && charset !== "utf-8") || encoding !== "identity") {
    throw new Failure("unsupported-media-type", `This route takes ${media}, in UTF-8 where it is text, uncompressed.`, {
      fix: `Send Content-Type: ${media}`,
    });
  }
}

function emptyRaw(): Failure {
  return new Failure("bad-request", "The body is empty; this route takes a message.");
}

/** What can be told of a raw body before it is read: its media type, that it is there where one was named, and that it is not too long. */
export function checkRaw(request: Request, media: string, limit: number): void {
  if (!hasBody(request) && media !== anyMedia) throw emptyRaw();
  requireContentType(request, media);
  checkLength(request, limit);
}

/** Octets of a body as Content-Length announces them; null: nobody knows. */
export function announcedLength(request: Request): number | null {
  const announced = Number(request.headers.get("content-length"));
  return Number.isSafeInteger(announced) && announced > 0 ? announced : null;
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

function emptyJson(): Failure {
  return new Failure("invalid-json", "The body is empty; this route takes a JSON object.", {
    fix: "Send Content-Type: application/json and a JSON object.",
  });
}

/** A JSON body of which as much was read as a short one has. */
export type BegunJson = {
  /** Whether there is more of it. */
  isLong: boolean;
  /** The whole as strict JSON: see `parseStrictJson` for what is refused. An empty body is `invalid-json`. */
  value: () => Promise<unknown>;
  /** Cancels the upload of what is not to be read on. */
  leave: () => Promise<unknown>;
};

/** Begins to read a JSON body, of `limit` octets at most: all of one that has `short` octets or fewer. */
export async function beginJson(request: Request, limit: number, short: number): Promise<BegunJson> {
  if (!hasBody(request)) throw emptyJson();
  requireContentType(request, "application/json");
  const source = bodyBytes(request, limit);
  const chunks: Uint8Array[] = [];
  let isWhole = false;
  async function readTo(most: number): Promise<void> {
    for (let size = 0; size <= most && !isWhole;) {
      const step = await source.next();
      isWhole = step.done === true;
      if (step.done === true) continue;
      chunks.push(step.value);
      size += step.value.length;
    }
  }
  await readTo(short);
  return {
    isLong: !isWhole,
    async value() {
      await readTo(Infinity);
      if (chunks.length === 0) throw emptyJson();
      return parseStrictJson(textOf(chunks));
    },
    leave: () => source.return(),
  };
}

function textOf(chunks: Uint8Array[]): string {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch {
    throw new Failure("invalid-json", "The body is not UTF-8.");
  }
}
