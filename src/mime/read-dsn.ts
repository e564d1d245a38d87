import type { Envelope } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";
import { decodeText } from "./decode-body.ts";
import { type DeliveryStatus, readDeliveryStatus } from "./delivery-status.ts";
import { type Dsn, type DsnAction, maxDsnRecipients } from "./dsn.ts";
import { type Header, headerValue, messageIds, messageIdOf, rawHeaders, references } from "./headers.ts";
import { type ParsedRaw, parseRaw } from "./parse-raw.ts";
import { readPlainBounce } from "./plain-bounce.ts";
import { addressIn } from "./said-by-server.ts";
import { bodyParts } from "./walk.ts";

/** Octets of a message that are read: reports stand before the original, whose size they have. */
export const maxDsnOctets = 256 * 1024;

const statusTypes = new Set(["message/delivery-status", "message/global-delivery-status"]);
const returnedTypes = new Set([
  "message/rfc822",
  "message/global",
  "text/rfc822-headers",
  "message/rfc822-headers",
  "message/global-headers",
]);

/** From whom programs send bounces; people have `postmaster`, too. */
const daemon = /mailer[-_.]?daemon|mail delivery (?:sub)?system|^mdaemon@/i;
const postmaster = /\bpo{1,2}stmaster@/i;

const failureWords =
  /undeliver|n[o']t (?:yet )?(?:be(?:en)? )?(?:able to )?deliver|delivery (?:\w+ )?(?:has )?(?:fail|status|error|problem|incomplete|delay)|(?:mail|delivering) (?:failure|delivery)|returned mail|failure notice|error (?:has )?(?:occurred|delivering|while)|did not reach|permanent error|unknown user|bounce/i;

/**
 * Whether a message may be a bounce, by what a listing tells of it: then its octets are worth reading. Almost nothing else is
 * fetched for it, and of `readDsn`'s bounces only those are missed that lack both a report's structure and a daemon's name.
 *
 * @param structure null where the server told none
 */
export function mayBeDsn({ from }: Pick<Envelope, "from">, structure: Part | null): boolean {
  if (structure !== null && isReport(structure) && isOfDelivery(structure)) return true;
  // `From: MAILER-DAEMON <>` has no address to tell.
  return from === null || daemon.test(`${from.name} ${from.email}`) || postmaster.test(from.email);
}

/**
 * Reads a bounce; null for what is none: mail of people (also such that quotes or forwards a bounce), vacation replies, read
 * receipts (RFC 8098), reports of abuse (RFC 5965).
 *
 * Known are multipart/report with report-type=delivery-status (RFC 3464, RFC 6533), the same part in other structures that a
 * mail daemon has sent (Amazon WorkMail), which is what Exchange, Microsoft 365, Gmail, Postfix and sendmail send now; and the
 * text of daemons that send none. Of 252 of those in the collection sisimai/set-of-emails (629 messages), 83 are Exim's and
 * its likes' (Mail.ru, GMX, Zoho, old Gmail: `X-Failed-Recipients`, an indented address), 39 qmail's and Yahoo's (QSBMF,
 * cr.yp.to/proto/qsbmf.txt), 45 have `<address>: reason` or one address in a sentence (old Postfix, OpenSMTPD, DragonFly);
 * no other form has more than seven.
 *
 * Anybody can write one: a bounce is believed only as far as its `originalMessageId` is that of a message that was sent, and
 * its recipients are that message's. Takes time in proportion to the octets, never fails.
 *
 * @param raw the message; of more than `maxDsnOctets` the first ones are read
 */
export async function readDsn(raw: Uint8Array): Promise<Dsn | null> {
  const message = raw.subarray(0, maxDsnOctets);
  const parsed = parseRaw(message);
  const headers = rawHeaders(message);
  const report = ownParts(parsed.structure).find(isReport);
  if (report && !isOfDelivery(report)) return null;
  const sender = report === parsed.structure ? "daemon" : senderOf(headers);
  if (sender === "person") return null;

  const statusPart = ownParts(parsed.structure).find(({ contentType }) => statusTypes.has(contentType));
  const returned = await returnedHeaders(parsed);
  if (statusPart) {
    const status = readDeliveryStatus(await textOf(parsed, statusPart));
    const isNamed = status.recipients.length > 0;
    const plain = isNamed && returned ? null : await readText(parsed, headers);
    if (!isNamed && !plain && status.actions.length === 0) return null;
    const recipients = isNamed ? status.recipients : (plain?.recipients ?? []);
    return dsnOf({ ...status, recipients }, returned ?? plain?.original ?? null, headers);
  }
  const plain = await readText(parsed, headers);
  if (!plain || plain.recipients.length === 0) return null;
  if (sender === "postmaster" && !isCertain(plain)) return null;
  return dsnOf(plain, returned ?? plain.original, headers);
}

type TextBounce = DeliveryStatus & { original: Header[] | null };

/** What the text of a mail daemon says; null where it tells of no failure. */
async function readText(parsed: ParsedRaw, headers: Header[]): Promise<TextBounce | null> {
  const [part] = bodyParts(parsed.structure).text;
  const text = part ? await textOf(parsed, part) : "";
  const failed = failedRecipients(headers);
  const subject = headerValue(headers, "subject") ?? "";
  if (failed.length === 0 && !failureWords.test(`${subject} ${text.slice(0, 4000).replace(/\s+/g, " ")}`)) return null;
  const { recipients, original } = readPlainBounce(text, failed);
  const originalHeaders = original === null ? null : returnedIn(Buffer.from(original, "utf8"));
  if (/^Final-Recipient:/im.test(text)) {
    const status = readDeliveryStatus(text);
    if (status.recipients.length > 0) return { ...status, original: originalHeaders };
  }
  return { recipients, actions: [], originalMessageId: null, original: originalHeaders };
}

/** What only programs write: a reply of SMTP, or the original below. */
function isCertain({ recipients, original }: TextBounce): boolean {
  return original !== null || recipients.some(({ status, code }) => status !== null || code !== null);
}

const worstFirst: readonly DsnAction[] = ["failed", "delayed", "delivered", "relayed", "expanded"];

function dsnOf(status: DeliveryStatus, returned: Header[] | null, headers: Header[]): Dsn {
  const actions = new Set([...status.actions, ...status.recipients.map(({ action }) => action)]);
  return {
    kind: worstFirst.find((action) => actions.has(action)) ?? "failed",
    originalMessageId:
      submittedId(returned ?? []) ??
      status.originalMessageId ??
      messageIds(headerValue(headers, "in-reply-to") ?? "")[0] ??
      references(headers).at(-1) ??
      null,
    recipients: status.recipients,
  };
}

/** Google and Microsoft give a message another id at times, and keep the sender's in a field of their own. */
function submittedId(headers: Header[]): string | null {
  const kept = ["x-google-original-message-id", "x-microsoft-original-message-id"].map((name) =>
    headerValue(headers, name),
  );
  return messageIds(kept.find((value) => value !== null) ?? "")[0] ?? messageIdOf(headers);
}

/** The header of the message that came back with the report, or null. */
async function returnedHeaders(parsed: ParsedRaw): Promise<Header[] | null> {
  const part = ownParts(parsed.structure).find(({ contentType }) => returnedTypes.has(contentType));
  if (!part) return null;
  const octets = parsed.bodyOf(part) ?? new Uint8Array();
  const isEncoded = part.encoding === "base64" || part.encoding === "quoted-printable";
  return returnedIn(isEncoded ? Buffer.from(await textOf(parsed, part), "utf8") : octets);
}

/** Empty lines before a header are skipped. */
function returnedIn(octets: Uint8Array): Header[] {
  let at = 0;
  while (octets[at] === 0x0a || octets[at] === 0x0d || octets[at] === 0x20) at++;
  return rawHeaders(octets.subarray(at));
}

/** The message's parts, but not what stands inside of a message that it holds. */
function ownParts(part: Part): Part[] {
  if (!part.contentType.startsWith("multipart/")) return [part];
  return [part, ...part.children.flatMap(ownParts)];
}

function isReport(part: Part): boolean {
  return part.contentType === "multipart/report";
}

/** A report without a type is known by its parts. */
function isOfDelivery({ parameters, children }: Part): boolean {
  const type = parameters["report-type"]?.trim().toLowerCase() ?? "";
  return type === ""
    ? children.some(({ contentType }) => statusTypes.has(contentType))
    : /^"?delivery-status/.test(type);
}

async function textOf({ bodyOf }: ParsedRaw, part: Part): Promise<string> {
  const { text } = await decodeText(part, bodyOf(part) ?? new Uint8Array());
  return text;
}

function failedRecipients(headers: Header[]): string[] {
  const values = headers.filter(({ name }) => name.toLowerCase() === "x-failed-recipients").map(({ value }) => value);
  return values
    .flatMap((value) => value.split(",", maxDsnRecipients))
    .flatMap((entry) => addressIn(entry.trim()) ?? []);
}

/** Postmasters are people, too, where nothing says that no answer is wanted (RFC 3834 §5, RFC 5321 §4.5.5). */
function senderOf(headers: Header[]): "daemon" | "postmaster" | "person" {
  const from = headerValue(headers, "from") ?? "";
  if (daemon.test(from)) return "daemon";
  const returnPath = headerValue(headers, "return-path")?.trim();
  const isAutomatic = returnPath === "<>" || /^auto-/i.test(headerValue(headers, "auto-submitted")?.trim() ?? "");
  if (isAutomatic && failedRecipients(headers).length > 0) return "daemon";
  return postmaster.test(from) ? "postmaster" : "person";
}
