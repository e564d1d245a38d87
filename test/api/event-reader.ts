import { setTimeout as sleep } from "node:timers/promises";
import type { RunningPostern } from "../servers/postern.ts";
import type { Told } from "./watching.ts";

export type EventReader = {
  /** What the stream has told so far, over all its connections. */
  told: Told[];
  /** How often it has been connected. */
  connections(): number;
  stop(): Promise<void>;
};

/**
 * Reads an app's stream of events as a browser does: after a break, however it came, it goes on behind the last id that it
 * has. Comes back when it is connected first.
 */
export async function readEvents(postern: Pick<RunningPostern, "url" | "appKey">): Promise<EventReader> {
  const over = new AbortController();
  const told: Told[] = [];
  const begun = Promise.withResolvers<void>();
  let lastId = "";
  let connections = 0;

  function take(block: string): void {
    const fields = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
    const field = (name: string): string | undefined => fields.find((one) => one?.[1] === name)?.[2];
    const data = field("data");
    if (data !== undefined) told.push(JSON.parse(data) as Told);
    lastId = field("id") ?? lastId;
    if (lastId !== "") begun.resolve();
  }

  async function connect(): Promise<void> {
    const response = await fetch(`${postern.url}/v1/events/stream`, {
      headers: { Authorization: `Bearer ${postern.appKey}`, ...(lastId !== "" && { "Last-Event-ID": lastId }) },
      signal: over.signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`${response.status}`);
    connections += 1;
    let rest = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + piece).split("\n\n");
      rest = blocks.pop() ?? "";
      blocks.forEach(take);
    }
  }

  const reading = (async () => {
    while (!over.signal.aborted) {
      await connect().catch(() => {});
      await sleep(20);
    }
  })();
  await begun.promise;
  return {
    told,
    connections: () => connections,
    async stop() {
      over.abort();
      await reading;
    },
  };
}
