import { type DsnRecipient, maxDsnRecipients } from "./dsn.ts";
import { addressIn, codeIn, saidByServer } from "./said-by-server.ts";

/** What a bounce says that is written for people, and the original as far as it stands below. */
export type PlainBounce = { recipients: DsnRecipient[]; original: string | null };

/** Characters of a line that are looked at, and of one recipient's explanation. */
const maxLine = 2000;
const maxWords = 4000;
const maxReasonLines = 100;

/** Lines behind which the original stands: qmail's, Exim's, Gmail's, sendmail's and their imitators'. */
const breakLine =
  /^\s{0,8}(?:-{3,}.{0,40}\b(?:copy|original|unsent|returned|header|below|message)|message headers follow|original message (?:headers|follows)|below (?:is|this line is) (?:a copy|the)|-{20,}$)/i;

/** Where no such line stands, as at Zoho, the original begins with what mail servers have put before it. */
const headerLine = /^(?:return-path|received|message-id|dkim-signature)[ \t]{0,8}:/i;

/** Programs that have not given up yet. */
const isDelay =
  /not yet been delivered|has(?: not|n't) been delivered yet|could not be delivered for|delayed|will (?:be retried|continue|keep|try)|still trying|no action is required|temporary (?:failure|problem)/i;
const isFinal = /permanent|given up|giving up|failed permanently|returned/i;

/** `<a@b>:`, `a@b`, `"a@b":`, `<a@b> (expanded from <c@d>): host …`, `a@b: 550 …` */
const addressLine =
  /^(\s{0,12})["'<]?([^\s"'<>,;:()[\]]{1,64}@[^\s"'<>,;:()[\]@]{1,255})["'>]?(\s{1,2}\([^)]{0,300}\))?(:?)\s*(.*)$/;

type Found = { email: string; words: string[]; indent: number };

/**
 * Reads the recipients of a bounce in text, of the forms that qmail (QSBMF: `<address>:`, its reason below), Exim (an indented
 * address, its reason indented further, `X-Failed-Recipients` in the header), and Postfix before RFC 3464, sendmail's
 * imitators and most others use (`<address>: host mx said: 550 …`). The caller knows that it is a bounce.
 *
 * @param text decoded, with LF line ends
 * @param failed addresses of X-Failed-Recipients: where there are any, nobody else has failed
 */
export function readPlainBounce(text: string, failed: string[]): PlainBounce {
  const lines = text.split("\n");
  const isEnd = (line: string): boolean => breakLine.test(line.slice(0, maxLine));
  const end = lines.findIndex((line) => headerLine.test(line) || isEnd(line));
  const notice = end < 0 ? lines : lines.slice(0, end);
  const { found, before, behind } = readNotice(notice);
  const action = isDelay.test(before) && !isFinal.test(before) ? "delayed" : "failed";

  const recipients = new Map<string, DsnRecipient>();
  const add = (email: string, words: string): void => {
    const generated = /\((?:ultimately )?(?:generated|expanded) from <?([^\s<>()]{1,64}@[^\s<>()]{1,255})>?\)/i.exec(
      words,
    );
    const asked = addressIn(generated?.[1] ?? "") ?? email;
    const key = asked.toLowerCase();
    if (recipients.has(key) || recipients.size === maxDsnRecipients) return;
    recipients.set(key, {
      email: asked,
      action,
      ...saidByServer(words.replace(generated?.[0] ?? "", "")),
      willRetryUntil: null,
    });
  };
  const wordsOf = (one: Found): string => one.words.join(" ").slice(0, maxWords).trim() || behind;
  const byEmail = new Map(found.toReversed().map((one) => [one.email.toLowerCase(), one]));
  const only = failed.length === 1 && found.length === 1 ? found[0] : undefined;
  for (const email of failed) {
    const one = byEmail.get(email.toLowerCase()) ?? only;
    add(email, one ? wordsOf(one) : "");
  }
  if (failed.length === 0) for (const one of found) add(one.email, wordsOf(one));
  if (recipients.size === 0) for (const email of onlyOne(notice)) add(email, notice.join(" ").slice(0, maxWords));
  return {
    recipients: [...recipients.values()],
    original: end < 0 ? null : lines.slice(isEnd(lines[end] ?? "") ? end + 1 : end).join("\n"),
  };
}

/** `before` is what stands above the first address, `behind` what stands in paragraphs of their own below the last one. */
function readNotice(lines: string[]): { found: Found[]; before: string; behind: string } {
  const found: Found[] = [];
  let before = "";
  let behind = "";
  let isParagraphStart = true;
  /** Whether what comes is the last one's: the lines of its paragraph, and an indented one where that has but the address. */
  let isOpen = false;
  for (const whole of lines) {
    const line = whole.slice(0, maxLine);
    const last = found.at(-1);
    if (line.trim() === "") {
      isParagraphStart = true;
      isOpen &&= last?.words.length === 0;
      continue;
    }
    const next = addressed(line, isParagraphStart, isOpen ? last : undefined);
    isOpen = next !== null || (isOpen && (!isParagraphStart || /^\s/.test(line)));
    if (next) {
      found.push(next);
      behind = "";
    } else if (last && isOpen) {
      if (last.words.length < maxReasonLines) last.words.push(line.trim());
    } else if (last) {
      if (behind.length < maxWords) behind += ` ${line.trim()}`;
    } else if (before.length < maxWords) before += ` ${line.trim()}`;
    isParagraphStart = isRuled(line.trim());
  }
  return { found, before, behind: behind.trim() };
}

/** A heading between dashes. */
const isRuled = (line: string): boolean => line.length > 5 && line.startsWith("---") && line.endsWith("---");

/** A line that begins a recipient; inside the reason of another only where it stands as that one's address did. */
function addressed(line: string, isParagraphStart: boolean, last: Found | undefined): Found | null {
  const match = addressLine.exec(line);
  if (!match) return null;
  const [, space = "", email = "", comment = "", colon = "", rest = ""] = match;
  if (rest !== "" && colon === "" && codeIn(rest) === null) return null;
  const isReply = /^[45]\d\d[ -]/.test(rest);
  if (!isParagraphStart && !isReply && !(last && last.indent > 0 && space.length <= last.indent)) return null;
  if (last && last.indent < space.length) return null;
  return { email, words: [comment.trim(), rest.trim()].filter((word) => word !== ""), indent: space.length };
}

/** The address in a sentence, where there is no more than one: `There was an error delivering your mail to <a@b>.` */
function onlyOne(lines: string[]): string[] {
  const all = lines
    .slice(0, 200)
    .join(" ")
    .slice(0, 4 * maxWords)
    .match(/<[^\s<>@]{1,64}@[^\s<>@]{1,255}>/g);
  const each = [...new Map((all ?? []).map((email) => [email.toLowerCase(), email.slice(1, -1)])).values()];
  return each.length === 1 ? each : [];
}
