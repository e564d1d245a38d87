import type { Expression } from "../../mail/search.ts";
import { compileCount, compileSearch, type SearchProgram } from "./compile-search.ts";
import { decide, lookAtSummaries, lookLightly } from "./decide.ts";
import { countWindow, isRefused, searchWindow } from "./run-search.ts";
import { searchServer } from "./search-server.ts";
import { allWindows } from "./search-windows.ts";
import type { Session } from "./session.ts";

/** Messages looked at by one command, and in all of those that must be looked at whole. */
const most = { atOnce: 1_000, whole: 5_000 };

/**
 * How many messages of the selected folder match. Null where it gets late, the server refuses what it is asked for this, or too
 * many would have to be looked at whole, as the server can't count them.
 */
export async function countMatching(
  session: Session,
  expression: Expression,
  isLate: () => boolean,
): Promise<number | null> {
  try {
    return await count(session, expression, isLate);
  } catch (error) {
    if (!isRefused(session, error)) throw error;
    return null;
  }
}

async function count(session: Session, expression: Expression, isLate: () => boolean): Promise<number | null> {
  const { sure, unsure } = compileCount(expression, searchServer(session));
  const counted = sure === null ? 0 : await countSure(session, sure, isLate);
  if (counted === null || unsure === null) return counted;
  const looked = await countUnsure(session, expression, unsure, isLate);
  return looked === null ? null : counted + looked;
}

async function countSure(session: Session, program: SearchProgram, isLate: () => boolean): Promise<number | null> {
  const windows = allWindows(session);
  let total = 0;
  while (windows.next() !== null) {
    if (isLate()) return null;
    total += await countWindow(session, program, windows.current());
  }
  return total;
}

async function countUnsure(
  session: Session,
  expression: Expression,
  program: SearchProgram,
  isLate: () => boolean,
): Promise<number | null> {
  const compiled = compileSearch(expression, searchServer(session));
  const lookAt = lookLightly(compiled);
  const windows = allWindows(session);
  let [total, found, lowest] = [0, 0, Infinity];
  while (windows.next() !== null) {
    if (isLate()) return null;
    const below = { from: 1, to: lowest - 1 };
    const { uids } = await searchWindow(session, program, windows.current(), below, "all");
    lowest = uids[0] ?? lowest;
    found += uids.length;
    if (lookAt === lookAtSummaries && found > most.whole) return null;
    for (let start = 0; start < uids.length; start += most.atOnce) {
      if (isLate()) return null;
      const candidates = await lookAt(session, uids.slice(start, start + most.atOnce));
      const verdicts = await decide(session, compiled, candidates, windows.current);
      total += verdicts.filter((verdict) => verdict === true).length;
    }
  }
  return total;
}
