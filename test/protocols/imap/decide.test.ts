import { expect, test } from "vitest";
import type { Expression } from "../../../src/mail/search.ts";
import { compileSearch } from "../../../src/protocols/imap/compile-search.ts";
import { type Candidate, decide } from "../../../src/protocols/imap/decide.ts";
import type { Session } from "../../../src/protocols/imap/session.ts";

/** What a listing tells decides all: nothing may be asked. */
const silent = new Proxy({} as Session, {
  get: (_, name) => {
    throw new Error(`nobody may ask for ${String(name)}`);
  },
});

const window = () => ({ low: 1, high: 1 });

test("many names and many conditions cost each name one folding, and others have their turns meanwhile", async () => {
  const candidates = Array.from({ length: 100 }, (_, index): Candidate => {
    const filenames = Array.from({ length: 20 }, (_each, nth) => `${"é".repeat(200)} ${index} ${nth}.pdf`);
    return { uid: index + 1, sequence: null, receivedAt: null, facts: { filenames }, summary: null };
  });
  const any = Array.from({ length: 98 }, (_, index): Expression => ({ op: "filename", value: `none ${index}` }));
  const compiled = compileSearch({ op: "or", of: any }, { substrings: true, gmail: false });
  let turns = 0;
  let isOver = false;
  const take = (): void => {
    turns++;
    if (!isOver) setImmediate(take);
  };
  setImmediate(take);
  const started = process.cpuUsage();
  expect(await decide(silent, compiled, candidates, window)).toEqual(candidates.map(() => false));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(9);
  expect(process.cpuUsage(started).user / 1_000).toBeLessThan(2_000);
});
