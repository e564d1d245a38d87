import { pollMs, type Wake, type WakeTopic, wakeTopics } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Hints, HintsListener } from "../store/open-hints.ts";
import { createInProcessWake } from "./in-process-wake.ts";

export interface SharedWake extends Wake {
  /** Tells what is still to be told, and hears nothing more. */
  close(): Promise<void>;
}

/** What is to be told within this time is told together, milliseconds. */
const gatherMs = 5;
/** How long whoever has told of work has it for himself before the loops of the others look, and how often they look at most. Milliseconds. */
const othersMs = 200;

/** The keys of a topic, or all of them. */
type Keys = Set<string> | "all";

/**
 * `Wake` for many processes on one database: what one wakes, the others are told. There too who waits for one key is woken at once, and
 * a loop a little later, because the work is mostly done by then. `open` opens the hints, and hands what they hear to the listener.
 */
export function createSharedWake(
  clock: Clock,
  open: (listener: Pick<HintsListener, "heard" | "connected">) => Hints,
): SharedWake {
  const here = createInProcessWake(clock);
  const untold = new Map<WakeTopic, Keys>();
  const heard = new Set<WakeTopic>();
  let telling: Promise<void> | null = null;

  function note(topic: WakeTopic, key: string): void {
    const keys = untold.get(topic) ?? new Set();
    if (keys !== "all") untold.set(topic, keys.add(key));
    telling ??= tell();
  }

  /** Comes back when all is told, or can't be told now. */
  async function tell(): Promise<void> {
    try {
      while (untold.size > 0) {
        await clock.sleep(gatherMs);
        const topics = [...untold.keys()];
        const text = textOf(untold, hints.maxOctets);
        untold.clear();
        if (await hints.tell(text)) continue;
        // For as long as nobody can be told, nothing is to grow.
        for (const topic of topics) untold.set(topic, "all");
        return;
      }
    } finally {
      telling = null;
    }
  }

  async function wakeLoopsSoon(): Promise<void> {
    await clock.sleep(othersMs);
    const topics = [...heard];
    heard.clear();
    for (const topic of topics) here.wakeLoops(topic);
  }

  const hints = open({
    heard(text) {
      for (const line of text.split("\n")) {
        const [name, ...keys] = line.split(" ");
        const topic = wakeTopics.find((one) => one === name);
        // Told by a newer Postern.
        if (topic === undefined) continue;
        if (keys.length === 0) here.wakeKeys(topic);
        for (const key of keys) here.wakeKey(topic, key);
        if (heard.size === 0) void wakeLoopsSoon();
        heard.add(topic);
      }
    },
    connected() {
      for (const topic of wakeTopics) {
        here.wakeKeys(topic);
        here.wakeLoops(topic);
      }
      if (untold.size > 0) telling ??= tell();
    },
  });

  return {
    wait: (...args) => here.wait(...args),
    wake(topic, key, at = 0) {
      if (at - clock.now() > pollMs) return;
      here.wake(topic, key);
      note(topic, key);
    },
    async close() {
      await telling;
      await hints.close();
    },
  };
}

/** A line for each topic, with its keys; without any where all are meant, or where they are too many to be told. */
function textOf(untold: Map<WakeTopic, Keys>, maxOctets: number): string {
  const text = [...untold].map(([topic, keys]) => (keys === "all" ? [topic] : [topic, ...keys]).join(" ")).join("\n");
  return text.length <= maxOctets ? text : [...untold.keys()].join("\n");
}
