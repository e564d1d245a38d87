/** What every room may use to be seen and to know the time. Implementations are built by the entry and handed down. */

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One wide line per unit of work. Fields are redacted recursively by name before they are written. */
export interface Log {
  write(level: LogLevel, event: string, fields?: Record<string, unknown>): void;
}

/** Counters and histograms by Prometheus names; label values come from closed sets, never from callers or mail. */
export interface Metrics {
  count(name: string, labels?: Record<string, string>, by?: number): void;
  /** `value` in the unit that the name ends with (`_seconds`, `_bytes`). */
  observe(name: string, value: number, labels?: Record<string, string>): void;
  gauge(name: string, value: number, labels?: Record<string, string>): void;
}

/** Milliseconds since the epoch, and sleeping, so that tests can own the time. */
export interface Clock {
  now(): number;
  /**
   * Resolves after `ms`, or at once when `signal` aborts; never rejects. On the path of every request, `abort` is called with a
   * reason: without one it makes an error with a stack, which takes ten times as long.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The time as it is. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      // setTimeout takes 31 bits; who sleeps longer than that looks at the clock again anyway.
      const timer = setTimeout(done, Math.min(ms, 2_147_483_647));
      signal?.addEventListener("abort", done);
    }),
};
