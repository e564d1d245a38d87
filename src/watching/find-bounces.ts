import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Place, Summary } from "../mail/message.ts";
import { asciiEmail } from "../mime/check-address.ts";
import type { Dsn, DsnRecipient } from "../mime/dsn.ts";
import { makeOctetPile } from "../mime/octet-pile.ts";
import { maxDsnOctets, mayBeDsn, readDsn } from "../mime/read-dsn.ts";
import { newEvent } from "../store/new-event.ts";
import type { AccountRow, NewEvent } from "../store/rows.ts";
import type { SubmissionRow } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import { sliceSize } from "./slices.ts";
import type { Turn } from "./turn.ts";

/** A bounce, and what was sent from here that it is about. */
export type Bounce = { dsn: Dsn; submission: SubmissionRow };

/** Messages that are read in one look. */
const mostRead = 20;

/**
 * Reads which of the messages that are new are bounces of what was sent from the account. `isNew`: it is going to be told as created, by anybody else, and
 * came just now. `reach`: so many of them, the first ones, are to be told in this look, one at least; the others wait for the next, so that it is not held up
 * and none goes unread. One that can't be read is none, but where the line is lost over it, it is read once more: as the next look's first.
 */
export async function findBounces<P extends Place>(
  { submissions }: { submissions: Pick<SubmissionStore, "byMessageId"> },
  { account, mailbox, progress }: Pick<Turn, "account" | "mailbox" | "progress">,
  created: Summary<P>[],
  isNew: (summary: Summary<P>, index: number) => boolean,
): Promise<{ reach: number; bounces: Map<Summary<P>, Bounce> }> {
  const bounces = new Map<Summary<P>, Bounce>();
  // Who can't send gets no bounces of what he sent.
  if (account.outgoing === null) return { reach: created.length, bounces };
  let reads = 0;
  for (const [index, summary] of created.entries()) {
    // Their events are written in one atomic.
    if (index + bounces.size >= sliceSize) return { reach: index, bounces };
    if (!isNew(summary, index) || !mayBeDsn(summary.envelope, summary.structure)) continue;
    if (reads === mostRead) return { reach: index, bounces };
    const dsn = await readBounce(mailbox, summary.place, progress);
    if (dsn === null && mailbox.dead) return { reach: Math.max(index + (reads === 0 ? 1 : 0), 1), bounces };
    reads += 1;
    const submission = dsn?.originalMessageId && (await submissions.byMessageId(account.id, dsn.originalMessageId));
    if (dsn && submission && isAbout(dsn, submission)) bounces.set(summary, { dsn, submission });
    // What a maildrop's session has not read to its end may have ended it.
    if (mailbox.dead) return { reach: index + 1, bounces };
  }
  return { reach: created.length, bounces };
}

async function readBounce(mailbox: Mailbox, place: Place, progress: () => void): Promise<Dsn | null> {
  try {
    const { stream } = await mailbox.openRaw(place, { start: 0, end: maxDsnOctets - 1 });
    const pile = makeOctetPile(maxDsnOctets);
    for await (const octets of stream) {
      pile.add(octets);
      progress();
    }
    return await readDsn(pile.take());
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

/** Some of whom it names got the message from us; one that names nobody is about all of them. */
function isAbout({ recipients }: Dsn, submission: SubmissionRow): boolean {
  return recipients.length === 0 || toldRecipients(recipients, submission).length > 0;
}

/** Those of a bounce's recipients to whom the message was sent, by the addresses that it was sent to. */
function toldRecipients(recipients: DsnRecipient[], { recipients: sentTo }: SubmissionRow): DsnRecipient[] {
  const addresses = new Map(sentTo.map(({ email }) => [alike(email), email]));
  return recipients.flatMap((one) => {
    const email = addresses.get(alike(one.email));
    return email === undefined ? [] : [{ ...one, email }];
  });
}

/** Mail servers give addresses back in any case. */
const alike = (email: string): string => asciiEmail(email).toLowerCase();

/** What is told of a bounce; `message` is the bounce itself. Times in milliseconds. */
export function bouncedEvent(
  account: AccountRow,
  message: { id: string; folderIds: string[] },
  { dsn, submission }: Bounce,
  now: number,
): NewEvent {
  const { kind } = dsn;
  const [only, ...others] = submission.recipients;
  // One that names nobody means the only one there is.
  const isOfOne = dsn.recipients.length === 0 && only !== undefined && others.length === 0;
  const unnamed = { action: kind, status: null, code: null, diagnostic: null };
  const told = isOfOne ? [{ ...unnamed, email: only.email }] : toldRecipients(dsn.recipients, submission);
  return newEvent(account, "message.bounced", now, {
    ...message,
    submissionId: submission.id,
    originalMessageId: submission.messageId,
    kind,
    recipients: told.map(({ email, action, status, code, diagnostic }) => ({
      email,
      action,
      status,
      code,
      text: diagnostic,
    })),
    actor: "external",
  });
}
