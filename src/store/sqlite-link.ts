import { Worker } from "node:worker_threads";

/** What the main thread and the writer thread say to each other. */

export type Statement = { sql: string; params: unknown[]; returns: boolean };
/** One atomic. */
export type Work = { id: number; statements: Statement[] };
type WriterError = { code: string; message: string };
/** The rows of each statement, on disk by now; or why nothing was written. */
export type Reply = { id: number; rows: unknown[][] } | { id: number; error: WriterError };
export type WriterData = { path: string };

/** The error of an atomic that the writer could not do; it carries SQLite's code and message. */
export class WriteError extends Error {
  readonly code: string;
  constructor({ code, message }: WriterError) {
    super(message);
    this.code = code;
  }
}

export interface Writer {
  /** Resolves with each statement's rows once they are on disk; rejects with a `WriteError`, and nothing was written. */
  write(statements: Statement[]): Promise<unknown[][]>;
  /** Does what was asked for before, then ends the thread. */
  close(): Promise<void>;
}

type Waiting = { resolve: (rows: unknown[][]) => void; reject: (error: WriteError) => void };

/** Starts the writer thread; one that dies fails what it had in hand, and the next write starts another. */
export function startWriter(data: WriterData): Writer {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let thread: Worker | null = null;
  let closed = false;

  function start(): Worker {
    const worker = new Worker(new URL("./sqlite-writer.ts", import.meta.url), { workerData: data });
    worker.on("message", (replies: Reply[]) => {
      for (const reply of replies) settle(reply);
    });
    worker.on("error", () => undefined); // "exit" follows
    worker.on("exit", () => {
      if (thread === worker) thread = null;
      for (const id of waiting.keys()) settle({ id, error: { code: "WRITER_ENDED", message: "" } });
    });
    return worker;
  }

  function settle(reply: Reply): void {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("rows" in reply) asked?.resolve(reply.rows);
    else asked?.reject(new WriteError(reply.error));
  }

  return {
    write(statements) {
      if (closed) return Promise.reject(new WriteError({ code: "CLOSED", message: "" }));
      thread ??= start();
      const id = (lastId += 1);
      const { promise, resolve, reject } = Promise.withResolvers<unknown[][]>();
      thread.postMessage({ id, statements }, []);
      waiting.set(id, { resolve, reject });
      return promise;
    },

    async close() {
      closed = true;
      const ending = thread;
      if (ending === null) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      ending.once("exit", () => resolve());
      ending.postMessage("close", []);
      await promise;
    },
  };
}
