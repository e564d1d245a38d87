/** Tells waiting work that there is something to do: a hint, never the only way to find out. */
export interface Wake {
  wake(topic: "submissions" | "submission-final", key: string): void;
  /** Resolves true when woken, false when `ms` passed or the signal aborted. */
  wait(
    topic: "submissions" | "submission-final",
    key: string | null,
    ms: number,
    signal?: AbortSignal,
  ): Promise<boolean>;
}
