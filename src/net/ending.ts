/**
 * Something that happens once, and that waits end with. A race with a promise that lives long would keep all that ever took
 * part in it; here nothing is left of a wait once it is over.
 */
export type Ending = {
  end(): void;
  /** What the work brings; null when the end comes first, or has come. */
  before<T>(work: Promise<T>): Promise<T | null>;
};

export function makeEnding(): Ending {
  const waits = new Set<() => void>();
  let isEnded = false;
  return {
    end() {
      isEnded = true;
      for (const leave of waits) leave();
      waits.clear();
    },
    before: (work) =>
      new Promise((resolve, reject) => {
        const leave = (): void => resolve(null);
        if (isEnded) leave();
        else waits.add(leave);
        work.then(resolve, reject).finally(() => waits.delete(leave));
      }),
  };
}
