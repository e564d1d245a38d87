import { domainToASCII } from "node:url";
import { hasControl, type Reason } from "./check-header.ts";

const maxEmail = 254;
const maxLocalPart = 64;

/** RFC 5322 §3.2.3 with RFC 6531 §3.3: atext, and any letter, mark, number or symbol beyond ASCII. */
const dotString = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** RFC 5321 §4.1.2 without angle brackets: too many programs end an address at them, quoted or not. */
const quotedString = /^"([\x20\x21\x23-;=?-\x5b\x5d-\x7e]|\\[\x20-;=?-\x7e])+"$/;
const invisible = /[\p{C}\p{Z}]/u;

/**
 * Whether a text may be an address in an envelope or a header: RFC 5321 §4.1.2 Mailbox with a domain name (no address
 * literal), at most 254 octets with the domain in ASCII. Null when it may, else why not.
 */
export function checkEmail(text: string): Reason | null {
  if (hasControl(text)) return { code: "control-character", detail: "An address holds no line breaks or controls." };
  const at = text.lastIndexOf("@");
  if (at < 1) return { code: "email-invalid", detail: "An address has the form name@domain." };
  const localPart = text.slice(0, at);
  if (!isLocalPart(localPart)) return { code: "email-invalid", detail: "The part before the @ is not valid." };
  const domain = asciiDomain(text.slice(at + 1));
  if (domain === null) return { code: "email-invalid", detail: "The part behind the @ is no domain name." };
  if (Buffer.byteLength(localPart) + 1 + domain.length > maxEmail)
    return { code: "too-long", detail: `An address has at most ${maxEmail} octets.` };
  return null;
}

/** A checked address as protocols want it: the domain as A-labels (RFC 5890), the local part as it stands. */
export function asciiEmail(email: string): string {
  const at = email.lastIndexOf("@");
  return `${email.slice(0, at)}@${asciiDomain(email.slice(at + 1)) ?? email.slice(at + 1)}`;
}

function isLocalPart(text: string): boolean {
  if (Buffer.byteLength(text) > maxLocalPart) return false;
  return quotedString.test(text) || (dotString.test(text) && !invisible.test(text));
}

/** LDH labels in lower case, of which the last can't belong to an IP address. */
const plainDomain = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** RFC 5321 §2.3.5, LDH labels; null for what is none, such as an IP address or what only looks like letters and dots. */
function asciiDomain(text: string): string | null {
  // Nearly all are; A-labels have rules of their own.
  if (text.length <= 253 && plainDomain.test(text) && !text.includes("xn--")) return text;
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(text)) return null;
  const ascii = domainToASCII(text);
  if (ascii.length === 0 || ascii.length > 253) return null;
  const labels = ascii.split(".");
  if (!labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) return null;
  return /^\d+$/.test(labels.at(-1) ?? "") ? null : ascii;
}
