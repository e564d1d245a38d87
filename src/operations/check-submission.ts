import { Failure, type InputError } from "../errors.ts";
import type { Address } from "../mail/address.ts";
import type { AttachmentInput, CalendarInput, SubmissionInput } from "../mail/submission.ts";
import { asciiEmail, checkEmail } from "../mime/check-address.ts";
import { checkContentId, checkContentType, checkHeaderText, headerPolicy, type Reason } from "../mime/check-header.ts";
import { checkSending, type Note, type SendingTimes } from "./check-sending.ts";

export const maxRecipients = 1000;

/** What is to be sent, as far as the request says it itself. */
export type CheckedSubmission = SendingTimes & { from: Address };

/** RFC 4648 §4 with padding. One pattern for the whole would need a stack as long as the text, which may have 40 MB. */
function isBase64(text: string): boolean {
  const end = text.indexOf("=");
  const padding = end < 0 ? "" : text.slice(end);
  return text.length % 4 === 0 && /^={0,2}$/.test(padding) && !/[^A-Za-z0-9+/=]/.test(text);
}

function checkAddress(note: Note, pointer: string, { name, email }: Address): void {
  note(`${pointer}/email`, checkEmail(email));
  note(`${pointer}/name`, checkHeaderText(name));
}

function checkAttachment(note: Note, pointer: string, attachment: AttachmentInput): void {
  const { filename, contentType, contentId } = attachment;
  if (filename !== undefined) note(`${pointer}/filename`, checkHeaderText(filename, 255));
  if (contentType !== undefined) note(`${pointer}/contentType`, checkContentType(contentType));
  if (contentId !== undefined) note(`${pointer}/contentId`, checkContentId(contentId));
  if ("content" in attachment && !isBase64(attachment.content)) {
    note(`${pointer}/content`, { code: "base64-invalid", detail: "The content is base64 with padding (RFC 4648 §4)." });
  }
}

function checkCalendar(note: Note, { method, content }: CalendarInput): void {
  const [, named] = /^METHOD:[ \t]*([A-Za-z]+)[ \t]*\r?$/m.exec(content) ?? [];
  if (!/^BEGIN:VCALENDAR\r?\n/i.test(content)) {
    note("/calendar/content", {
      code: "calendar-invalid",
      detail: "The content begins with BEGIN:VCALENDAR (RFC 5545).",
    });
  } else if (named?.toUpperCase() !== method) {
    note("/calendar/content", { code: "method-differs", detail: "The content has the same METHOD (RFC 6047 §2.4)." });
  }
}

/** Whether what is asked of an original has one. */
function checkReply(note: Note, { inReplyTo, action, quote, includeAttachments }: SubmissionInput): void {
  if (inReplyTo !== undefined) return;
  const needsOriginal = {
    detail: "This is about the message of inReplyTo, and there is none.",
    code: "in-reply-to-missing",
  };
  if (action !== undefined) note("/action", needsOriginal);
  if (quote === true) note("/quote", needsOriginal);
  if (includeAttachments === true) note("/includeAttachments", needsOriginal);
}

const tooMany: Reason = { code: "too-many", detail: `A message has at most ${maxRecipients} recipients.` };
const noRecipient: Reason = { code: "required", detail: "A message has at least one recipient." };

/**
 * Checks everything that ends up in a header, an envelope or the schedule. Nothing of a submission that fails here has reached
 * a protocol. Fails `validation-failed` with a pointer for each fault.
 * @param account whose address and name are the default for `from`
 */
export function checkSubmission(
  input: SubmissionInput,
  account: { email: string; name: string | null },
  now: number,
): CheckedSubmission {
  /** All that is wrong, so that the caller is told everything at once. */
  const found: InputError[] = [];
  const note: Note = (pointer, reason) => {
    if (reason !== null) found.push({ pointer, ...reason });
  };
  const from = input.from ?? { name: account.name ?? "", email: account.email };
  checkAddress(note, "/from", from);
  for (const field of ["to", "cc", "bcc", "replyTo"] as const) {
    for (const [n, address] of (input[field] ?? []).entries()) checkAddress(note, `/${field}/${n}`, address);
  }
  const { envelope, calendar, inReplyTo, action } = input;
  if (envelope?.from !== undefined) note("/envelope/from", checkEmail(envelope.from));
  for (const [n, email] of (envelope?.to ?? []).entries()) note(`/envelope/to/${n}`, checkEmail(email));
  const count = recipientsOf(input).length;
  // An answer has those of its original; who they are is not known yet.
  if (count === 0 && (inReplyTo === undefined || action === "forward")) note("/to", noRecipient);
  if (count > maxRecipients) note("/to", tooMany);
  if (input.subject !== undefined) note("/subject", checkHeaderText(input.subject));
  for (const [n, { name, value }] of input.headers.entries()) note(`/headers/${n}`, headerPolicy(name, value));
  for (const [n, attachment] of input.attachments.entries()) checkAttachment(note, `/attachments/${n}`, attachment);
  if (calendar !== undefined) checkCalendar(note, calendar);
  for (const [pointer, text] of [
    ["/text", input.text],
    ["/html", input.html],
    ["/calendar/content", calendar?.content],
  ] as const) {
    if (text?.includes("\0") === true) note(pointer, { code: "control-character", detail: "The text holds no NUL." });
  }
  checkReply(note, input);
  const times = checkSending(input, note, now);

  const first = found[0];
  if (first !== undefined) {
    throw new Failure("validation-failed", `${first.pointer}: ${first.detail}`, { errors: found.slice(0, 50) });
  }
  return { from, ...times };
}

/** Who gets a message, each once: domains are the same in any case and as A-labels, local parts only as they stand. */
export function recipientsOf({
  envelope,
  to,
  cc,
  bcc,
}: Pick<SubmissionInput, "envelope" | "to" | "cc" | "bcc">): string[] {
  const emails = envelope?.to ?? [...(to ?? []), ...(cc ?? []), ...bcc].map(({ email }) => email);
  return [...new Map(emails.map((email) => [asciiEmail(email), email])).values()];
}

/** Whether an answer has as many recipients as there may be, now that they are known. Fails `validation-failed`. */
export function checkCount(recipients: string[]): void {
  const reason = recipients.length === 0 ? noRecipient : recipients.length > maxRecipients ? tooMany : null;
  if (reason === null) return;
  throw new Failure("validation-failed", `The message that is answered leaves no such recipients. ${reason.detail}`, {
    fix: "Name the recipients in `to`, and in `cc`.",
    errors: [{ pointer: "/to", ...reason }],
  });
}

/** Where in a request a recipient or the sender stands, for a problem; those of an original stand nowhere but in that. */
export function pointerIn(input: SubmissionInput, from: Address): (email: string) => string {
  return (email) => {
    if (input.envelope?.from === email) return "/envelope/from";
    const at = input.envelope?.to?.indexOf(email) ?? -1;
    if (at >= 0) return `/envelope/to/${at}`;
    if (from.email === email) return "/from/email";
    for (const field of ["to", "cc", "bcc"] as const) {
      const n = input[field]?.findIndex((address) => address.email === email) ?? -1;
      if (n >= 0) return `/${field}/${n}/email`;
    }
    return "/inReplyTo";
  };
}
