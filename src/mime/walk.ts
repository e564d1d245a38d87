import type { Attachment } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";

/** The parts that make the visible body, in reading order: `text` are text/plain, `html` are text/html. */
type BodyParts = { text: Part[]; html: Part[] };

type Leaf = { part: Part; role: "text" | "html" | "attachment"; inRelated: boolean };

/**
 * The parts to show as the message's body; both lists are empty where there is none. A part of `multipart/mixed` between
 * attachments counts, whatever says it is an attachment does not, and nothing inside a message/rfc822 does.
 */
export function bodyParts(root: Part): BodyParts {
  const all = leaves(root);
  return {
    text: all.filter((leaf) => leaf.role === "text").map((leaf) => leaf.part),
    html: all.filter((leaf) => leaf.role === "html").map((leaf) => leaf.part),
  };
}

/** Whether a part can be one of those, wherever it stands. */
export function canBeBody(part: Part): boolean {
  return textRole(part) !== "attachment";
}

/** The first text/calendar part, attached or not: what an invitation says to programs (RFC 6047 §2.4); null where there is none. */
export function calendarPart(root: Part): Part | null {
  return leaves(root).find(({ part }) => isCalendar(part))?.part ?? null;
}

export function isCalendar({ contentType }: Part): boolean {
  return contentType === "text/calendar";
}

/** The part whose beginning says what a message says: its first text that is not empty, else its first HTML; null: there is none. */
export function previewPart(root: Part): Part | null {
  const { text, html } = bodyParts(root);
  return text.find(({ encodedSize }) => encodedSize > emptyOctets) ?? html[0] ?? text[0] ?? null;
}

/** As long as nothing but line ends and an escape or two. */
const emptyOctets = 8;

/**
 * Every leaf that is not shown as the body, so that nothing is out of reach: files, forwarded messages (whole), calendars,
 * signatures, alternatives that were not chosen. `inline` marks what an HTML body refers to by `cid:`.
 */
export function attachments(root: Part): Attachment[] {
  return leaves(root).flatMap((leaf) => (leaf.role === "attachment" ? [attachment(leaf)] : []));
}

/** Whether the part is one of those. As long as parts behind it may be missing in the tree, true is certain and false is not. */
export function isAttachment(root: Part, part: Part): boolean {
  return leaves(root).some((leaf) => leaf.part === part && leaf.role === "attachment");
}

/** True when there is an attachment that is not inline. */
export function hasAttachment(root: Part): boolean {
  return leaves(root).some((leaf) => leaf.role === "attachment" && !isInline(leaf));
}

/**
 * The part at an IMAP section path, or null. A message/rfc822 and the multipart directly inside it share a path: the
 * message is what is found.
 */
export function findPart(root: Part, section: string): Part | null {
  if (root.section === section) return root;
  for (const child of root.children) {
    const found = findPart(child, section);
    if (found) return found;
  }
  return null;
}

function attachment(leaf: Leaf): Attachment {
  const { part } = leaf;
  return {
    id: `att_${part.section}`,
    filename: part.filename,
    contentType: part.contentType,
    ...(isIdentity(part.encoding) ? { size: part.encodedSize } : {}),
    encodedSize: part.encodedSize,
    contentId: part.contentId,
    inline: isInline(leaf),
  };
}

/** Encodings that change no octet (RFC 2045 §6.2): only with these is the decoded size known beforehand. */
function isIdentity(encoding: string): boolean {
  return encoding === "7bit" || encoding === "8bit" || encoding === "binary";
}

function isInline({ part, inRelated }: Leaf): boolean {
  if (part.contentId === null || part.disposition === "attachment") return false;
  return inRelated || part.contentType.startsWith("image/");
}

function leaves(root: Part): Leaf[] {
  const found: Leaf[] = [];
  collect(root, () => true, false, found);
  return found;
}

function collect(part: Part, isShown: (text: Part) => boolean, inRelated: boolean, found: Leaf[]): void {
  if (!part.contentType.startsWith("multipart/")) {
    found.push({ part, role: isShown(part) ? textRole(part) : "attachment", inRelated });
    return;
  }
  const isChildShown = shownIn(part);
  const related = inRelated || part.contentType === "multipart/related";
  for (const child of part.children) collect(child, isChildShown, related, found);
}

function textRole(part: Part): Leaf["role"] {
  if (part.disposition === "attachment") return "attachment";
  if (part.contentType === "text/plain") return "text";
  return part.contentType === "text/html" ? "html" : "attachment";
}

/** Whether a text part's place among its siblings makes it part of what is shown. */
function shownIn(parent: Part): (text: Part) => boolean {
  const { children } = parent;
  switch (parent.contentType) {
    case "multipart/alternative": {
      // RFC 2046 §5.1.4: of equal kinds the last is the richest.
      const chosen = (["text", "html"] as const).map((role) => children.findLast((one) => textRole(one) === role));
      return (text) => chosen.includes(text);
    }
    case "multipart/related": {
      // RFC 2387 §3.2: the rest is what the start part refers to; a text without an id can't be referred to.
      const start = startOf(parent);
      return (text) => text === start || (text.filename === null && text.contentId === null);
    }
    default:
      return (text) => text.filename === null || text === children[0];
  }
}

function startOf(related: Part): Part | undefined {
  const start = related.parameters["start"]?.trim().replace(/^<(.*)>$/, "$1");
  return related.children.find((child) => start !== undefined && child.contentId === start) ?? related.children[0];
}
