import { randomBytes } from "node:crypto";

const prefix = "whsec_";

/** A new signing secret: `whsec_` and 32 random octets in base64 (Standard Webhooks, symmetric signatures). */
export function mintSecret(): string {
  return `${prefix}${randomBytes(32).toString("base64")}`;
}

/** The octets of a signing secret; null when it is not `whsec_` with 24 to 64 octets in base64 (RFC 4648 §4, padded). */
export function readSecret(text: string): Buffer | null {
  if (!text.startsWith(prefix)) return null;
  const encoded = text.slice(prefix.length);
  const octets = Buffer.from(encoded, "base64");
  return octets.length >= 24 && octets.length <= 64 && octets.toString("base64") === encoded ? octets : null;
}
