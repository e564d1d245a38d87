import type { Clock, Log, LogLevel } from "../observe.ts";

const ranks: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };

/** Names whose values never reach a log, at any depth, however they are written (`apiKey`, `api_key`, `API-KEY`). */
const secretNames =
  /pass(?:word|phrase|wd)?$|secret|token|authorization|cookie|credential|apikey|adminkey|privatekey|idkey|datakey|^key$|^auth$|^hash$|sealed|subject|^text$|^html$|^body$|^preview$|^content$|^raw$|^headers$|databaseurl/;

/** Of the names that came first: nearly all lines have the same ones. */
const judged = new Map<string, boolean>();
const mostJudged = 1_000;

function isSecret(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const found = secretNames.test(name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase());
  if (judged.size < mostJudged) judged.set(name, found);
  return found;
}

/** A copy that is safe to write: secret names emptied at every level, odd values made JSON, size and depth bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.length > 4000 ? `${value.slice(0, 4000)}…` : value;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
  if (depth >= 8) return "[deep]";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return describeError(value);
  if (value instanceof Uint8Array) return `[${value.byteLength} octets]`;
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  if (value instanceof Set) return redact([...value], depth);
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  const safe: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    const name = String(key);
    safe[name] = isSecret(name) && item !== null && item !== undefined ? "[redacted]" : redact(item, depth + 1);
  }
  return safe;
}

/**
 * An unexpected error for the log: its name, code and stack frames. The words are kept only where the language itself
 * wrote them: those of libraries can hold query parameters, server replies or mail.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const ours = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...(ours && { message: error.message }),
    stack: (error.stack ?? "")
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 20)
      .map((line) => line.trim()),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}

type Sink = (line: string) => void;

/** JSON lines, or one readable coloured line each where a person looks on. */
export function createLog(needs: { level: LogLevel; write: Sink; clock: Clock; pretty: boolean }): Log {
  /** The last line's, and its text: under load, many have the same. */
  let at = Number.NaN;
  let time = "";
  return {
    write(level, event, fields = {}) {
      if (ranks[level] < ranks[needs.level]) return;
      const now = needs.clock.now();
      if (now !== at) time = new Date((at = now)).toISOString();
      const safe = redact(fields) as Record<string, unknown>;
      needs.write(
        needs.pretty ? prettyLine(time, level, event, safe) : `${JSON.stringify({ time, level, event, ...safe })}\n`,
      );
    },
  };
}

const colours: Record<LogLevel, string> = {
  debug: "\u001b[90m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const dim = "\u001b[90m";
const plain = "\u001b[0m";

function prettyLine(time: string, level: LogLevel, event: string, fields: Record<string, unknown>): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(
      ([name, value]) => `${dim}${name}=${plain}${typeof value === "string" ? visible(value) : JSON.stringify(value)}`,
    );
  return `${dim}${time.slice(11, 23)}${plain} ${colours[level]}${level.padEnd(5)}${plain} ${event} ${rest.join(" ")}\n`;
}

/** No control character of a value reaches a terminal. */
function visible(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
