/** What each side measured, a number per round, or several. */
export type Rounds<Side extends string, Measured = number> = Record<Side, Measured[]>;

/**
 * Lets the sides measure in turn, round after round, so that what else happens on the machine falls on all of them. Every other
 * round goes backwards: A B, B A, A B, …
 */
export async function alternate<Side extends string, Measured = number>(
  rounds: number,
  sides: Record<Side, () => Promise<Measured>>,
): Promise<Rounds<Side, Measured>> {
  const names = Object.keys(sides) as Side[];
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Rounds<Side, Measured>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) measured[name].push(await sides[name]());
  }
  return measured;
}

/** A side that measures the median time of so many calls, one after the other, in milliseconds. */
export function timed(calls: number, call: (nth: number) => Promise<unknown>): () => Promise<number> {
  let nth = 0;
  return async () => {
    const times: number[] = [];
    for (let done = 0; done < calls; done++) {
      const start = performance.now();
      await call(nth++);
      times.push(performance.now() - start);
    }
    return median(times);
  };
}

/** The median over the rounds of what one side measured in relation to the other in the same round. */
export function medianOf(ours: number[], bare: number[], relation: (ours: number, bare: number) => number): number {
  return median(ours.map((value, round) => relation(value, bare[round] ?? Number.NaN)));
}

export const ratio = (ours: number, bare: number): number => ours / bare;
export const difference = (ours: number, bare: number): number => ours - bare;

/** The middle value, or the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error("nothing was measured");
  return (low + high) / 2;
}

/** The value that a share (0 to 1) of them does not exceed. */
export function percentile(values: number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
  if (value === undefined) throw new Error("nothing was measured");
  return value;
}
