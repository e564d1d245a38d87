import type { Clock } from "../../observe.ts";

/** Milliseconds that each step may take (DESIGN §8). */
export const deadlines = { connect: 10_000, greeting: 10_000, command: 30_000, search: 20_000, logout: 2_000 };

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
