import type { IncomingMessage } from "node:http";

/** What a body is read by, however it comes: a web stream's reader has it, and so has a `NodeRequest`. */
export type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/**
 * A request that Node has received, with as much of `Request` as the front door asks for, each part made when it is asked for: a whole
 * one, with the web stream of its body, takes longer to make than the body to read.
 */
export class NodeRequest {
  readonly method: string;
  readonly url: string;
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
  /** The upload, read as it is asked for; null: there is none. */
  readonly reader: BodyReader | null;
  readonly #rawHeaders: string[];
  #headers: IncomingHeaders | undefined;
  #body: ReadableStream<Uint8Array> | undefined;

  constructor(of: {
    method: string;
    url: string;
    signal: AbortSignal;
    reader: BodyReader | null;
    /** Names and values in turn. */
    rawHeaders: string[];
  }) {
    this.method = of.method;
    this.url = of.url;
    this.signal = of.signal;
    this.reader = of.reader;
    this.#rawHeaders = of.rawHeaders;
  }

  get headers(): IncomingHeaders {
    return (this.#headers ??= headersOf(this.#rawHeaders));
  }

  /** For who knows only `Request`; then `reader` is the stream's. */
  get body(): ReadableStream<Uint8Array> | null {
    const { reader } = this;
    if (reader === null) return null;
    return (this.#body ??= new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => reader.cancel(),
      },
      { highWaterMark: 0 },
    ));
  }
}

/** What is asked of a request's headers. The names that `forEach` gives are lower-case. */
type IncomingHeaders = Pick<Headers, "get" | "has"> & {
  forEach(tell: (value: string, name: string) => void): void;
};

/** Node's parser has seen to it that names are tokens and values have no line's end: `Headers` would look again, and sort them. */
function headersOf(raw: string[]): IncomingHeaders {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? "").toLowerCase();
    const value = raw[at + 1] ?? "";
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  return {
    get: (name) => values.get(name.toLowerCase()) ?? null,
    has: (name) => values.has(name.toLowerCase()),
    forEach: (tell) => values.forEach(tell),
  };
}

/**
 * Reads what arrives, all that is there at a time. `began` is called before the first look: a caller may wait for 100 Continue.
 * `read` rejects when the caller leaves; after `cancel` it takes nothing more, and what follows is left where it is.
 */
export function readerOf(incoming: IncomingMessage, began: () => void): BodyReader {
  let isOver = false;
  let stopWaiting = (): void => {};

  function moved(): Promise<void> {
    return new Promise((resolve) => {
      stopWaiting = () => {
        for (const event of moves) incoming.off(event, stopWaiting);
        resolve();
      };
      for (const event of moves) incoming.on(event, stopWaiting);
    });
  }

  return {
    async read() {
      began();
      for (;;) {
        const chunk: Uint8Array | null = isOver ? null : incoming.read();
        if (chunk !== null) return { done: false, value: chunk };
        if (isOver || (incoming.complete && incoming.readableLength === 0)) return { done: true, value: undefined };
        if (incoming.destroyed) throw new Error("The caller left.");
        await moved();
      }
    },
    cancel() {
      isOver = true;
      stopWaiting();
      return Promise.resolve();
    },
  };
}

const moves = ["readable", "end", "close", "error"];
