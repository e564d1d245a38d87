import { envelopeFields, maxEnvelopeOctets } from "../../mime/parse-envelope.ts";
import { takesAbsentUids } from "./capabilities.ts";
import { searchExisting, uidsFrom } from "./existing.ts";
import { refusal } from "./failures.ts";
import { type Row, rowReader } from "./row.ts";
import type { Session } from "./session.ts";
import { expandSet, uidSets } from "./uid-set.ts";
import { atom, peekFields, sequence, type Token } from "./wire.ts";

export type FetchCommand = "FETCH" | "UID FETCH";

/** Messages of one command. */
const maxAsked = 200_000;

const items = (...names: string[]): Token[] => names.map(atom);

/** What may have changed of a message that is known. */
export const flagItems: Token[] = items("UID", "FLAGS");

/** What is asked of a message whose header the server failed to give. */
export const bareItems: Token[] = items("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE");

export const structureItems: Token[] = items("BODYSTRUCTURE");

/**
 * What a listing tells of messages. The header's fields are asked for instead of ENVELOPE, which every server makes in a way
 * of its own.
 */
export async function fetchSummaryRows(
  session: Session,
  command: FetchCommand,
  set: string,
  { structure, news = false }: { structure: boolean; news?: boolean },
): Promise<Row[]> {
  const fetch = (most?: number): Promise<Row[]> => {
    const items = [...bareItems, ...threadItems(session), ...(structure ? structureItems : [])];
    return fetchRows(session, command, set, [...items, peekFields(envelopeFields, most)], { withKey: true, news });
  };
  if (!session.takesPartialFields) return fetch();
  let rows: Row[];
  try {
    rows = await fetch(maxEnvelopeOctets);
  } catch (error) {
    if (session.dead) throw error;
    rows = await fetch();
    // Only what it answers without the limit was refused because of it.
    session.takesPartialFields = false;
    return rows;
  }
  await fetchCutEnvelopes(session, rows);
  return rows;
}

/** A long References is no reason to cut the other fields: these are asked for once more, without it. */
async function fetchCutEnvelopes(session: Session, rows: Row[]): Promise<void> {
  const cut = new Map<number, Row>();
  for (const row of rows) {
    const octets = row.sections.get("HEADER.FIELDS")?.octets;
    const isCut = octets?.length === maxEnvelopeOctets && /^references[ \t]*:/im.test(octets.toString("latin1"));
    if (isCut && row.uid !== undefined) cut.set(row.uid, row);
  }
  const others = envelopeFields.filter((name) => name !== "References");
  for (const set of uidSets([...cut.keys()])) {
    const wanted = [atom("UID"), peekFields(others, maxEnvelopeOctets)];
    for (const { uid = 0, sections } of await fetchRows(session, "UID FETCH", set, wanted, { withKey: false })) {
      const row = cut.get(uid);
      const fields = sections.get("HEADER.FIELDS");
      if (!row || !fields?.octets) continue;
      row.references = row.sections.get("HEADER.FIELDS")?.octets ?? null;
      row.sections.set("HEADER.FIELDS", fields);
    }
  }
}

const threadIds = { objectId: atom("THREADID"), gmail: atom("X-GM-THRID") };

/** The server's own id of the conversation, where it announces that it has one, and tells it. */
export function threadItems(session: Session): Token[] {
  if (!session.tellsThreads) return [];
  if (session.has("OBJECTID")) return [threadIds.objectId];
  return session.has("X-GM-EXT-1") ? [threadIds.gmail] : [];
}

function isThreadItem(item: Token): boolean {
  return item === threadIds.objectId || item === threadIds.gmail;
}

/**
 * Fetches items of messages by sequence numbers or UIDs, whatever rows the server answers with (the caller checks which).
 * Asks for the permanent key too where `withKey` is set: EMAILID (RFC 8474), X-GM-MSGID, or Dovecot's X-GUID, which no
 * server announces: it is tried once per session, and the first message seen decides. `news` as in `Session.exec`; `changedSince`
 * is a mod-sequence (RFC 7162 §3.1.4.1): with QRESYNC, what has gone since is then told as VANISHED.
 */
export async function fetchRows(
  session: Session,
  command: FetchCommand,
  set: string,
  wanted: Token[],
  { withKey, news = false, changedSince }: { withKey: boolean; news?: boolean; changedSince?: string },
): Promise<Row[]> {
  const key = withKey ? keyItem(session) : null;
  const probes = key === "X-GUID" && session.guid === "unknown";
  const since = changedSince === undefined ? [] : [changedSinceModifier(session, changedSince)];
  const args = [sequence(set), key ? [...wanted, atom(key)] : wanted, ...since];
  const { rows, read } = rowReader();
  const reply = await session.exec(command, args, { keep: ["FETCH"], each: read, tolerate: true, news });
  if (reply.status === "BAD" && probes) {
    // Only what it answers without the key was refused because of it.
    const keyless = await fetchRows(session, command, set, wanted, {
      withKey: false,
      ...(changedSince === undefined ? {} : { changedSince }),
    });
    session.guid = "no";
    return keyless;
  }
  if (reply.status !== "OK" && !isPartial(reply.status, reply.code)) {
    const existing = command === "UID FETCH" && since.length === 0 ? await fetchExisting(session, set, wanted) : null;
    if (existing) return existing;
    const others = wanted.filter((item) => !isThreadItem(item));
    if (others.length < wanted.length) {
      const threadless = await fetchRows(session, command, set, others, {
        withKey,
        news,
        ...(changedSince === undefined ? {} : { changedSince }),
      });
      // Only what it answers without the conversation's id was refused because of it.
      session.tellsThreads = false;
      return threadless;
    }
    throw refusal(reply.status, reply.code, reply.text, { host: session.host, phase: command });
  }
  if (probes) {
    const seen = rows.find((row) => row.uid !== undefined && row.size !== undefined);
    if (rows.some(({ guid }) => guid !== undefined)) session.guid = "yes";
    else if (seen) session.guid = "no";
  }
  return rows;
}

function changedSinceModifier({ qresync }: Session, modSeq: string): Token[] {
  return [atom("CHANGEDSINCE"), atom(modSeq), ...(qresync ? [atom("VANISHED")] : [])];
}

/** Without those that are not there, where a server may have refused all because of them; null where none is missing. */
async function fetchExisting(session: Session, set: string, wanted: Token[]): Promise<Row[] | null> {
  if (takesAbsentUids(session)) return null;
  const [low = "", high = low] = set.split(":");
  const asked = high === "*" ? null : (expandSet(set, maxAsked) ?? []);
  const existing = asked ? [...(await searchExisting(session, asked))] : await uidsFrom(session, Number(low));
  if (asked ? existing.length === asked.length : existing.includes(Number(low))) return null;
  const rows: Row[] = [];
  for (const some of uidSets(existing)) {
    rows.push(...(await fetchRows(session, "UID FETCH", some, wanted, { withKey: false })));
  }
  return rows;
}

/** RFC 2180 §4.1: a NO may come with the rows that are left when others were expunged; the caller finds who is missing. */
export function isPartial(status: "NO" | "BAD", code: string | null): boolean {
  return status === "NO" && (code === "EXPUNGEISSUED" || code === "EXPUNGED");
}

function keyItem(session: Session): string | null {
  if (session.has("OBJECTID")) return "EMAILID";
  if (session.has("X-GM-EXT-1")) return "X-GM-MSGID";
  return session.guid === "no" ? null : "X-GUID";
}
