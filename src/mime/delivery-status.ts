import { type DsnAction, type DsnRecipient, maxDsnRecipients } from "./dsn.ts";
import { type Header, headerValue, messageIds, parseHeaders } from "./headers.ts";
import { parseDate } from "./parse-date.ts";
import { addressIn, codeIn, hostName, saidByServer, statusIn } from "./said-by-server.ts";
import { singleLine } from "./single-line.ts";

/** What the machine-readable part of a report says. */
export type DeliveryStatus = {
  /** Each address once. */
  recipients: DsnRecipient[];
  /** Of groups that name nobody, too. */
  actions: DsnAction[];
  /** Gmail's X-Original-Message-ID. */
  originalMessageId: string | null;
};

/**
 * Reads message/delivery-status (RFC 3464 §2) or message/global-delivery-status (RFC 6533 §4): groups of fields with an empty
 * line between, the first of the message, the others one per recipient. A first group that names a recipient is read as one.
 *
 * @param text decoded, with LF line ends
 */
export function readDeliveryStatus(text: string): DeliveryStatus {
  const groups = text
    .split(/\n[ \t]*(?:\n[ \t]*)*\n/, maxDsnRecipients + 1)
    .map((group) => parseHeaders(Buffer.from(group.replace(/^\n+/, ""), "utf8")));
  const recipients = new Map<string, DsnRecipient>();
  const actions: DsnAction[] = [];
  let originalMessageId: string | null = null;
  for (const group of groups) {
    originalMessageId ??= messageIds(headerValue(group, "x-original-message-id") ?? "")[0] ?? null;
    const recipient = readGroup(group);
    if (!recipient) continue;
    actions.push(recipient.action);
    const { email } = recipient;
    if (email !== null && !recipients.has(email.toLowerCase()))
      recipients.set(email.toLowerCase(), { ...recipient, email });
  }
  return { recipients: [...recipients.values()], actions, originalMessageId };
}

function readGroup(group: Header[]): (Omit<DsnRecipient, "email"> & { email: string | null }) | null {
  const field = (name: string): string | null => headerValue(group, name);
  const final = field("final-recipient");
  const original = field("original-recipient");
  const actionText = field("action");
  const statusText = field("status");
  if (final === null && original === null && actionText === null && statusText === null) return null;

  const words = untyped(field("diagnostic-code") ?? "");
  const said = saidByServer(words);
  const told = /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}/.exec(statusText ?? "")?.[0] ?? null;
  // RFC 3463 §3.1: x.0.0 says nothing, and the server's own words may say more.
  const isVague = told === null || told.endsWith(".0.0");
  const better = isVague ? statusIn(words.slice(0, 1000)) : null;
  const status = better !== null && (told === null || better[0] === told[0]) ? better : told;
  return {
    email: recipientIn(original) ?? recipientIn(final),
    action: actionOf(actionText, status),
    status,
    code: said.code ?? codeIn(untyped(statusText ?? "")),
    diagnostic: said.diagnostic,
    remoteMta: hostName(untyped(field("remote-mta") ?? "")) ?? said.remoteMta,
    willRetryUntil: parseDate(field("will-retry-until") ?? ""),
  };
}

/** RFC 3464 §2.1.2: a type and a semicolon come first; some leave them out. */
function untyped(value: string): string {
  return value.replace(/^\s*[\w-]{1,40}\s*;\s*/, "").trim();
}

/** RFC 6533 §3: what is not ASCII may come as `\x{HEX}`. */
function recipientIn(value: string | null): string | null {
  if (value === null) return null;
  const text = untyped(value.slice(0, 1000)).replace(/\\x\{([\da-f]{2,6})\}/gi, (escape, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point > 0x9f && point < 0x11_0000 && (point < 0xd800 || point > 0xdfff)
      ? String.fromCodePoint(point)
      : escape;
  });
  const email = addressIn(text);
  return email === null ? null : singleLine(email, 320);
}

const actions: readonly string[] = ["failed", "delayed", "delivered", "relayed", "expanded"] satisfies DsnAction[];

function isAction(word: string): word is DsnAction {
  return actions.includes(word);
}

function actionOf(text: string | null, status: string | null): DsnAction {
  const word = /[a-z]+/.exec(text?.toLowerCase() ?? "")?.[0] ?? "";
  if (isAction(word)) return word;
  if (status?.startsWith("2")) return "delivered";
  return status?.startsWith("4") && text === null ? "delayed" : "failed";
}
