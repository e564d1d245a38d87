import type { Located } from "../../mail/mailbox.ts";
import type { ImapPlace, NativeKey } from "../../mail/message.ts";
import { deadlines } from "./deadline.ts";
import { searchUids } from "./existing.ts";
import { failure } from "./failures.ts";
import { fetchRows } from "./fetch.ts";
import type { Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, text, type Token } from "./wire.ts";

/** What one SEARCH asks for at most: servers read ORs as deep as they are nested, and lines of some 8,000 octets. */
const mostOf = { keys: 50, characters: 6_000 };

/** How each kind of key is searched for and told, and where a row has it. */
const kinds = {
  emailId: { name: "EMAILID", of: ({ emailId }: Row) => emailId },
  gmail: { name: "X-GM-MSGID", of: ({ gmailId }: Row) => gmailId },
  guid: { name: "X-GUID", of: ({ guid }: Row) => guid },
} as const;

/**
 * The places in one folder that carry any of these permanent keys, lowest UID first. Many are asked for at once, as a chain of ORs
 * (RFC 9051 §6.4.4), and what was found is asked which of them it has. Fails: `unsupported-by-server` when the server no longer knows
 * keys of a kind.
 */
export async function locate(session: Session, path: string, keys: NativeKey[]): Promise<Located[]> {
  for (const key of keys) assertSearchable(session, key);
  const { uidValidity } = await selectFolder(session, path, { fresh: true });
  const found: Located[] = [];
  for (const some of chunksOf(keys)) {
    const uids = await searchUids(session, anyOf(some), { deadline: deadlines.search });
    const keyAt = await keysOf(session, uids, some);
    for (const [uid, key] of keyAt) found.push({ key, place: { path, uidValidity, uid } satisfies ImapPlace });
  }
  return found.sort((a, b) => a.place.uid - b.place.uid);
}

/** Keys of one kind each, as many as one SEARCH may ask for. */
function chunksOf(keys: NativeKey[]): NativeKey[][] {
  const chunks: NativeKey[][] = [];
  for (const same of Map.groupBy(keys, ({ kind }) => kind).values()) {
    let chunk: NativeKey[] = [];
    let length = 0;
    for (const key of same) {
      if (chunk.length === mostOf.keys || (chunk.length > 0 && length + key.value.length > mostOf.characters)) {
        chunks.push(chunk);
        [chunk, length] = [[], 0];
      }
      chunk.push(key);
      length += key.value.length + 16;
    }
    chunks.push(chunk);
  }
  return chunks;
}

function anyOf(keys: NativeKey[]): Token[] {
  return keys.flatMap(({ kind, value }, index) => {
    const token = kind === "guid" ? text(value) : atom(value);
    return [...(index < keys.length - 1 ? [atom("OR")] : []), atom(kinds[kind].name), token];
  });
}

/** Which of these keys the messages carry. Where one was asked for, all carry it. */
async function keysOf(session: Session, uids: number[], keys: NativeKey[]): Promise<Map<number, NativeKey>> {
  const [first, ...others] = keys;
  if (first === undefined || uids.length === 0) return new Map();
  if (others.length === 0) return new Map(uids.map((uid) => [uid, first]));
  const { name, of } = kinds[first.kind];
  const byValue = new Map(keys.map((key) => [key.value, key]));
  const asked = new Set(uids);
  const found = new Map<number, NativeKey>();
  for (const set of uidSets(uids)) {
    for (const row of await fetchRows(session, "UID FETCH", set, [atom("UID"), atom(name)], { withKey: false })) {
      const key = byValue.get(of(row) ?? "");
      if (row.uid !== undefined && asked.has(row.uid) && key !== undefined) found.set(row.uid, key);
    }
  }
  return found;
}

function assertSearchable(session: Session, { kind, value }: NativeKey): void {
  // oxlint-disable-next-line no-control-regex -- these would end the line
  const isUsable = value !== "" && !/[\u0000-\u0020\u007f]/.test(value);
  const isKnown = {
    emailId: session.has("OBJECTID"),
    gmail: session.has("X-GM-EXT-1"),
    guid: session.guid !== "no",
  };
  if (isUsable && isKnown[kind]) return;
  const where = { host: session.host, phase: "UID SEARCH" };
  throw failure("unsupported-by-server", "The mail server can't find messages by this kind of key.", where);
}
