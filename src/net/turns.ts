import type { Ending } from "./ending.ts";

/** Lets one piece of work at a time use a connection, first come, first served. */
export type Turns = {
  /** Waits until nobody else has the turn, or until the connection ends; the caller gives the turn back, once. */
  take(): Promise<() => void>;
  /** Settles when no turn is taken or waited for any more, or at the end; null when none is. */
  readonly unfinished: Promise<unknown> | null;
};

export function makeTurns(ending: Ending): Turns {
  let tail = Promise.resolve();
  let waiting = 0;
  return {
    async take() {
      const previous = tail;
      let end = (): void => {};
      const own = new Promise<void>((resolve) => (end = resolve));
      // A turn that is given up early must not let the next one start before the previous has ended.
      tail = previous.then(() => own);
      waiting++;
      let isBack = false;
      const giveBack = (): void => {
        if (isBack) return;
        isBack = true;
        waiting--;
        end();
      };
      await ending.before(previous);
      return giveBack;
    },
    get unfinished() {
      return waiting === 0 ? null : ending.before(tail);
    },
  };
}
