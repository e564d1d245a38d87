/** The first line of an answer (RFC 1939 §3): `+OK` or `-ERR`. */
export type Status = {
  ok: boolean;
  /** The response code (RFC 2449 §8), upper case, such as `IN-USE` or `SYS/TEMP`; null where there is none. */
  code: string | null;
  /** The server's words without the code. */
  text: string;
};

/** Printable, without what ends it (RFC 2449 §8.1). */
const responseCode = /^\[([\x21-\x5a\x5c\x5e-\x7e]{1,64})\]\s*/;

/** Reads a status line without its CRLF; null when it is none. */
export function parseStatus(line: Uint8Array): Status | null {
  const text = new TextDecoder().decode(line);
  const match = /^(\+OK|-ERR)(?:\s+|$)/i.exec(text);
  if (match === null) return null;
  const words = text.slice(match[0].length);
  const code = responseCode.exec(words);
  return {
    ok: match[1]?.startsWith("+") === true,
    code: code?.[1]?.toUpperCase() ?? null,
    text: words.slice(code?.[0].length ?? 0),
  };
}
