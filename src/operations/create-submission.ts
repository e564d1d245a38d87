import type { Address } from "../mail/address.ts";
import type { SubmissionInput } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { buildMessage } from "../mime/build-message.ts";
import { asciiEmail } from "../mime/check-address.ts";
import {
  acceptSubmission,
  type AcceptNeeds,
  type AcceptOptions,
  type CreatedSubmission,
  type Draft,
} from "./accept-submission.ts";
import { asItIs, type Asking, attachmentContents, type AttachmentNeeds } from "./attachment-content.ts";
import { checkCount, checkSubmission, pointerIn, recipientsOf } from "./check-submission.ts";
import { findAccount } from "./find-account.ts";
import { fingerprint } from "./fingerprint.ts";
import { newMessageId } from "./new-message-id.ts";
import { type Reply, replyMessage } from "./reply-message.ts";

export type CreateSubmissionNeeds = AcceptNeeds & AttachmentNeeds;
export type CreateSubmissionOptions = Omit<AcceptOptions, "route" | "isLight">;

const route = "submissions.create";

/**
 * Builds a message and accepts it for sending (`acceptSubmission`). What it refers to is looked up before, and read while it is built.
 * Fails: `not-found`, `validation-failed`, `message-gone` and `no-incoming` where the message that is answered is to be read, as reading does, and as
 * `acceptSubmission` does.
 */
export function createSubmission(needs: CreateSubmissionNeeds) {
  const accept = acceptSubmission(needs);

  return async (
    caller: AppCaller,
    accountId: string,
    input: SubmissionInput,
    options: CreateSubmissionOptions,
  ): Promise<CreatedSubmission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const print = fingerprint(input);
    const asking = { caller, account, signal: options.signal ?? new AbortController().signal };
    const isLight = input.inReplyTo === undefined && input.attachments.length === 0;
    return accept(account, { ...options, route, isLight }, () => draft(needs, asking, input, print), print);
  };
}

async function draft(
  needs: CreateSubmissionNeeds,
  asking: Asking,
  input: SubmissionInput,
  print: string,
): Promise<Draft> {
  const { account } = asking;
  const now = needs.clock.now();
  const { from, sendAt, deliverBefore } = checkSubmission(input, account, now);
  const { inReplyTo } = input;
  const reply = inReplyTo === undefined ? null : await replyMessage(needs, asking, { ...input, inReplyTo });
  const { to, cc } = addressees(input, reply);
  const { bcc, replyTo } = input;
  const envelope = {
    from: input.envelope?.from ?? from.email,
    to: recipientsOf({ envelope: input.envelope, to, cc, bcc }),
  };
  checkCount(envelope.to);
  const asked = { eightBit: false, utf8: [from, ...to, ...cc, ...replyTo].some(isUtf8) };
  const attachments = [...(await attachmentContents(needs, asking, input.attachments)), ...(reply?.attachments ?? [])];
  const onEightBit = (): void => void (asked.eightBit = true);
  const messageId = newMessageId(from.email);
  const subject = input.subject ?? reply?.subject ?? "";
  const { text, html } = reply ?? input;
  const octets = buildMessage({
    from,
    to,
    cc,
    replyTo,
    subject,
    text,
    html,
    calendar: input.calendar,
    attachments: attachments.map((one, n) => asItIs(one, pointerOf(input, n), onEightBit)),
    headers: input.headers,
    messageId,
    date: new Date(sendAt ?? now),
    inReplyTo: reply?.inReplyTo ?? undefined,
    references: reply?.references,
  });
  return {
    messageId,
    subject,
    envelope,
    needs: asked,
    pointerOf: pointerIn(input, from),
    octets,
    sendAt,
    deliverBefore,
    saveToSent: input.saveToSent ?? account.saveToSent,
    original: inReplyTo === undefined ? null : { action: input.action ?? "reply", messageId: inReplyTo },
    metadata: input.metadata,
    warnings: () => (reply !== null && reply.unusable.length > 0 ? ["recipient-left-out"] : []),
    fingerprint: () => print,
  };
}

/** Who is named goes before whom the original has; nobody is put into Cc who is named elsewhere. */
function addressees(input: SubmissionInput, reply: Reply | null): { to: Address[]; cc: Address[] } {
  const to = input.to ?? reply?.to ?? [];
  const named = new Set([...to, ...input.bcc].map(({ email }) => asciiEmail(email)));
  const cc = input.cc ?? reply?.cc.filter(({ email }) => !named.has(asciiEmail(email))) ?? [];
  return { to, cc };
}

function pointerOf({ attachments }: SubmissionInput, n: number): string {
  return n < attachments.length ? `/attachments/${n}` : "/inReplyTo";
}

/** RFC 6531: a local part that is not ASCII can't be written in another way. */
function isUtf8({ email }: Address): boolean {
  return /[^\0-\x7f]/.test(email.slice(0, email.lastIndexOf("@")));
}
