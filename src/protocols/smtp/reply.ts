import { oneLine } from "../../net/server-words.ts";

/** A server's reply (RFC 5321 §4.2) as far as it may be told: one line, at most 500 characters. */
export type Reply = { code: number; enhancedCode: string | null; text: string };

const enhanced = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/;

/** Reads a reply with all its lines; null when it does not start with a reply code. */
export function parseReply(response: string): Reply | null {
  const lines = response.split(/\r?\n/);
  const code = /^[2-5]\d\d(?=[ -]|$)/.exec(lines[0] ?? "")?.[0];
  if (code === undefined) return null;
  const texts = lines.map((line) => line.replace(/^\d{3}[ -]?/, ""));
  const enhancedCode = enhanced.exec(texts[0] ?? "")?.[1] ?? null;
  const text = oneLine(texts.map((line) => line.replace(enhanced, "")).join(" "));
  return { code: Number(code), enhancedCode, text };
}
