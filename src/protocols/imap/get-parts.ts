import type { PartOctets } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import type { Asked } from "../../mime/asked-parts.ts";
import { findPart } from "../../mime/walk.ts";
import { fetchParts } from "./get-bodies.ts";
import { openPlace } from "./open-place.ts";
import { parseWhole } from "./parse-whole.ts";
import type { Session } from "./session.ts";

/** So many octets of each of a message's parts, as they are encoded, in one command. Fails: `message-gone`. */
export async function getParts(session: Session, place: ImapPlace, wanted: Asked[]): Promise<PartOctets[]> {
  if (wanted.length === 0) return [];
  const isParsedHere = session.known(place.path, place.uidValidity).facts(place.uid)?.isParsedHere === true;
  return openPlace(session, place, () =>
    isParsedHere ? parsedParts(session, place.uid, wanted) : fetchParts(session, place, wanted),
  );
}

/** Where the server tells no usable structure, it is not asked for what that names. */
async function parsedParts(session: Session, uid: number, wanted: Asked[]): Promise<PartOctets[] | undefined> {
  const whole = await parseWhole(session, uid);
  if (whole === null) return undefined;
  return wanted.map(({ part, length }) => {
    const found = findPart(whole.structure, part.section);
    const octets = (found && whole.bodyOf(found)) ?? new Uint8Array();
    return { part, bytes: octets.subarray(0, length), truncated: octets.length > length };
  });
}
