import { invalid } from "../errors.ts";
import { readSecret } from "../webhooks/secret.ts";

/** A caller's own signing secret, if it is one. Fails `validation-failed`, pointing to `/secret`. */
export function requireSecret(text: string): string {
  if (readSecret(text) !== null) return text;
  throw invalid("/secret", "format", "A secret is `whsec_` and the base64 of 24 to 64 random octets.");
}
