import type { AuthenticationResult, AuthenticationResults } from "../mail/sender-claims.ts";
import type { Header } from "./headers.ts";

/** Fields, results of one, and UTF-16 units of one that are read. */
const maxFields = 20;
const maxResults = 50;
const maxField = 16 * 1024;
const maxProperties = 20;

/**
 * Every Authentication-Results field (RFC 8601 §2.2), topmost first, each by itself. Only their syntax is read, and whom to trust is the caller's matter: anybody can write
 * such a field, with anybody's authserv-id. The receiving server puts its own on top, and should have removed those that claim to be (§5); one below
 * another host's, or of another name than the mailbox's server uses, says nothing. So entries of one authserv-id are not joined.
 * What is malformed is left out. Never fails; linear time.
 *
 * @param headers with encoded-words as they stand (`rawHeaders`)
 */
export function authenticationResults(headers: Header[]): AuthenticationResults[] {
  return headers
    .filter(({ name }) => name.toLowerCase() === "authentication-results")
    .slice(0, maxFields)
    .map(({ value }) => parseField(value.slice(0, maxField)));
}

function parseField(value: string): AuthenticationResults {
  const [first = "", ...rest] = segments(value);
  const hasId = !methodSpec.test(first);
  const authservId = hasId
    ? (/^\s*("[^"]*"|[^\s/;]+)/.exec(first)?.[1]?.replaceAll('"', "").toLowerCase() ?? null)
    : null;
  const specs = (hasId ? rest : [first, ...rest]).slice(0, maxResults);
  return { authservId, results: specs.flatMap((spec) => parseSpec(spec) ?? []) };
}

const methodSpec = /^\s*([a-z][\w-]*)\s*(?:\/\s*\d+\s*)?=\s*([a-z][\w-]*)/i;
const reasonSpec = /(?:^|\s)reason\s*=\s*("(?:[^"\\]|\\.)*"|[^\s"]+)/i;
const propertySpec = /(?:^|\s)([a-z][\w-]*)\s*\.\s*([a-z][\w.-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";]+)/gi;

function parseSpec(spec: string): AuthenticationResult | null {
  const found = methodSpec.exec(spec);
  const method = methodOf(found?.[1]?.toLowerCase() ?? "");
  if (found === null || method === null) return null;
  const rest = spec.slice(found[0].length);
  const reason = reasonSpec.exec(rest)?.[1];
  const properties = [...rest.matchAll(propertySpec)]
    .slice(0, maxProperties)
    .map(([, type = "", name = "", value = ""]) => ({
      type: type.toLowerCase(),
      name: name.toLowerCase(),
      value: unquoted(value),
    }));
  return { method, result: (found[2] ?? "").toLowerCase(), reason: reason ? unquoted(reason) : null, properties };
}

function methodOf(name: string): AuthenticationResult["method"] | null {
  return (["spf", "dkim", "dmarc", "arc"] as const).find((method) => method === name) ?? null;
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

/** Split at semicolons, with comments (RFC 5322 §3.2.2: they nest) as spaces; neither counts inside a quoted string. */
function segments(value: string): string[] {
  const found = [""];
  let depth = 0;
  let isQuoted = false;
  let segment = "";
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? "";
    const isEscape = character === "\\" && (isQuoted || depth > 0);
    const text = isEscape ? character + (value[++at] ?? "") : character;
    if (depth === 0 && text === '"') isQuoted = !isQuoted;
    if (!isQuoted && text === "(") depth++;
    if (depth === 0 && !isQuoted && text === ";") {
      found[found.length - 1] = segment;
      found.push("");
      segment = "";
    } else if (depth === 0) segment += text;
    if (!isQuoted && text === ")" && depth > 0 && --depth === 0) segment += " ";
  }
  found[found.length - 1] = segment;
  return found;
}
