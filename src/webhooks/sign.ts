import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { Failure } from "../errors.ts";
import { readSecret } from "./secret.ts";

/** The key of a secret, for whoever signs by it often. Fails `internal` when it is none (`readSecret`). */
export function signingKey(secret: string): KeyObject {
  const octets = readSecret(secret);
  if (octets === null) throw new Failure("internal", "A webhook's secret can't be read.");
  return createSecretKey(octets);
}

/** As `signatures`, by keys. */
export function signaturesBy(keys: KeyObject[], id: string, timestamp: number, body: string): string {
  const named = `${id}.${timestamp}.`;
  return keys.map((key) => `v1,${createHmac("sha256", key).update(named).update(body).digest("base64")}`).join(" ");
}

/**
 * The `webhook-signature` header (Standard Webhooks): for each secret "v1," and the HMAC-SHA256 of `id.timestamp.body` in base64,
 * with a space between. `timestamp` in seconds since the epoch. Fails as `signingKey`.
 */
export function signatures(secrets: string[], id: string, timestamp: number, body: string): string {
  return signaturesBy(secrets.map(signingKey), id, timestamp, body);
}
