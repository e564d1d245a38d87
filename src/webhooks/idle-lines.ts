import type { Line } from "./line.ts";

/** Lines that wait for their next request. */
export type IdleLines = {
  /** The one of `receiver` that was used last, for the others to end; null when there is none. */
  take(receiver: string): Line | null;
  /** Keeps a line. The one that has waited longest, for the caller to end, when there are too many; else null. */
  put(receiver: string, line: Line): Line | null;
  /** False when it was not waiting. */
  remove(receiver: string, line: Line): boolean;
};

export function createIdleLines(capacity: number): IdleLines {
  const receivers = new Map<string, Line[]>();
  /** Of all receivers, the one that has waited longest first. */
  const waiting = new Map<Line, string>();

  function remove(receiver: string, line: Line): boolean {
    if (!waiting.delete(line)) return false;
    const left = (receivers.get(receiver) ?? []).filter((other) => other !== line);
    if (left.length === 0) receivers.delete(receiver);
    else receivers.set(receiver, left);
    return true;
  }

  return {
    take(receiver) {
      const lines = receivers.get(receiver);
      const line = lines?.pop();
      if (lines === undefined || line === undefined) return null;
      if (lines.length === 0) receivers.delete(receiver);
      waiting.delete(line);
      return line;
    },
    put(receiver, line) {
      const lines = receivers.get(receiver);
      if (lines === undefined) receivers.set(receiver, [line]);
      else lines.push(line);
      waiting.set(line, receiver);
      if (waiting.size <= capacity) return null;
      const [longest] = waiting;
      if (longest === undefined) return null;
      remove(longest[1], longest[0]);
      return longest[0];
    },
    remove,
  };
}
