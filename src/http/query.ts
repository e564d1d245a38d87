import { Failure, type InputError } from "../errors.ts";

/** Percent-decoding that refuses what is malformed, is not UTF-8 or holds a NUL, instead of passing it on. */
export function decodeStrictly(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new Failure("bad-request", "The URL holds a percent-escape that is malformed or not UTF-8.");
  }
  if (decoded.includes("\0")) throw new Failure("bad-request", "The URL holds a NUL.");
  return decoded;
}

/** Refuses unknown names, and repeated ones that may stand only once (422), and broken escapes (400). `search` is as in `URL.search`. */
export function checkQuery(search: string, known: string[], repeatable: string[] = []): void {
  if (search.length < 2) return;
  const errors: InputError[] = [];
  const seen = new Set<string>();
  for (const pair of search.slice(1).split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = decodeStrictly((at === -1 ? pair : pair.slice(0, at)).replaceAll("+", " "));
    if (at !== -1) decodeStrictly(pair.slice(at + 1));
    const pointer = `?${name.slice(0, 100)}`;
    if (!known.includes(name)) {
      errors.push({ pointer, code: "unknown-field", detail: "The route takes no query parameter of this name." });
    } else if (seen.has(name) && !repeatable.includes(name)) {
      errors.push({ pointer, code: "duplicate", detail: "The query parameter is given more than once." });
    }
    seen.add(name);
  }
  const first = errors[0];
  if (first === undefined) return;
  throw new Failure("validation-failed", `${first.pointer}: ${first.detail}`, { errors: errors.slice(0, 20) });
}
