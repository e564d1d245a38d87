import { orderedId } from "../../src/mail/id.ts";
import type { NewEvent } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import type { SubmissionClaim, SubmissionOutcome, SubmissionRow } from "../../src/store/submission-rows.ts";
import { bytesOf } from "./helpers.ts";
import { accountRow, appRow, newEvent, submissionRow } from "./rows.ts";

export const t0 = 1_790_000_000_000;
export const lease = 20_000;

/** An app with an account, and what is accepted for it. */
export async function submissionHouse(store: Store) {
  const app = appRow();
  await store.apps.insert(app);
  const account = accountRow({ appId: app.id });
  await store.accounts.insert(account);
  const accountId = account.id;

  /** Accepts one that is due at t0; with bytes where it has a blob. */
  const accepted = async (change: Partial<SubmissionRow> = {}): Promise<SubmissionRow> => {
    const row = submissionRow(accountId, { appId: app.id, nextAttemptAt: t0, ...change });
    await store.submissions.accept(row, row.blobId === null ? null : bytesOf(5));
    return row;
  };
  /** Accepts so many, due one after another, a millisecond each; the oldest first. */
  const queue = (count: number, change: Partial<SubmissionRow> = {}): Promise<SubmissionRow[]> =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        accepted({ id: orderedId("sub", t0 + at), nextAttemptAt: t0 + at, ...change }),
      ),
    );
  const claim = (now = t0, limit = 100, owner = "w", only: "due" | "expired" = "due"): Promise<SubmissionClaim[]> =>
    store.submissions.claim(accountId, { owner, now, leaseMs: lease, limit, only });
  /** The only one that can be claimed. */
  const claimOne = async (now = t0, owner = "w"): Promise<SubmissionClaim> => {
    const [claimed, ...others] = await claim(now, 2, owner);
    if (claimed === undefined || others.length > 0) throw new Error(`not one, but ${claimed ? 2 : 0}`);
    return claimed;
  };
  const event = (change: Partial<NewEvent> = {}): NewEvent =>
    newEvent(accountId, { appId: app.id, type: "submission.sent", ...change });
  const log = () => store.events.list(app.id, { after: 0, limit: 500, types: null, accountIds: null });
  return { app, accountId, submissions: store.submissions, accepted, queue, claim, claimOne, event, log };
}

/** What `settle` takes for an attempt that has sent it. */
export function sent(claim: SubmissionClaim, change: Partial<SubmissionOutcome> = {}, event: NewEvent | null = null) {
  const { id, recipients, attempts } = claim.submission;
  const outcome: SubmissionOutcome = {
    state: "sent",
    recipients: recipients.map((one) => ({ ...one, state: "accepted", code: 250, text: 'ok "Привет" \u0000\ud800' })),
    warnings: ["ü"],
    lastError: null,
    sentCopy: null,
    attempts,
    nextAttemptAt: null,
    followUps: [],
    followUpAt: null,
    finishedAt: t0 + 9,
    updatedAt: t0 + 9,
    ...change,
  };
  return { id, epoch: claim.epoch, outcome, event };
}

export const idsOf = (claims: SubmissionClaim[]): string[] => claims.map(({ submission }) => submission.id);

export const named = ({ submission: { id }, epoch }: SubmissionClaim) => ({ id, epoch });
