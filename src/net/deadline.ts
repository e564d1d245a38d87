import type { Clock } from "../observe.ts";

/** Waits for the work; `onExpired` is called once when it takes longer than `ms`, and must make the work settle. */
export async function withDeadline<T>(
  clock: Pick<Clock, "sleep">,
  ms: number,
  work: Promise<T>,
  onExpired: () => void,
): Promise<T> {
  const settled = new AbortController();
  const watch = async (): Promise<void> => {
    await clock.sleep(ms, settled.signal);
    if (!settled.signal.aborted) onExpired();
  };
  void watch();
  try {
    return await work;
  } finally {
    settled.abort("settled");
  }
}

/** Rejects with what `late` makes when `work` has not settled after `ms`; the work itself goes on, its end is ignored. */
export function giveUpAfter<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    const settle = () => clearTimeout(timer);
    work.then(resolve, reject).finally(settle);
  });
}
