import { searchDate } from "./dates.ts";
import { deadlines } from "./deadline.ts";
import { searchUids } from "./existing.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, sequence } from "./wire.ts";

const day = 86_400_000;

/** Messages searched at a time: no answer is beyond what may be read. */
const windowSize = 100_000;

/**
 * The lowest UID of the messages that arrived (INTERNALDATE) at `since`, milliseconds, or within a day or so before; null
 * where there is none. A server compares days in a time zone of its own (RFC 9051 §6.4.4). Fails: `not-found`.
 */
export async function firstSince(session: Session, path: string, since: number): Promise<number | null> {
  const { exists } = await selectFolder(session, path, { fresh: true });
  const first = Math.min(Math.max(since - day, day), Date.UTC(9999, 0, 1));
  const criteria = [atom("SINCE"), atom(searchDate(first))];
  if (session.has("ESEARCH")) {
    const lowest = [atom("RETURN"), [atom("MIN")], ...criteria];
    return (await searchUids(session, lowest, { deadline: deadlines.search }))[0] ?? null;
  }
  for (let low = 1; low <= exists; low += windowSize) {
    const window = sequence(`${low}:${Math.min(exists, low + windowSize - 1)}`);
    const [uid] = await searchUids(session, [window, ...criteria], { deadline: deadlines.search });
    if (uid !== undefined) return uid;
  }
  return null;
}
