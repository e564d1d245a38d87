import { Failure, type InputError } from "../errors.ts";

const most = 20;
const mostCharacters = 8_192;

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/;
/** RFC 9110 §5.5 without what is obsolete: printable ASCII with spaces and tabs between. */
const fieldValue = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/;

/** What frames or describes the request is ours to say, or the connection's; so is what it is signed by. */
const reserved = new Set(
  [
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "http2-settings",
  ].concat(["accept-encoding", "user-agent", "range", "forwarded", "via"]),
);
const isReserved = (name: string): boolean => reserved.has(name) || /^(?:webhook|proxy|content|sec|if)-/.test(name);

function fault(name: string, value: string): [code: string, detail: string] | null {
  if (!token.test(name)) return ["invalid-name", "The header's name is not one, or is longer than 100 characters."];
  if (isReserved(name.toLowerCase())) return ["reserved", `Postern sets the header ${name} itself, or leaves it out.`];
  if (!fieldValue.test(value))
    return [
      "invalid-value",
      "A header's value is printable ASCII, without spaces at its ends and without line breaks.",
    ];
  return null;
}

/**
 * The headers that an app gives a webhook: at most 20, 8,192 characters together, with names by RFC 9110 that are not reserved
 * and stand once. Fails `validation-failed` with a pointer `/headers/<name>` for each that is wrong.
 */
export function checkHeaders(headers: Record<string, string>): void {
  const errors: InputError[] = [];
  const names = new Set<string>();
  let characters = 0;
  for (const [name, value] of Object.entries(headers)) {
    const isTwice = names.has(name.toLowerCase());
    names.add(name.toLowerCase());
    characters += name.length + value.length;
    const [code, detail] = fault(name, value) ?? (isTwice ? ["duplicate", "The header stands twice."] : []);
    if (code === undefined || detail === undefined) continue;
    errors.push({
      pointer: `/headers/${name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`,
      code,
      detail,
    });
  }
  if (names.size > most) errors.push({ pointer: "/headers", code: "too-many", detail: `More than ${most} headers.` });
  if (characters > mostCharacters)
    errors.push({
      pointer: "/headers",
      code: "too-long",
      detail: `The headers are longer than ${mostCharacters.toLocaleString("en")} characters together.`,
    });
  if (errors.length > 0)
    throw new Failure("validation-failed", errors[0]?.detail ?? "", { errors: errors.slice(0, most) });
}
