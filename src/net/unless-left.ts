import { Failure } from "../errors.ts";

/** What is told of work whose caller is not there any more; nobody hears it. */
export function callerLeft(): Failure {
  return new Failure("request-timeout", "The caller left before the answer.");
}

/**
 * Waits for the work as long as there is a caller, and fails `request-timeout` as soon as there is none; `late` is told what
 * came of it after that. The work goes on.
 */
export async function unlessLeft<T>(
  signal: AbortSignal,
  work: () => Promise<T>,
  late?: (outcome: T) => void,
): Promise<T> {
  if (signal.aborted) throw callerLeft();
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(callerLeft());
    signal.addEventListener("abort", leave);
    const settle = (outcome: T): void => (signal.aborted ? late?.(outcome) : resolve(outcome));
    void work()
      .then(settle, reject)
      .finally(() => signal.removeEventListener("abort", leave));
  });
}
