import type { Store } from "../store/store.ts";
import { sendSubmission, type SendNeeds } from "./send-submission.ts";

export type FlushNeeds = Omit<SendNeeds, "submissions"> & {
  submissions: Pick<Store["submissions"], "write" | "claimDue" | "nextDueAt">;
  /** Names this process in claims. */
  owner: string;
  /** Submissions under way at once, each of another account. */
  concurrency: number;
};

export type Flushed = {
  /** How many were claimed now. */
  worked: number;
  /** When the next is due, milliseconds since the epoch; null when nothing waits, or when all hands are full. */
  nextAt: number | null;
  /** Resolves when everything under way is over, also from calls before; never rejects. */
  done: Promise<void>;
};

/**
 * One step of the outbox: claims what is due, as far as there are free hands, and starts sending. It does not wait for the
 * sending, because one slow server must not hold up the others: each end wakes `submissions`, and it is time for the next step.
 * Fails with `storage-unavailable`.
 */
export function flushSubmissions(needs: FlushNeeds): () => Promise<Flushed> {
  const underWay = new Set<Promise<void>>();

  return async () => {
    const free = needs.concurrency - underWay.size;
    const claims =
      free > 0 ? await needs.submissions.claimDue(needs.owner, needs.clock.now(), needs.leaseMs, free) : [];
    for (const claim of claims) {
      const work = sendSubmission(needs, claim).finally(() => underWay.delete(work));
      underWay.add(work);
    }
    const nextAt = underWay.size < needs.concurrency ? await needs.submissions.nextDueAt() : null;
    return { worked: claims.length, nextAt, done: Promise.all(underWay).then(() => undefined) };
  };
}
