import { Failure } from "../../errors.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { messageIdOf, rawHeaders } from "../../mime/headers.ts";
import { deadlines } from "./deadline.ts";
import { searchUids } from "./existing.ts";
import { fetchRows } from "./fetch.ts";
import type { Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, peekFields, text, type Token } from "./wire.ts";

/** Of how many of the newest messages the id is read: what came just now may not be found by a search yet; and where the server can't search for it. */
const newest = { always: 50, instead: 1_000 };

/** Messages found by a search that are looked at: the newest. */
const mostFound = 200;

/** How much of an id is searched for, characters: the rest is compared here. */
const searched = { shortest: 8, longest: 200 };

const wanted: Token[] = [atom("UID"), peekFields(["Message-ID"])];

/**
 * The places in one folder whose Message-ID header is this one, highest UID first. SEARCH HEADER finds parts of it, too (RFC 9051
 * §6.4.4), and some servers know nothing of it: so each header is read. Fails: `not-found`.
 */
export async function withMessageId(session: Session, path: string, messageId: string): Promise<ImapPlace[]> {
  const { uidValidity, exists } = await selectFolder(session, path, { fresh: true });
  if (exists === 0 || messageId === "" || /\p{Cc}/u.test(messageId)) return [];
  const isIt = (row: Row): boolean => idOf(row) === messageId.replace(/\s+/g, "");
  const fetchNewest = (most: number): Promise<Row[]> =>
    fetchRows(session, "FETCH", `${Math.max(1, exists - most + 1)}:${exists}`, wanted, { withKey: false });

  const rows = await fetchNewest(newest.always);
  if (exists > newest.always)
    rows.push(...((await fetchFound(session, messageId)) ?? (await fetchNewest(newest.instead))));
  const uids = new Set(rows.filter(isIt).flatMap(({ uid }) => uid ?? []));
  return [...uids].sort((a, b) => b - a).map((uid) => ({ path, uidValidity, uid }));
}

/** What a search finds; null where the server refuses it. */
async function fetchFound(session: Session, messageId: string): Promise<Row[] | null> {
  const found = await searchUids(session, criteria(messageId), { deadline: deadlines.search }).catch(
    (error: unknown) => {
      if (session.dead || !(error instanceof Failure)) throw error;
      return null;
    },
  );
  if (found === null) return null;
  const rows: Row[] = [];
  for (const set of uidSets(found.slice(-mostFound)))
    rows.push(...(await fetchRows(session, "UID FETCH", set, wanted, { withKey: false })));
  return rows;
}

/** The longest piece of it that every server reads alike, in quotes; the whole of one that has no such piece. */
function criteria(messageId: string): Token[] {
  const pieces = messageId.match(/[!#-;=?-[\]-~]+/g) ?? [];
  const [piece = ""] = pieces.sort((a, b) => b.length - a.length);
  if (piece.length >= searched.shortest)
    return [atom("HEADER"), atom("MESSAGE-ID"), text(piece.slice(0, searched.longest))];
  const value = text(messageId.slice(0, searched.longest));
  const charset = "type" in value && value.type === "LITERAL" ? [atom("CHARSET"), atom("UTF-8")] : [];
  return [...charset, atom("HEADER"), atom("MESSAGE-ID"), value];
}

function idOf({ sections }: Row): string | null {
  const fields = sections.get("HEADER.FIELDS")?.octets;
  return fields ? messageIdOf(rawHeaders(fields)) : null;
}
