/** Characters of one set: well below any server's line limit (Dovecot's is 64 KiB, others have 8 KiB). */
const maxLength = 7_000;

/** UIDs or sequence numbers as sets of RFC 9051 §9, in ascending order: ranges where they adjoin, split where too long. */
export function uidSets(numbers: number[]): string[] {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const sets: string[] = [];
  let set = "";
  for (let start = 0; start < sorted.length;) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    const range = start === end ? `${sorted[start]}` : `${sorted[start]}:${sorted[end]}`;
    if (set.length + range.length >= maxLength) {
      sets.push(set);
      set = "";
    }
    set = set === "" ? range : `${set},${range}`;
    start = end + 1;
  }
  return set === "" ? sets : [...sets, set];
}

/** The numbers of a set in its order (a COPYUID pairs by position); null when malformed or longer than `limit`. */
export function expandSet(set: string, limit: number): number[] | null {
  const numbers: number[] = [];
  for (const range of set.split(",")) {
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(range);
    if (!match) return null;
    const bounds = [Number(match[1]), Number(match[2] ?? match[1])];
    const first = Math.min(...bounds);
    const last = Math.max(...bounds);
    if (numbers.length + last - first + 1 > limit) return null;
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers;
}

/** How many numbers a set holds; 0 when malformed. */
export function countSet(set: string): number {
  return rangesOf([set]).reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** Tells whether a number is in one of the sets, whatever their size; one that is malformed holds none. */
export function inSets(sets: string[]): (number: number) => boolean {
  const ranges = rangesOf(sets).sort((a, b) => a.first - b.first);
  const merged: Range[] = [];
  for (const range of ranges) {
    const before = merged.at(-1);
    if (before && range.first <= before.last) before.last = Math.max(before.last, range.last);
    else merged.push(range);
  }
  return (number) => {
    let [low, high] = [0, merged.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((merged[middle]?.last ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return (merged[low]?.first ?? Infinity) <= number;
  };
}

type Range = { first: number; last: number };

function rangesOf(sets: string[]): Range[] {
  return sets.flatMap((set) => {
    const ranges = set.split(",").map((range) => /^(\d{1,10})(?::(\d{1,10}))?$/.exec(range));
    if (!ranges.every((match) => match !== null)) return [];
    return ranges.map(([, from, to = from]) => {
      const bounds = [Number(from), Number(to)];
      return { first: Math.min(...bounds), last: Math.max(...bounds) };
    });
  });
}
