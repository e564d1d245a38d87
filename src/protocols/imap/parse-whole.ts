import { parseRaw, type ParsedRaw } from "../../mime/parse-raw.ts";
import { fetchPartial } from "./partial-fetch.ts";
import type { Session } from "./session.ts";

/** Octets of a message that is parsed here at most: it is held in memory. */
export const maxWholeOctets = 32 * 1024 * 1024;
const chunk = 1024 * 1024;

/**
 * Parses a message of the selected folder here, for servers that give no usable BODYSTRUCTURE of it. Null when it is not
 * there, or larger than 32 MiB.
 */
export async function parseWhole(session: Session, uid: number): Promise<ParsedRaw | null> {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < maxWholeOctets;) {
    const told = await fetchPartial(session, { uid, section: "" }, { offset, length: chunk });
    const octets = told?.octets;
    if (!octets) return offset === 0 ? null : parseRaw(Buffer.concat(chunks));
    chunks.push(octets);
    offset += octets.length;
    if (told.isRest || octets.length !== chunk) return parseRaw(Buffer.concat(chunks));
  }
  return null;
}
