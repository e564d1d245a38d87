import { singleLine } from "./single-line.ts";

const maxDiagnostic = 500;
const maxHost = 255;

/** Characters that are looked through for codes: what matters stands at the beginning. */
const maxLooked = 4000;

/** What a mail server's words, as another program quotes them, tell to programs. */
export type Said = { status: string | null; code: number | null; diagnostic: string | null; remoteMta: string | null };

/** Reads SMTP's codes and the host out of words such as `host mx.example said: 550 5.1.1 <a@b>: no such user`. */
export function saidByServer(words: string): Said {
  const text = words.slice(0, maxLooked);
  return {
    status: statusIn(text),
    code: codeIn(text),
    diagnostic: singleLine(words, maxDiagnostic) || null,
    remoteMta: hostIn(text),
  };
}

/** RFC 3463 §2: of several the first that is a failure. */
export function statusIn(text: string): string | null {
  return /(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(text)?.[0] ?? null;
}

/**
 * The SMTP reply code (RFC 5321 §4.2) of a failure: one that a code of RFC 3463 follows, or that stands where a reply begins.
 * Numbers elsewhere are no codes: ports, seconds, parts of addresses.
 */
export function codeIn(text: string): number | null {
  const found =
    /(?<![\d.])([45][0-5]\d)[ -]+#?[45]\.\d{1,3}\.\d{1,3}/.exec(text) ??
    /^\s*([45][0-5]\d)(?:[ :-]|$)/.exec(text) ??
    /(?:said|returned|respon\w+|answer\w*|error|code|was|with|status)\s{0,3}:?\s{0,3}['"#(]{0,2}([45][0-5]\d)(?![\d.])/i.exec(
      text,
    ) ??
    /[:>]\s{1,3}([45][0-5]\d)[ -]/.exec(text);
  return found ? Number(found[1]) : null;
}

const host = String.raw`((?:[a-z\d](?:[a-z\d-]{0,62}\.)+[a-z\d-]{1,62}|\d{1,3}(?:\.\d{1,3}){3}))`;
const hosts = [
  new RegExp(String.raw`\bhost:?\s{1,3}${host}\b`, "i"),
  new RegExp(String.raw`(?:^|\s)${host}\s?[[(][\da-f.:]{2,45}[\])]`, "i"),
  new RegExp(String.raw`\b(?:server for the recipient domain \S{1,255} by|connected to)\s{1,3}${host}\b`, "i"),
];

function hostIn(text: string): string | null {
  for (const pattern of hosts) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return hostName(found);
  }
  return null;
}

/** A host as a report names it, without the brackets and dots around it. */
export function hostName(text: string): string | null {
  return singleLine(text, maxHost).replace(/^[[<]|[\].>]+$/g, "") || null;
}

/** The one address that a text is, `<…>` or a comment around it, or null. */
export function addressIn(text: string): string | null {
  const found = /<([^<>]{3,320})>/.exec(text)?.[1] ?? text.replace(/\s\(.*$/s, "");
  const email = found.trim();
  return email.length <= 320 && /^[^\s<>]+@[^\s<>@,;:"']+$/.test(email) ? email : null;
}
