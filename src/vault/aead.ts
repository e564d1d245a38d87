import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const nonceLength = 12;
const tagLength = 16;

/** AES-256-GCM (NIST SP 800-38D), random nonce: base64url(nonce ‖ ciphertext ‖ tag). `context` is authenticated, not stored. */
export function encrypt(key: Uint8Array, context: string, clear: Uint8Array): string {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(context, "utf8"));
  return Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** The clear octets, or null when the key or the context is another or anything was changed. */
export function decrypt(key: Uint8Array, context: string, text: string): Buffer | null {
  const sealed = Buffer.from(text, "base64url");
  if (sealed.toString("base64url") !== text) return null;
  if (sealed.length < nonceLength + tagLength) return null;
  const end = sealed.length - tagLength;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceLength), { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(context, "utf8"));
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, end)), decipher.final()]);
  } catch {
    return null;
  }
}
