import { fetchRows } from "./fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/** The highest sequence number, up to `high`, whose UID is below `uid`; 0 where there is none. */
export async function lastBelow(session: Session, uid: number, high: number): Promise<number> {
  let [known, first] = [0, high + 1];
  while (first - known > 1) {
    const middle = Math.floor((known + first) / 2);
    const rows = await fetchRows(session, "FETCH", String(middle), [atom("UID")], { withKey: false });
    const found = rows.find((row) => row.sequence === middle)?.uid;
    if (found !== undefined && found < uid) known = middle;
    else first = middle;
  }
  return known;
}
