import type { Address } from "../mail/address.ts";
import { singleLine } from "./single-line.ts";

/** What of a message is quoted in an answer to it. */
export type Quoted = {
  from: Address | null;
  to: Address[];
  cc: Address[];
  subject: string;
  /** Milliseconds since the epoch; null where the message has no date. */
  date: number | null;
  /** The decoded text body; null where there is none. */
  text: string | null;
  /**
   * The HTML body as a fragment (no html, head or body element) that was sanitised, so that it is balanced and harmless;
   * null where there is none: then the text is shown in its place.
   */
  safeHtml: string | null;
};

/** UTF-16 units of an original that are quoted. Text is cut there; HTML, which can't be, gives way to the text. */
export const maxQuoted = 256 * 1024;

/** Addresses of a field in a forward's header; behind them it says how many more there are. */
const maxShown = 50;
const maxName = 240;

/**
 * The original below an answer in text: `On 2026-11-23 07:05 UTC, Ann wrote:`, an empty line, and each line behind `> `
 * (`>` alone before one that is quoted already, RFC 3676 §4.5). English, whatever the original's language; the date is in
 * UTC. No line ends in a space but a signature's `-- `, which stays: so the text means the same as format=flowed. LF line ends.
 */
export function quoteText(original: Quoted): string {
  const lines = textLines(original).map((line) => (line === "" ? ">" : `>${line.startsWith(">") ? "" : " "}${line}`));
  return `${[attribution(original), "", ...lines].join("\n")}\n`;
}

/** The same in HTML: the attribution, escaped, and the original in a `blockquote`. */
export function quoteHtml(original: Quoted): string {
  const body = `<blockquote type="cite">${htmlBody(original)}</blockquote>`;
  return `<div><div>${escapeHtml(attribution(original))}</div>${body}</div>`;
}

/**
 * The original as a forward shows it in text: a line of dashes, From, Date, Subject, To and Cc as far as it has them, an
 * empty line, and the text as it is. LF line ends.
 */
export function forwardText(original: Quoted): string {
  const header = headerLines(original).map(([name, value]) => `${name}: ${value}`);
  return `${[forwardLine, ...header, "", ...textLines(original)].join("\n")}\n`;
}

/** The same in HTML; the header is escaped. */
export function forwardHtml(original: Quoted): string {
  const header = headerLines(original).map(([name, value]) => `<b>${name}:</b> ${escapeHtml(value)}<br>`);
  return `<div><div>${forwardLine}<br>${header.join("")}</div><br>${htmlBody(original)}</div>`;
}

const forwardLine = "---------- Forwarded message ----------";

function attribution({ date, from }: Quoted): string {
  const who = singleLine(from?.name || from?.email || "the sender", maxName);
  return date === null ? `${who} wrote:`.replace(/^the/, "The") : `On ${humanDate(date)}, ${who} wrote:`;
}

function headerLines({ from, date, subject, to, cc }: Quoted): [name: string, value: string][] {
  const all: [string, string | null][] = [
    ["From", from && addressList([from])],
    ["Date", date === null ? null : humanDate(date)],
    ["Subject", singleLine(subject, maxName)],
    ["To", addressList(to)],
    ["Cc", addressList(cc)],
  ];
  return all.flatMap(([name, value]): [string, string][] => (value ? [[name, value]] : []));
}

function addressList(addresses: Address[]): string {
  const shown = addresses.slice(0, maxShown).map(({ name, email }) => {
    const address = singleLine(email, maxName);
    return name === "" ? address : `${singleLine(name, maxName)} <${address}>`;
  });
  const more = addresses.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** RFC 3339 without its T and seconds: the one order of day and month that nobody misreads. */
function humanDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Without empty lines at the end; a text that is cut says so in its last line. */
function textLines({ text }: Quoted): string[] {
  const all = (text ?? "").slice(0, 2 * maxQuoted + 2).replace(/\r\n?/g, "\n");
  const isCut = all.length > maxQuoted;
  const lineEnd = all.lastIndexOf("\n", maxQuoted);
  const kept = isCut ? all.slice(0, lineEnd > 0 ? lineEnd : maxQuoted).toWellFormed() : all;
  const lines = kept.split("\n").map((line) => (line === "-- " ? line : line.trimEnd()));
  while (lines.at(-1) === "") lines.pop();
  return isCut ? [...lines, "[...]"] : lines;
}

function htmlBody(original: Quoted): string {
  const { safeHtml } = original;
  if (safeHtml !== null && safeHtml.length <= maxQuoted) return safeHtml;
  return `<div style="white-space:pre-wrap">${textLines(original).map(escapeHtml).join("\n")}</div>`;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
