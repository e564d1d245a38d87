import type { Fact, FolderCursor, Survey } from "../../mail/watch.ts";
import { brokeProtocol } from "./failures.ts";
import { fetchRows, flagItems } from "./fetch.ts";
import { lastBelow } from "./last-below.ts";
import { remember } from "./look.ts";
import { keyOf, type Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";
import { flagsOf } from "./summary.ts";
import { atom } from "./wire.ts";

/** Messages of one command. */
const sliceSize = 1_000;

/**
 * A folder as it is seen for the first time: the cursor, then what is to be remembered of the newest `window` messages, slice
 * by slice, ascending. The slices are asked for as they are taken, each by `inTurn`; what comes meanwhile is left to the next
 * look, and what goes meanwhile may be among them or not. Fails: `not-found`.
 */
export async function survey(
  session: Session,
  path: string,
  window: number,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<Survey> {
  if (session.selected?.path === path) session.selected = null;
  const folder = await selectFolder(session, path, { fresh: false, condstore: true });
  const { uidValidity, modSeq } = folder;
  const last = await lastMessage(session, folder);
  const cursor: FolderCursor = { uidValidity, uidNext: last.uid + 1, modSeq, exists: last.sequence };
  remember(session, folder, cursor, { ...folder.told });
  return { cursor, facts: factsOf(session, folder, cursor, window, inTurn) };
}

/** By what it is asked first, the session learns which key the server gives. */
const lastItems = ["UID", "RFC822.SIZE"].map(atom);

async function lastMessage(session: Session, folder: Selected): Promise<{ uid: number; sequence: number }> {
  if (folder.exists === 0) return { uid: 0, sequence: 0 };
  const rows = await fetchRows(session, "FETCH", "*", lastItems, { withKey: true });
  const last = rows.findLast(({ uid, size }) => uid !== undefined && size !== undefined);
  if (last?.uid !== undefined) return { uid: last.uid, sequence: last.sequence };
  throw brokeProtocol("The mail server does not tell its messages' UIDs.", { host: session.host, phase: "FETCH" });
}

async function* factsOf(
  session: Session,
  selected: Selected,
  cursor: FolderCursor,
  window: number,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Fact[]> {
  let folder = selected;
  let low = Math.max(1, cursor.exists - window + 1);
  let lowestUid = 0;
  let expunged = selected.told.expunged;

  const slice = async (): Promise<{ facts: Fact[]; isLast: boolean }> => {
    if (session.selected !== folder) {
      folder = await selectFolder(session, folder.path, { fresh: false, condstore: true });
      if (folder.uidValidity !== cursor.uidValidity) {
        throw brokeProtocol("The folder was made anew while it was read.", { host: session.host, phase: "SELECT" });
      }
      expunged = folder.told.expunged;
      low =
        lowestUid > 0
          ? (await lastBelow(session, lowestUid, folder.exists)) + 1
          : Math.max(1, Math.min(low, folder.exists - window + 1));
    }
    // Those that went may have stood below: what is read again is passed over.
    low = Math.max(1, low - (folder.told.expunged - expunged));
    expunged = folder.told.expunged;
    const high = Math.min(low + sliceSize - 1, folder.exists);
    const rows = high < low ? [] : await fetchRows(session, "FETCH", `${low}:${high}`, flagItems, { withKey: true });
    const facts = rows.flatMap((row) => toFact(row, lowestUid, cursor.uidNext)).sort((a, b) => a.uid - b.uid);
    lowestUid = (facts.at(-1)?.uid ?? lowestUid - 1) + 1;
    low = high + 1;
    return { facts, isLast: high >= folder.exists || rows.some(({ uid = 0 }) => uid >= cursor.uidNext - 1) };
  };

  for (let isOver = cursor.exists === 0; !isOver;) {
    const { facts, isLast } = await inTurn(slice);
    isOver = isLast;
    if (facts.length > 0) yield facts;
  }
}

function toFact(row: Row, lowest: number, below: number): Fact[] {
  const { uid, flags } = row;
  if (uid === undefined || flags === undefined || uid < lowest || uid >= below) return [];
  return [{ uid, ...flagsOf(row), key: keyOf(row) }];
}
