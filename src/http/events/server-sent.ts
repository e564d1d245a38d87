import type { Event } from "../../mail/event.ts";
import type { Clock } from "../../observe.ts";
import type { EventStream } from "../../operations/stream-events.ts";

/** A stream that tells nothing for this long gets a comment, so that nobody on the way takes it for dead. Milliseconds. */
const heartbeatMs = 15_000;
/** Who takes nothing for this long is cut. */
const stallMs = 30_000;
/** What clients wait before they come back. */
const retryMs = 2_000;

const encoder = new TextEncoder();

/** One event as a block (WHATWG HTML §9.2.6); JSON has no line breaks of its own. */
function blockOf(event: Event): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

async function* blocksOf(stream: EventStream, isNew: boolean): AsyncGenerator<Uint8Array> {
  // Who came without a resume point has one from the start: else a break before the first event would lose what came in it.
  yield encoder.encode(`retry: ${retryMs}\n${isNew ? `id: ${stream.resume}\n` : ""}\n`);
  let told = stream.resume;
  for (;;) {
    const news = await stream.next(heartbeatMs);
    if (news === null) return;
    const { events, resume } = news;
    if (events.length > 0) yield encoder.encode(events.map(blockOf).join(""));
    // What the filter leaves out moves the resume point too, so that a rare event's id does not grow too old to go on from.
    else yield encoder.encode(`: still here\n${resume === told ? "" : `id: ${resume}\n`}\n`);
    told = resume;
  }
}

/**
 * A stream of events as server-sent events. Nothing is read ahead of who takes it. `cut` aborts when nothing has been
 * taken for half a minute, or when the stream is over while something is still to be taken.
 */
export function serverSent(
  stream: EventStream,
  { clock, isNew }: { clock: Clock; isNew: boolean },
): { blocks: AsyncIterable<Uint8Array>; cut: AbortSignal } {
  const cut = new AbortController();
  const inner = blocksOf(stream, isNew);
  /** Since when a block waits to be taken; null while it is we who are waited for. */
  let offeredAt: number | null = null;

  async function mind(): Promise<void> {
    while (!stream.ended.aborted) {
      const left = offeredAt === null ? stallMs : offeredAt + stallMs - clock.now();
      if (left <= 0) return stream.close("stalled");
      await clock.sleep(left, stream.ended);
    }
  }
  stream.ended.addEventListener("abort", () => {
    if (offeredAt !== null) cut.abort();
  });
  void mind();

  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      offeredAt = null;
      const step = await inner.next().catch((error: unknown) => {
        stream.close("failed");
        throw error;
      });
      if (step.done !== true) offeredAt = clock.now();
      return step;
    },
    async return() {
      stream.close("left");
      return inner.return(undefined);
    },
  };
  return { blocks: { [Symbol.asyncIterator]: () => iterator }, cut: cut.signal };
}
