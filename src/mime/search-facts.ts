import type { Address } from "../mail/address.ts";
import type { SearchFacts } from "../mail/match-search.ts";
import type { Summary } from "../mail/message.ts";
import { attachments, hasAttachment } from "./walk.ts";

/** What a listing tells of a message for a search: nothing of headers that are no envelope's, of the body, or of its folders. */
export function searchFacts({
  envelope,
  receivedAt,
  size,
  flags,
  keywords,
  structure,
  warnings,
}: Summary): SearchFacts {
  const isRead = !warnings.includes("envelope-missing");
  const isSized = !warnings.includes("size-missing");
  return {
    ...(isRead
      ? {
          from: addressText(envelope.from === null ? [] : [envelope.from]),
          to: addressText(envelope.to),
          cc: addressText(envelope.cc),
          bcc: addressText(envelope.bcc),
          subject: envelope.subject,
          messageId: envelope.messageId,
        }
      : {}),
    ...(isSized ? { size } : {}),
    receivedAt,
    flags,
    keywords,
    ...(structure === null
      ? {}
      : {
          hasAttachment: hasAttachment(structure),
          filenames: attachments(structure).flatMap(({ filename }) => filename ?? []),
        }),
  };
}

/** Addresses as a header field has them, for people to read. */
function addressText(addresses: Address[]): string {
  return addresses.map(({ name, email }) => (name === "" ? email : `${name} <${email}>`)).join(", ");
}
