export type Random = {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from 0 up to but without `below`. */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
};

/** The same words, the same numbers. */
export function seeded(words: string): Random {
  let state = 0x811c9dc5;
  for (const character of words) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixing = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixing = Math.imul(mixing ^ (mixing >>> 15), 0x735a2d97);
    return ((mixing ^ (mixing >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new Error("There is nothing to pick from.");
      return list[below(list.length)] as T;
    },
  };
}
