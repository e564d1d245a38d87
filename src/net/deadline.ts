/** Rejects with what `late` makes when `work` has not settled after `ms`; the work itself goes on, its end is ignored. */
export function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    const settle = () => clearTimeout(timer);
    work.then(resolve, reject).finally(settle);
  });
}
