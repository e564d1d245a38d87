import {
  beginsAttribution,
  isAttribution,
  isDatedAttribution,
  isDeviceLine,
  isDivider,
  outlookField,
} from "./quote-marks.ts";

/** Lines that an attribution is folded into at most, and lines in which Outlook's fields stand. */
const maxFolded = 4;
const maxFields = 8;

/**
 * What the sender of an answer wrote, without what was quoted: lines behind `>` (RFC 3676 §4.5) and the line above them that
 * says who wrote; from Outlook's "From: / Sent: / To: / Subject:" or "-----Original Message-----" on all of it; signatures behind `-- `
 * (§4.3) and what phones add. Answers between quotes stay. In the languages of `quote-marks.ts`; a guess, as any such rule is.
 *
 * Where nothing would be left (a forward without a word, nothing but quotes) the text comes back as it is. LF line ends. Linear time.
 */
export function replyOnly(text: string): string {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const kept: string[] = [];
  let isSignature = false;
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? "";
    if (isQuoted(line)) {
      isSignature = false;
      kept.push("");
      at++;
      continue;
    }
    if (isDivider(line) || beginsOutlookHeader(lines, at)) break;
    const attribution = attributionLength(lines, at);
    if (attribution === "rest") break;
    if (attribution > 0) {
      isSignature = false;
      kept.push("");
      at += attribution;
      continue;
    }
    if (/^--\s?$/.test(line) && kept.some((own) => own.trim() !== "")) isSignature = true;
    if (!isSignature && !(isDeviceLine(line) && endsBlock(lines, at))) kept.push(line);
    at++;
  }
  const own = kept
    .map((line) => line.trimEnd())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/\n_{10,80}\n*$/, "\n");
  return own.trim() === "" ? text.replace(/\r\n?/g, "\n") : own.replace(/^\n+/, "").trimEnd();
}

/** mbox writes `>From ` for a line that begins so: that is no quote. */
function isQuoted(line: string): boolean {
  return /^ {0,3}>/.test(line) && !/^>From \S/.test(line);
}

/**
 * How many lines at `at` say who wrote: with a quote below them, or "rest" where they are so certain that what stands below is
 * a quote without marks; 0 where they don't.
 */
function attributionLength(lines: string[], at: number): number | "rest" {
  const first = lines[at] ?? "";
  if (first.trim() === "" || !(isAttribution(first) || beginsAttribution(first))) return 0;
  let joined = "";
  for (let count = 1; count <= maxFolded; count++) {
    const line = lines[at + count - 1] ?? "";
    if (count > 1 && (isQuoted(line) || line.trim() === "")) return 0;
    joined = `${joined} ${line.trim()}`.slice(0, 900);
    if (!isAttribution(joined)) continue;
    const next = nextInk(lines, at + count);
    if (next !== null && isQuoted(next)) return count;
    return isDatedAttribution(joined) ? "rest" : 0;
  }
  return 0;
}

function endsBlock(lines: string[], at: number): boolean {
  const next = lines[at + 1] ?? "";
  return next.trim() === "" || isQuoted(next);
}

/** The next line with anything on it, two empty ones on. */
function nextInk(lines: string[], at: number): string | null {
  return lines.slice(at, at + 3).find((line) => line.trim() !== "") ?? null;
}

/** A From, and at least two of the other three among the next lines: no one else writes so. */
function beginsOutlookHeader(lines: string[], at: number): boolean {
  if (outlookField(lines[at] ?? "") !== "from") return false;
  const kinds = new Set(lines.slice(at, at + maxFields).map(outlookField));
  kinds.delete(null);
  return kinds.size >= 3;
}
