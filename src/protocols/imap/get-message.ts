import type { Fetched, Wanted } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { askedParts, parsedBodies } from "../../mime/asked-parts.ts";
import { envelopeFields } from "../../mime/parse-envelope.ts";
import { brokeProtocol } from "./failures.ts";
import { askingStructure } from "./fetch-structures.ts";
import { bareItems, fetchRows, flagItems, threadItems } from "./fetch.ts";
import { getBodies, likelyParts } from "./get-bodies.ts";
import type { Facts } from "./known-messages.ts";
import { messageGone, openPlace } from "./open-place.ts";
import { maxWholeOctets, parseWhole } from "./parse-whole.ts";
import type { Row } from "./row.ts";
import type { Session } from "./session.ts";
import { factsOf, isComplete, toSummary } from "./summary.ts";
import { peek, peekFields, type Token } from "./wire.ts";

type Read = { row: Row; facts: Facts };

/** A message's summary, header block and text parts, in one round trip or two. Fails: `message-gone`. */
export async function getMessage(session: Session, place: ImapPlace, wanted: Wanted): Promise<Fetched<ImapPlace>> {
  const known = session.known(place.path, place.uidValidity);
  const read = async (): Promise<Read | undefined> => {
    const facts = known.facts(place.uid);
    const rows = facts
      ? await fetchMessage(session, place.uid, wanted, facts, flagItems)
      : await askingStructure(session, known, place.uid, (structure) =>
          fetchMessage(session, place.uid, wanted, facts, [...bareItems, ...threadItems(session), ...structure]),
        );
    const row = rows.find((one) => one.uid === place.uid && isWhole(one, wanted, facts));
    if (!row) return undefined;
    if (facts) return { row, facts };
    const told = factsOf(row);
    known.put(place.uid, told);
    return { row, facts: told };
  };
  const { row, facts } = await openPlace(session, place, read, () => readBare(session, place.uid));
  const summary = toSummary(row, facts, place);
  if (!summary) throw messageGone();
  const fetched: Fetched<ImapPlace> = { summary };
  if (wanted.headers) {
    const header = row.sections.get("HEADER")?.octets;
    if (!header) throw brokeProtocol("The mail server did not give the message's header.", where(session));
    fetched.header = header;
  }
  const isHere = facts.isParsedHere === true || facts.structure === null;
  const isTooLarge = facts.isParsedHere === true && facts.structure === null;
  if (isTooLarge) {
    if (wanted.bodies) fetched.bodies = [];
  } else if (isHere && (wanted.bodies || (wanted.structure && facts.structure === null))) {
    const whole = await parseWhole(session, place.uid);
    if (whole) {
      summary.structure = whole.structure;
      summary.warnings = summary.warnings.filter((warning) => warning !== "structure-missing");
      const warnings = facts.warnings.filter((warning) => warning !== "structure-missing");
      known.put(place.uid, { ...facts, structure: whole.structure, warnings, isParsedHere: true });
    } else if (facts.size > maxWholeOctets) known.put(place.uid, { ...facts, isParsedHere: true });
    if (wanted.bodies) fetched.bodies = whole ? parsedBodies(whole) : [];
  } else if (wanted.bodies && facts.structure) {
    fetched.bodies = await getBodies(session, row, place, facts.structure);
  }
  return fetched;
}

/** One command: what is not known of the message, and the text parts; where they are is guessed as long as it is not known. */
async function fetchMessage(
  session: Session,
  uid: number,
  wanted: Wanted,
  facts: Facts | null,
  base: Token[],
): Promise<Row[]> {
  const fetch = (all: Token[]): Promise<Row[]> =>
    fetchRows(session, "UID FETCH", String(uid), all, { withKey: facts === null, news: !wanted.headers });
  const header = wanted.headers ? [peek("HEADER")] : facts ? [] : [peekFields(envelopeFields)];
  const items = [...base, ...header];
  if (!wanted.bodies) return fetch(items);
  const parts = (asked: { section: string; length: number }[]): Token[] =>
    asked.map(({ section, length }) => peek(section, { offset: 0, length }));
  if (facts?.structure && !facts.isParsedHere) {
    const asked = askedParts(facts.structure).slice(0, likelyParts.length);
    return fetch([...items, ...parts(asked.map(({ part, length }) => ({ section: part.section, length })))]);
  }
  if (!session.takesGuesses || facts) return fetch(items);
  try {
    return await fetch([...items, ...parts(likelyParts)]);
  } catch (error) {
    if (session.dead) throw error;
    const rows = await fetch(items);
    // Only what it answers without the guesses was refused because of them.
    session.takesGuesses = false;
    return rows;
  }
}

/** Of a message that others expunged, some servers still tell what they have cached, and NIL for the rest. */
function isWhole(row: Row, wanted: Wanted, facts: Facts | null): boolean {
  if (wanted.headers && !row.sections.get("HEADER")?.octets) return false;
  return facts ? row.flags !== undefined : isComplete(row);
}

/** What is left to know of a message that the server does not tell all of; undefined when there is nothing. */
async function readBare(session: Session, uid: number): Promise<Read | undefined> {
  const items = [...bareItems, ...threadItems(session), peek("HEADER")];
  const rows = await fetchRows(session, "UID FETCH", String(uid), items, { withKey: true });
  const row = rows.find((candidate) => candidate.uid === uid && candidate.sections.has("HEADER"));
  return row && { row, facts: factsOf(row) };
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "UID FETCH" };
}
