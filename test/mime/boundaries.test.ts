import { expect, test } from "vitest";
import { makeBoundaries } from "../../src/mime/boundaries.ts";
import { randomFrom } from "./random.ts";

test("the longest that a line begins with, of equal ones the innermost, whatever was added and dropped", () => {
  const random = randomFrom(3);
  const word = (most: number) =>
    Array.from({ length: Math.floor(random() * most) }, () => (random() < 0.7 ? "a" : "b")).join("");
  for (let round = 0; round < 500; round++) {
    const boundaries = makeBoundaries();
    let open: { text: string; level: number }[] = [];
    for (let step = 0; step < 30; step++) {
      if (random() < 0.7) {
        const text = `a${word(5)}`;
        const level = (open.at(-1)?.level ?? -1) + 1 + Math.floor(random() * 2);
        boundaries.add(text, level);
        open.push({ text, level });
      } else {
        const level = Math.floor(random() * 8) - 1;
        boundaries.dropBelow(level);
        open = open.filter((one) => one.level <= level);
      }
      const line = word(10);
      const fitting = open.filter(({ text }) => line.startsWith(text));
      const longest = Math.max(...fitting.map(({ text }) => text.length));
      const wanted = fitting.findLast(({ text }) => text.length === longest)?.level ?? null;
      expect(boundaries.startOf(line)?.level ?? null).toBe(wanted);
      expect(boundaries.isEmpty).toBe(open.length === 0);
    }
  }
});
