/** A property of a calendar (RFC 5545 §3.1): its name in upper case, parameters by names in upper case, the value as it stands. */
export type Property = { name: string; parameters: Record<string, string>; value: string };

/** A component (RFC 5545 §3.6), such as VEVENT, with what stands in it. */
export type Component = { name: string; properties: Property[]; components: Component[] };

/** What is read of a calendar: UTF-16 units, lines, and components inside one another. */
const maxUnits = 1024 * 1024;
const maxLines = 20_000;
const maxDepth = 5;

/** A calendar as its components, all below one without a name. Never fails: lines that are none are left out. Linear time. */
export function parseIcalendar(text: string): Component {
  const root: Component = { name: "", properties: [], components: [] };
  const open = [root];
  for (const line of unfolded(text)) {
    const property = propertyOf(line);
    if (property === null) continue;
    const { name, value } = property;
    if (name === "BEGIN") {
      const component = { name: value.trim().toUpperCase(), properties: [], components: [] };
      if (open.length <= maxDepth) open.at(-1)?.components.push(component);
      open.push(component);
    } else if (name === "END") {
      if (open.length > 1) open.pop();
    } else open.at(-1)?.properties.push(property);
  }
  return root;
}

/** RFC 5545 §3.1: a line that begins with a space or a tab goes on with the one before. */
function unfolded(text: string): string[] {
  return text
    .slice(0, maxUnits)
    .replace(/(?:\r\n?|\n)[ \t]/g, "")
    .split(/[\r\n]+/, maxLines);
}

const parameter = /;([A-Za-z0-9-]{1,60})=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)/y;

function propertyOf(line: string): Property | null {
  const name = /^[A-Za-z0-9-]{1,60}/.exec(line)?.[0];
  if (name === undefined) return null;
  const parameters: Record<string, string> = {};
  let at = name.length;
  while (line[at] === ";") {
    parameter.lastIndex = at;
    const found = parameter.exec(line);
    if (found === null) return null;
    parameters[(found[1] ?? "").toUpperCase()] ??= decodedParameter(found[2] ?? "");
    at = parameter.lastIndex;
  }
  return line[at] === ":" ? { name: name.toUpperCase(), parameters, value: line.slice(at + 1) } : null;
}

/** Quotes off, and RFC 6868 §3's escapes undone. */
function decodedParameter(value: string): string {
  const escapes: Record<string, string> = { "^n": "\n", "^'": '"', "^^": "^" };
  return value.replaceAll('"', "").replace(/\^[n'^]/g, (escape) => escapes[escape] ?? escape);
}
