import { fetchRows, fetchSummaryRows, type FetchCommand, structureItems } from "./fetch.ts";
import type { KnownFolder, Structures } from "./known-messages.ts";
import type { Row } from "./row.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom } from "./wire.ts";

/** Messages that one listing asks for alone. */
const mostAlone = 20;

/** Whether the connection was given up over an answer that can't be read. */
const isBroken = (session: Session): boolean => session.dead?.code === "upstream-protocol-error";

/**
 * `fetchSummaryRows` with BODYSTRUCTURE. Where one has broken a connection of this folder before, the structures are asked
 * for apart: first of all that are not suspected, then of each suspect alone, until the broken ones are known. A row whose
 * message is still suspected comes without. `news` as in `Session.exec`.
 */
export async function fetchRowsWithStructure(
  session: Session,
  command: FetchCommand,
  set: string,
  known: KnownFolder,
  { news = false }: { news?: boolean } = {},
): Promise<Row[]> {
  const { structures } = known;
  if (structures.isCareful) {
    const rows = await fetchSummaryRows(session, command, set, { structure: false, news });
    await addStructures(session, rows, known);
    return rows;
  }
  try {
    return await fetchSummaryRows(session, command, set, { structure: true, news });
  } catch (error) {
    if (isBroken(session)) structures.isCareful = structures.isUnsure = true;
    throw error;
  }
}

/** Asks for one message's structure with the rest; `ask` gets nothing to ask for where it is known to be broken. */
export async function askingStructure<T>(
  session: Session,
  { structures }: KnownFolder,
  uid: number,
  ask: (items: typeof structureItems) => Promise<T>,
): Promise<T> {
  const isAsked = !structures.broken.has(uid);
  try {
    const answer = await ask(isAsked ? structureItems : []);
    structures.suspects.delete(uid);
    return answer;
  } catch (error) {
    if (isAsked && isBroken(session)) convict(structures, uid);
    throw error;
  }
}

function convict({ suspects, broken }: Structures, uid: number): void {
  suspects.delete(uid);
  broken.add(uid);
}

async function addStructures(session: Session, rows: Row[], known: KnownFolder): Promise<void> {
  const { structures } = known;
  const byUid = new Map(rows.flatMap((row) => (row.uid === undefined ? [] : [[row.uid, row]])));
  const wanted = [...byUid.keys()].filter((uid) => !structures.broken.has(uid) && !known.facts(uid)?.structure);
  if (structures.isUnsure) {
    structures.isUnsure = false;
    for (const uid of wanted) structures.suspects.add(uid);
    return;
  }
  const fetch = async (set: string): Promise<void> => {
    const found = await fetchRows(session, "UID FETCH", set, [atom("UID"), ...structureItems], { withKey: false });
    for (const { uid, structure } of found) {
      const row = uid === undefined ? undefined : byUid.get(uid);
      if (row && structure !== undefined) row.structure = structure;
    }
  };
  const trusted = wanted.filter((uid) => !structures.suspects.has(uid));
  try {
    for (const set of uidSets(trusted)) await fetch(set);
  } catch (error) {
    if (isBroken(session)) for (const uid of trusted) structures.suspects.add(uid);
    throw error;
  }
  for (const uid of wanted.filter((one) => structures.suspects.has(one)).slice(0, mostAlone)) {
    await askingStructure(session, known, uid, () => fetch(String(uid)));
  }
}
