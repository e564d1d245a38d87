import { oneLine } from "../net/server-words.ts";

const most = 1_000;
/** What is shorter may stand in a text by chance. */
const leastSecret = 8;

/** What of a webhook's own headers is not to be told back by its receiver: the values, and the words in them ("Bearer …"). */
export function secretWords(headers: Record<string, string>): string[] {
  const words = Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/)]);
  return [...new Set(words)].filter((word) => word.length >= leastSecret).sort((a, b) => b.length - a.length);
}

/**
 * The beginning of an answer as one line of text, at most 1,000 characters: octets that are no UTF-8 are replaced, control
 * characters are spaces. Some receivers answer with what they were sent: `secrets` are left out.
 */
export function excerptOf(body: Uint8Array, secrets: string[]): string {
  if (body.length === 0) return "";
  let text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  for (const secret of secrets) {
    text = text.replaceAll(secret, "…").replaceAll(JSON.stringify(secret).slice(1, -1), "…");
  }
  return oneLine(text, most);
}
