/**
 * Lets the changes of messages that callers ask this process for run one after the other, first come, first served: a change begins
 * when those before it of each of its messages have ended. To be asked for by who has a session: who waits here holds up nobody who
 * waits for one.
 */
export type MessageTurns = <T>(accountId: string, ids: string[], change: () => Promise<T>) => Promise<T>;

export function createMessageTurns(): MessageTurns {
  /** The end of the last change of each message that is being changed. */
  const last = new Map<string, Promise<unknown>>();
  return async (accountId, ids, change) => {
    const keys = ids.map((id) => `${accountId} ${id}`);
    const turn = Promise.all(keys.flatMap((key) => last.get(key) ?? [])).then(change);
    const end = turn.catch(() => {});
    for (const key of keys) last.set(key, end);
    try {
      return await turn;
    } finally {
      for (const key of keys) if (last.get(key) === end) last.delete(key);
    }
  };
}
