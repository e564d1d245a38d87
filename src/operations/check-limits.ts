import { Failure } from "../errors.ts";
import type { MailEnvelope, MessageNeeds, SubmitterLimits } from "../mail/submitter.ts";

/** Where in the request an address stands, for the problem: an RFC 6901 pointer or `?name`. */
export type PointerOf = (email: string) => string;

/** Octets of a message at most, and whose limit that is. */
export type SizeLimit = { octets: number; isServers: boolean };

/** The smaller one of ours and the server's (SIZE, RFC 1870). */
export function sizeLimit(limits: SubmitterLimits | null, maxMessage: number): SizeLimit {
  const size = limits?.size ?? null;
  return size !== null && size < maxMessage
    ? { octets: size, isServers: true }
    : { octets: maxMessage, isServers: false };
}

/** @returns the failure for a message that is larger */
export function tooLarge({ octets, isServers }: SizeLimit): Failure {
  const whose = isServers ? "the mail server takes" : "Postern takes";
  return new Failure("message-too-large", `The message is larger than the ${octets} octets that ${whose}.`, {
    fix: "Send less at once: attachments in several messages, or a link to them.",
    extra: { limit: octets },
  });
}

/**
 * Checks what a message asks of the server against what that announced when somebody last logged in (null: nobody has yet, and the
 * attempt will tell). Fails `unsupported-by-server`, with a pointer to the address where it is one.
 */
export function checkLimits(
  limits: SubmitterLimits | null,
  envelope: MailEnvelope,
  needs: MessageNeeds,
  pointerOf: PointerOf = () => "",
): void {
  if (limits === null) return;
  if (!limits.smtpUtf8) {
    const email = [envelope.from, ...envelope.to].find(
      (address) => !isAscii(address.slice(0, address.lastIndexOf("@"))),
    );
    if (email !== undefined) {
      throw lacks("SMTPUTF8", "It can't take an address whose part before the @ is not ASCII.", pointerOf(email));
    }
    if (needs.utf8) throw lacks("SMTPUTF8", "It can't take a header that is not ASCII.", "");
  }
  if (needs.eightBit && !limits.eightBitMime) {
    throw lacks("8BITMIME", "It can't take a body with octets above 127.", "");
  }
}

function lacks(extension: string, reason: string, pointer: string): Failure {
  return new Failure("unsupported-by-server", `The mail server does not offer ${extension}. ${reason}`, {
    errors: [{ pointer, code: `no-${extension.toLowerCase()}`, detail: reason }],
  });
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}
