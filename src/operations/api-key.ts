import { hash, randomBytes } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 62^43 > 2^256: every key has the same length. */
const secretLength = 43;
const checksumLength = 6;
const form = /^pst_[0-9A-Za-z]{49}$/;

/** A number as base62 of fixed width. */
function base62(number: bigint, width: number): string {
  let rest = number;
  let text = "";
  for (let at = 0; at < width; at += 1) {
    text = (alphabet[Number(rest % 62n)] ?? "") + text;
    rest /= 62n;
  }
  return text;
}

/** 32 bits of SHA-256 over the secret part: finds typing errors without a look into the database. */
function checksum(secret: string): string {
  return base62(BigInt(`0x${hash("sha256", secret, "hex").slice(0, 8)}`), checksumLength);
}

/** A new API key: `pst_`, 256 random bits in 43 base62 characters, 6 characters of checksum. */
export function mintKey(): string {
  const secret = base62(BigInt(`0x${randomBytes(32).toString("hex")}`), secretLength);
  return `pst_${secret}${checksum(secret)}`;
}

/** Whether the text can be a key at all: its form and its checksum. */
export function isWellFormedKey(text: string): boolean {
  return form.test(text) && checksum(text.slice(4, 4 + secretLength)) === text.slice(4 + secretLength);
}

/** SHA-256 of the whole key, hex: all that is stored of it. */
export function hashKey(key: string): string {
  return hash("sha256", key, "hex");
}

/** What a key is recognised by in a list: its first characters, far too few to guess the rest. */
export function hintOf(key: string): string {
  return `${key.slice(0, 8)}…`;
}
