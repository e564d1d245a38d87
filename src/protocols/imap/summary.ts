import type { ImapPlace, Summary } from "../../mail/message.ts";
import { emptyEnvelope, maxEnvelopeOctets, parseEnvelope, withoutCutEnd } from "../../mime/parse-envelope.ts";
import type { Facts } from "./known-messages.ts";
import { keyOf, type Row } from "./row.ts";

/** A row that holds all that a listing must tell; a BODYSTRUCTURE may be missing (too deep). */
type CompleteRow = Row & Required<Pick<Row, "uid" | "flags" | "size">>;

export function isComplete(row: Row): row is CompleteRow {
  return row.uid !== undefined && row.flags !== undefined && row.size !== undefined && headerOf(row) !== null;
}

/** What never changes of a message as long as its folder keeps its UIDVALIDITY; what the server did not tell is empty, with a warning. */
export function factsOf(row: Row): Facts {
  const header = headerOf(row);
  const isCut = row.sections.get("HEADER.FIELDS")?.octets?.length === maxEnvelopeOctets;
  const read = header && isCut ? withoutCutEnd(header) : header;
  const told = read ? parseEnvelope(read) : { envelope: emptyEnvelope, warnings: ["envelope-missing"] };
  const warnings = [...told.warnings];
  if (isCut) warnings.push("header-truncated");
  if (row.size === undefined) warnings.push("size-missing");
  if (!row.structure) warnings.push("structure-missing");
  const { references } = row.references ? parseEnvelope(withoutCutEnd(row.references)).envelope : told.envelope;
  return {
    key: keyOf(row),
    thread: row.threadId ?? row.gmailThreadId ?? null,
    envelope: { ...told.envelope, references },
    receivedAt: row.internalDate ?? null,
    size: row.size ?? 0,
    structure: row.structure ?? null,
    warnings,
  };
}

/** A message by its facts and by what the row tells of its flags. Null without a UID. */
export function toSummary(
  row: Row,
  facts: Facts,
  folder: { path: string; uidValidity: number },
): Summary<ImapPlace> | null {
  if (row.uid === undefined) return null;
  const { isParsedHere: _, ...told } = facts;
  return {
    ...told,
    place: { path: folder.path, uidValidity: folder.uidValidity, uid: row.uid },
    ...flagsOf(row),
    warnings: row.flags === undefined ? [...facts.warnings, "flags-missing"] : facts.warnings,
  };
}

/** A row's flags as they are shown; none where it tells none. */
export function flagsOf({ flags: told = [] }: Row): Pick<Summary, "flags" | "keywords"> {
  const flags = new Set(told.map((flag) => flag.toLowerCase()));
  return {
    flags: {
      seen: flags.has("\\seen"),
      flagged: flags.has("\\flagged"),
      answered: flags.has("\\answered"),
      draft: flags.has("\\draft"),
    },
    keywords: told.filter((flag) => !flag.startsWith("\\")),
  };
}

/** The whole header block, or the fields of an envelope; null where neither was told. */
function headerOf(row: Row): Buffer | null {
  return row.sections.get("HEADER")?.octets ?? row.sections.get("HEADER.FIELDS")?.octets ?? null;
}
