import type { NewEvent } from "./rows.ts";
import type {
  SubmissionChange,
  SubmissionClaim,
  SubmissionOutcome,
  SubmissionRow,
  SubmissionState,
  UploadRow,
} from "./submission-rows.ts";

/** Names a claim, or what is left of one. */
type Named = { id: string; epoch: number };

/**
 * The outbox. Each method that writes is one atomic. The bytes of a row go when it is `failed` or `canceled`, and when it is `sent` and no
 * follow-up is left.
 */
export interface SubmissionStore {
  /**
   * The accepting atomic: the row and its bytes. `octets` are the whole message where it is short (512 KiB at most), and are written under `row.blobId`
   * in the same atomic; null: they were written before (`blobs.write`), and become referenced. When (app, account, route, idempotencyKey)
   * stands already, nothing is written and the row that stands is returned. Fails `not-found` when the account or the blob is gone.
   */
  accept(
    row: SubmissionRow,
    octets: Uint8Array | null,
  ): Promise<{ accepted: true } | { accepted: false; standing: SubmissionRow }>;
  byIdempotencyKey(appId: string, accountId: string, route: string, key: string): Promise<SubmissionRow | null>;
  get(accountId: string, id: string): Promise<SubmissionRow | null>;
  /** The newest with this Message-ID (angle brackets), whatever became of it. */
  byMessageId(accountId: string, messageId: string): Promise<SubmissionRow | null>;
  /** Newest first (descending id). */
  list(accountId: string, page: { before: string | null; limit: number }): Promise<SubmissionRow[]>;
  /**
   * The accounts that have something to be claimed at `now`: rows that are scheduled or queued and due, and claims that have run out; each with the time since
   * when. One with a long queue hides no other. `nextAt`: when the next row is due or the next claim runs out after `now`; null for never.
   */
  due(now: number): Promise<{ accounts: { accountId: string; since: number }[]; nextAt: number | null }>;
  /**
   * Claims up to `limit` rows of an account by one atomic update: owner, lease, epoch + 1; state `sending` and attempts + 1 but for a row that was
   * `committing`: that is claimed as it is, for the caller to find out about. First those whose claim ran out, then the longest due. One
   * whose worker was lost three times in a row comes with `isParked`, and one that lost two only when no other such one is under way in the account.
   * `only: "expired"`: of those that wait only rows whose `deliverBefore` is over.
   */
  claim(
    accountId: string,
    how: { owner: string; now: number; leaseMs: number; limit: number; only: "due" | "expired" },
  ): Promise<SubmissionClaim[]>;
  /** Ends the leases of an owner at `now`: at the start of a process that is the only one of this name. */
  abandon(owner: string, now: number): Promise<void>;
  /** The ids of the claims that still hold, extended. */
  renew(claims: Named[], leaseUntil: number): Promise<string[]>;
  /**
   * Says of claims that their final dots are about to go out: `committing`, with the recipients where not all that are open are in the
   * transaction. The ids of those whose claim holds; the others must not go out.
   */
  commit(claims: (Named & { recipients: SubmissionRow["recipients"] | null })[], leaseUntil: number): Promise<string[]>;
  /** Gives claims back that were never begun: queued and due at once, with the attempts of before. Those that hold. */
  giveBack(claims: Named[], now: number): Promise<void>;
  /**
   * Writes what attempts came to, each with its event where there is one, in one atomic for all whose claims hold; gives the claims back.
   * The ids of those written.
   */
  settle(outcomes: (Named & { outcome: SubmissionOutcome; event: NewEvent | null })[]): Promise<string[]>;
  /**
   * Changes a row that is in one of these states still and has been as it is since `seen.updatedAt`; the row as it is then, null when it is otherwise by now.
   */
  change(
    seen: Pick<SubmissionRow, "id" | "updatedAt">,
    states: SubmissionState[],
    change: SubmissionChange,
    event: NewEvent | null,
  ): Promise<SubmissionRow | null>;
  /**
   * Rows whose follow-ups are due, at most `limit`, and no two of one account: each claimed by putting `followUpAt` off to `now + leaseMs`, tries + 1. `nextAt`: when the next is due.
   */
  claimFollowUps(
    now: number,
    leaseMs: number,
    limit: number,
  ): Promise<{ rows: SubmissionRow[]; nextAt: number | null }>;
  /** Writes what came of a follow-up while `followUpAt` is as it was claimed; the row then, null when it is another's by now. */
  followUp(
    claimed: Pick<SubmissionRow, "id" | "followUpAt">,
    change: SubmissionChange,
    event: NewEvent | null,
  ): Promise<SubmissionRow | null>;
  /** Forgets what finished before `before`, its Idempotency-Key with it; returns how many. */
  sweep(before: number): Promise<number>;
  /** The contents that are one piece, by blob id: short messages in one read. Others, and what is gone, are left out. */
  contents(blobIds: string[]): Promise<Map<string, Uint8Array>>;
}

export interface UploadStore {
  /** The row; its blob, which was written before, is kept as long. Fails `not-found` when the account or the blob is gone. */
  insert(row: UploadRow): Promise<void>;
  /** Null when there is none, or it has expired at `now`. */
  get(accountId: string, id: string, now: number): Promise<UploadRow | null>;
  /** Removes those that expired before `now`, with their bytes; returns how many. */
  sweep(now: number): Promise<number>;
}
