import { createHash } from "node:crypto";
import type { MaildropKey } from "../../mail/maildrop.ts";
import { rawFields } from "./header-facts.ts";

/** What servers add to a header, or change in it, while they serve it. */
const servers = new Set(["content-length", "status", "x-imap", "x-imapbase", "x-keywords", "x-status", "x-uidl"]);

/** A header block's digest, of 128 bits: the same whatever the server wrote into it since the message came. */
export function headerHash(block: Uint8Array): string {
  const digest = createHash("sha256");
  for (const { name, text } of rawFields(block)) {
    if (!servers.has(name)) digest.update(text.replaceAll("\r\n", "\n"), "latin1");
  }
  return digest.digest().subarray(0, 16).toString("base64url");
}

/** In place of the digest of a header that the server can't read. */
export const unreadableHash = "-".repeat(22);

/**
 * What names a message that has no unique-id of its own (DESIGN §4): its size, the hash of its header, and which one it is of
 * those that are alike in both, counted from 1 in the order of the maildrop.
 */
export function fingerprint(size: number, hash: string, nth: number): MaildropKey {
  return { kind: "fingerprint", value: `${size}.${hash}.${nth}` };
}

/** Whether a fingerprint is of a header that could not be read. */
export function isUnreadable(value: string): boolean {
  return value.includes(`.${unreadableHash}.`);
}

/** The size in a key's text, so that only messages of that size need to be looked at; null where it is no fingerprint. */
export function sizeInKey(text: string): number | null {
  const digits = /^fingerprint:(\d{1,15})\.[\w-]{22}\.[1-9]\d{0,9}$/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}
