import { Failure, type InputError } from "../errors.ts";
import type { Address } from "../mail/address.ts";
import type { AttachmentInput, SubmissionInput } from "../mail/submission.ts";
import { asciiEmail, checkEmail } from "../mime/check-address.ts";
import { checkContentId, checkContentType, checkHeaderText, headerPolicy, type Reason } from "../mime/check-header.ts";

const day = 86_400_000;
const maxRecipients = 1000;
const maxDelay = 366 * day;
const defaultLifetime = 3 * day;
const maxLifetime = 30 * day;

/** What is to be sent, checked as a whole. Times in milliseconds. */
export type CheckedSubmission = {
  from: Address;
  /** Each recipient once. */
  recipients: string[];
  sendAt: number | null;
  deliverBefore: number;
};

/** RFC 4648 §4 with padding. One pattern for the whole would need a stack as long as the text, which may have 40 MB. */
function isBase64(text: string): boolean {
  const end = text.indexOf("=");
  const padding = end < 0 ? "" : text.slice(end);
  return text.length % 4 === 0 && /^={0,2}$/.test(padding) && !/[^A-Za-z0-9+/=]/.test(text);
}

type Note = (pointer: string, reason: Reason | null) => void;

function checkAddress(note: Note, pointer: string, { name, email }: Address): void {
  note(`${pointer}/email`, checkEmail(email));
  note(`${pointer}/name`, checkHeaderText(name));
}

function checkAttachment(note: Note, pointer: string, attachment: AttachmentInput): void {
  note(`${pointer}/filename`, checkHeaderText(attachment.filename, 255));
  note(`${pointer}/contentType`, checkContentType(attachment.contentType));
  if (attachment.contentId !== undefined) note(`${pointer}/contentId`, checkContentId(attachment.contentId));
  if (!isBase64(attachment.content)) {
    note(`${pointer}/content`, { code: "base64-invalid", detail: "The content is base64 with padding (RFC 4648 §4)." });
  }
}

/** The same mailbox once: domains are the same in any case and as A-labels, local parts only as they stand. */
function unique(addresses: Address[]): string[] {
  return [...new Map(addresses.map(({ email }) => [asciiEmail(email), email])).values()];
}

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
    for (const [n, address] of input[field].entries()) checkAddress(note, `/${field}/${n}`, address);
  }
  const addressed = [...input.to, ...input.cc, ...input.bcc];
  if (addressed.length === 0) note("/to", { code: "required", detail: "A message has at least one recipient." });
  if (addressed.length > maxRecipients) {
    note("/to", { code: "too-many", detail: `A message has at most ${maxRecipients} recipients.` });
  }
  note("/subject", checkHeaderText(input.subject));
  for (const [n, { name, value }] of input.headers.entries()) note(`/headers/${n}`, headerPolicy(name, value));
  for (const [n, attachment] of input.attachments.entries()) checkAttachment(note, `/attachments/${n}`, attachment);
  for (const field of ["text", "html"] as const) {
    if (input[field]?.includes("\0") === true) {
      note(`/${field}`, { code: "control-character", detail: "The text holds no NUL." });
    }
  }

  const sendAt = input.sendAt === undefined ? null : Date.parse(input.sendAt);
  if (sendAt !== null && !(sendAt > now)) note("/sendAt", { code: "in-the-past", detail: "sendAt is in the future." });
  if (sendAt !== null && sendAt > now + maxDelay) {
    note("/sendAt", { code: "too-far", detail: "sendAt is at most a year ahead." });
  }
  const begin = sendAt ?? now;
  const deliverBefore = input.deliverBefore === undefined ? begin + defaultLifetime : Date.parse(input.deliverBefore);
  if (!(deliverBefore > begin)) {
    note("/deliverBefore", { code: "in-the-past", detail: "deliverBefore comes after now and after sendAt." });
  }
  if (deliverBefore > begin + maxLifetime) {
    note("/deliverBefore", { code: "too-far", detail: "deliverBefore is at most 30 days after the message is due." });
  }

  const first = found[0];
  if (first !== undefined) {
    throw new Failure("validation-failed", `${first.pointer}: ${first.detail}`, { errors: found.slice(0, 50) });
  }
  return { from, recipients: unique(addressed), sendAt, deliverBefore };
}
