/**
 * What there is to do, and what the key names: "submissions" (account) something is to be sent; "submission-final" (submission) it
 * has its outcome; "follow-ups" (account) there is something left to do after one; "events" (app) its log has grown; "deliveries" (app) one is due; "watch" (account) look at it, or see that it is
 * to be watched no more; "nodes" (process) one has come or gone.
 */
export const wakeTopics = [
  "submissions",
  "submission-final",
  "follow-ups",
  "events",
  "deliveries",
  "watch",
  "nodes",
] as const;

export type WakeTopic = (typeof wakeTopics)[number];

/** Loops of a process look by themselves this often at least, milliseconds. */
export const pollMs = 5_000;

/** Tells waiting work that there is something to do: a hint, never the only way to find out. */
export interface Wake {
  /** `at`: when there is something to do, milliseconds since the epoch; absent: now. Who looks by himself in time is not woken for it. */
  wake(topic: WakeTopic, key: string, at?: number): void;
  /** Resolves true when woken, by any of the topics, false when `ms` passed or the signal aborted. */
  wait(topics: WakeTopic | WakeTopic[], key: string | null, ms: number, signal?: AbortSignal): Promise<boolean>;
}
