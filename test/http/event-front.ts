import type { Front } from "../../src/http/env.ts";
import { createFront } from "../../src/http/front.ts";
import { listEvents } from "../../src/http/events/list-events.ts";
import { streamEvents } from "../../src/http/events/stream-events.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { listEvents as listOperation } from "../../src/operations/list-events.ts";
import { streamEvents as streamOperation } from "../../src/operations/stream-events.ts";
import type { EventHouse } from "../operations/event-house.ts";

/** A front door with the routes of events; every key is the caller's. */
export function eventFront(house: EventHouse, caller: AppCaller): Front {
  const app = createFront({
    config: { maxBody: 64 * 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log: { write: () => {} },
    metrics: createMetrics(),
    clock: house.clock,
    authenticate: async () => caller,
    ready: async () => {},
    docsScript: null,
  });
  listEvents(app, listOperation(house.needs));
  streamEvents(app, streamOperation(house.needs));
  return app;
}

export type Block = { id?: string; event?: string; data?: { id: string; sequence: number }; comment?: string };

/** Blocks of server-sent events out of what has come so far, and the rest that is no whole block yet. */
export function readBlocks(text: string): { blocks: Block[]; rest: string } {
  const parts = text.split("\n\n");
  const rest = parts.pop() ?? "";
  const blocks = parts.map((part) => {
    const block: Block = {};
    for (const line of part.split("\n")) {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name === "") block.comment = value;
      else if (name === "data") block.data = JSON.parse(value) as { id: string; sequence: number };
      else if (name === "id" || name === "event") block[name] = value;
    }
    return block;
  });
  return { blocks, rest };
}

export type Reader = { next(): Promise<Block>; cancel(): Promise<void>; ended(): Promise<boolean> };

/** Reads a stream of server-sent events block by block. */
export function blocksOf(response: Response): Reader {
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("the answer has no body");
  const decoder = new TextDecoder();
  const ready: Block[] = [];
  let text = "";
  async function more(): Promise<boolean> {
    const { done, value } = await (reader as ReadableStreamDefaultReader<Uint8Array>).read();
    if (done) return false;
    const { blocks, rest } = readBlocks(text + decoder.decode(value, { stream: true }));
    text = rest;
    ready.push(...blocks);
    return true;
  }
  return {
    async next() {
      for (;;) {
        const block = ready.shift();
        if (block !== undefined) return block;
        if (!(await more())) throw new Error("the stream has ended");
      }
    },
    cancel: () => reader.cancel(),
    ended: async () => !(await more()),
  };
}
