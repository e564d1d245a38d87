export type Boundary = {
  text: string;
  /** The depth of the multipart whose boundary it is. */
  level: number;
  /** The longest other one that this one begins with. */
  shorter: Boundary | null;
};

/** The boundaries of the multiparts that are open, one inside the other. */
export type Boundaries = {
  readonly isEmpty: boolean;
  /** Adds the innermost. */
  add(text: string, level: number): void;
  /** Removes those of deeper levels. */
  dropBelow(level: number): void;
  /**
   * The boundary that a line begins with: of several the longest, of equal ones the innermost. What it costs does not depend
   * on how many there are: a hostile message has a hundred, and lines that begin as all of them do.
   */
  startOf(line: string): Boundary | null;
};

export function makeBoundaries(): Boundaries {
  /** Outermost first. */
  const open: Boundary[] = [];
  /** In alphabetical order, equal ones as they are nested; null when it has to be made again. */
  let sorted: Boundary[] | null = null;

  return {
    get isEmpty() {
      return open.length === 0;
    },
    add(text, level) {
      open.push({ text, level, shorter: null });
      sorted = null;
    },
    dropBelow(level) {
      while ((open.at(-1)?.level ?? -Infinity) > level) {
        open.pop();
        sorted = null;
      }
    },
    startOf(line) {
      sorted ??= sort(open);
      // Whatever the line begins with, the last one that is not behind it in the alphabet begins with, too.
      let found = lastUpTo(sorted, line);
      const shared = sharedLength(found?.text ?? "", line);
      while (found && found.text.length > shared) found = found.shorter;
      return found;
    },
  };
}

function sort(open: Boundary[]): Boundary[] {
  const sorted = open.toSorted((one, other) => Number(one.text > other.text) - Number(one.text < other.text));
  let last: Boundary | null = null;
  for (const one of sorted) {
    while (last && !one.text.startsWith(last.text)) last = last.shorter;
    one.shorter = last;
    last = one;
  }
  return sorted;
}

function lastUpTo(sorted: Boundary[], line: string): Boundary | null {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.text ?? "") <= line) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1] ?? null;
}

function sharedLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one.charCodeAt(length) === other.charCodeAt(length)) length++;
  return length;
}
