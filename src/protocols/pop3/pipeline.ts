import type { Session } from "./session.ts";
import type { Status } from "./status.ts";

/** Commands that wait for their answers at most: little enough to lie in the network's own buffers (RFC 2449 §6.6). */
const window = 32;

/** A row of commands, whose answers come in their order. */
export type Pipeline = {
  /** The status of the next answer; what follows it is to be read before the next. */
  next(): Promise<Status>;
  /** Sends nothing any more. */
  stop(): void;
  /** Commands that were sent and whose answer was not begun. */
  readonly outstanding: number;
};

/** Sends ahead where the server announces PIPELINING and `ahead` allows it, else one by one. `nth` is asked when it is sent. */
export function makePipeline(
  { dialog, capabilities }: Session,
  phase: string,
  count: number,
  nth: (index: number) => string,
  ahead = true,
): Pipeline {
  const depth = ahead && capabilities.has("PIPELINING") ? window : 1;
  let end = count;
  let sent = 0;
  let answered = 0;
  return {
    async next() {
      if (sent - answered <= depth / 2 && sent < end) {
        const upTo = Math.min(end, answered + depth);
        const commands = Array.from({ length: upTo - sent }, (_, index) => nth(sent + index));
        dialog.send(phase, ...commands);
        sent = upTo;
      }
      const status = await dialog.status();
      answered++;
      return status;
    },
    stop: () => void (end = sent),
    get outstanding() {
      return sent - answered;
    },
  };
}
