import { styleText } from "node:util";

/** Columns; wider than 100 is hard to read. */
const width = Math.min(Math.max(process.stdout.columns ?? 80, 60), 100);

type Style = Parameters<typeof styleText>[0];

/** Coloured where stdout is a terminal and NO_COLOR is not set. */
const paint = (style: Style, text: string): string => styleText(style, text);

const write = (line: string): void => void process.stdout.write(`${line}\n`);

/** A line as it stands, to be copied. */
export function verbatim(line: string): void {
  write(line);
}

/** A paragraph, wrapped; an indented line keeps its form. */
export function say(text = "", style?: Style): void {
  for (const line of text.split("\n")) {
    for (const piece of line.startsWith(" ") ? [line] : wrap(line, width)) write(style ? paint(style, piece) : piece);
  }
}

let steps = 0;

/** What happens next, numbered. */
export function step(text: string): void {
  steps += 1;
  const [first = "", ...more] = wrap(text, width - 4);
  write("");
  write(paint(["bold", "blue"], `${String(steps).padStart(2)}  `) + paint("bold", first));
  for (const line of more) write(paint("bold", `    ${line}`));
  write("");
}

/** What another program says, line by line, its keys and ids cut. */
export function quote(lines: string[]): void {
  for (const line of lines) write(`${paint("dim", "  │ ")}${cutIds(line)}`);
}

/** What follows from an answer, such as a comparison that came out right. */
export function conclude(...facts: string[]): void {
  write("");
  for (const fact of facts) write(paint("green", `  ✓ ${fact}`));
}

/** Bodies come shortened. */
export function request(method: string, path: string, headers: Record<string, string>, body?: unknown): void {
  write(`  ${paint(["bold", "magenta"], method)} ${cutIds(path)}`);
  for (const [name, value] of Object.entries(headers)) write(paint("dim", `  ${name}: ${value}`));
  if (body !== undefined) write(`  ${json(body, 2, 2)}`);
}

export function answer(status: number, reason: string, note: string, body?: unknown): void {
  const style: Style = status < 300 ? "green" : status < 500 ? "yellow" : "red";
  write("");
  write(`  ${paint(["bold", style], `${status} ${reason}`)}  ${paint("dim", note)}`);
  if (body !== undefined) write(`  ${json(body, 2, 2)}`);
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** Marks an object of which not all members are shown. */
const leftOut = Symbol("left out");

type Shown = { [name: string]: unknown; [leftOut]?: true };

/**
 * A copy of a JSON value for reading: long strings, ids and passwords cut; of an object only the members named by `keep`, of
 * a page `{data, nextCursor}` those of its items.
 */
export function shorten(value: unknown, keep?: string[]): unknown {
  if (typeof value === "string") return cut(value);
  if (Array.isArray(value)) return value.map((item) => shorten(item, keep));
  if (typeof value !== "object" || value === null) return value;
  if ("data" in value && "nextCursor" in value) return { ...value, data: shorten(value.data, keep) };
  const entries = Object.entries(value).filter(([name]) => keep === undefined || keep.includes(name));
  const shown: Shown = Object.fromEntries(
    entries.map(([name, member]) => [name, name === "password" ? "••••••••" : shorten(member)]),
  );
  return entries.length < Object.keys(value).length ? { ...shown, [leftOut]: true } : shown;
}

function cut(text: string): string {
  const short = cutIds(text);
  if (short.length <= 64) return short;
  const size = text.length > 200 ? ` (${text.length.toLocaleString("en")} characters)` : "";
  return `${short.slice(0, size === "" ? 60 : 24)}…${size}`;
}

/** Ids and keys by both of their ends, which are enough to tell them apart. */
export function cutIds(text: string): string {
  return text.replaceAll(/\b([a-z]{3}_[A-Za-z0-9_-]{4})[A-Za-z0-9_-]{6,}([A-Za-z0-9_-]{4})/g, "$1…$2");
}

/** JSON in colour from `column` on: on one line where that fits, else member by member, lines further in than `indent`. */
function json(value: unknown, indent: number, column: number): string {
  const flat = onOneLine(value, (_, text) => text);
  if (typeof value !== "object" || value === null || column + flat.length + 1 <= width) return onOneLine(value, colour);
  const inner = " ".repeat(indent + 2);
  const lines = Array.isArray(value)
    ? value.map((item) => inner + json(item, inner.length, inner.length))
    : membersOf(value as Shown, inner);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${lines.join(",\n")}\n${" ".repeat(indent)}${close}`;
}

function membersOf(value: Shown, inner: string): string[] {
  const lines = Object.entries(value).map(([name, member]) => {
    const label = `${JSON.stringify(name)}: `;
    return inner + colour("name", label) + json(member, inner.length, inner.length + label.length);
  });
  return value[leftOut] ? [...lines, inner + colour("rest", "…")] : lines;
}

type Kind = "name" | "text" | "value" | "rest";

function onOneLine(value: unknown, mark: (kind: Kind, text: string) => string): string {
  if (typeof value === "string") return mark("text", JSON.stringify(value));
  if (typeof value !== "object" || value === null) return mark("value", String(value));
  if (Array.isArray(value)) return `[${value.map((item) => onOneLine(item, mark)).join(", ")}]`;
  const members = Object.entries(value).map(
    ([name, member]) => mark("name", `${JSON.stringify(name)}: `) + onOneLine(member, mark),
  );
  if ((value as Shown)[leftOut]) members.push(mark("rest", "…"));
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

const styles: Record<Kind, Style> = { name: "cyan", text: "green", value: "yellow", rest: "dim" };

function colour(kind: Kind, text: string): string {
  return paint(styles[kind], text);
}
