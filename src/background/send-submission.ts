import { Failure } from "../errors.ts";
import type { SubmitOutcome, Submitter } from "../mail/submitter.ts";
import type { Store } from "../store/store.ts";
import { ClaimLost, type Commit } from "./commit-submissions.ts";
import { type HeldSubmission, isFast } from "./senders.ts";
import { type Attempt, committed, openRecipients, withOutcome } from "./settle-submission.ts";

/** `isThrottled`: the server refused all of a transaction because it comes too fast. `hasTold`: something became of somebody. */
export type Sent = Attempt & { isThrottled: boolean; hasTold: boolean };

/**
 * Sends a claimed message to whom it is still open for: one transaction, or as many as the server's limits take. `atDot` is called each time a dot
 * may go out. Fails with `ClaimLost` only; anything else is the attempt's failure.
 */
export async function sendSubmission(
  needs: { blobs: Pick<Store["blobs"], "read">; commit: Commit },
  mine: HeldSubmission,
  submitter: Pick<Submitter, "submit">,
  atDot: () => void = () => {},
): Promise<Sent> {
  const { blobId, envelope, needs: asks, size } = mine.submission;
  let { recipients } = mine.submission;
  let to = openRecipients(recipients);
  let hasTold = false;
  commitEarly(needs.commit, mine);
  const commit = async (inIt: string[]): Promise<void> => {
    const rest = committed(recipients, inIt, hasTold);
    await (mine.early !== null && rest === null ? mine.early : needs.commit(mine, rest));
    atDot();
  };
  try {
    for (;;) {
      if (blobId === null) throw new Failure("internal", "The message's octets are gone.");
      const outcome = await submitter.submit(
        mine.content ?? needs.blobs.read(blobId),
        { from: envelope.from, to },
        { ...asks, size, beforeDot: commit },
      );
      recipients = withOutcome(recipients, outcome);
      hasTold = true;
      if (!goesOn(outcome)) return { recipients, failure: null, isThrottled: isThrottling(outcome), hasTold };
      to = outcome.left;
    }
  } catch (error) {
    if (error instanceof ClaimLost) throw error;
    const failure =
      error instanceof Failure ? error : new Failure("internal", "The message could not be sent.", { cause: error });
    return { recipients, failure, isThrottled: failure.code === "upstream-throttled", hasTold };
  }
}

/**
 * Where the server is fast and the message short, the write before the dot is begun before that, once: it takes as long as the rest of the transaction,
 * and more. Of a long message more would be lost to uncertainty, were the worker to die.
 */
export function commitEarly(commit: Commit, mine: HeldSubmission): void {
  const { recipients } = mine.submission;
  if (mine.early !== null || mine.content === null || !isFast(mine.sender)) return;
  if (committed(recipients, openRecipients(recipients), false) !== null) return;
  mine.early = commit(mine, null);
  // Whoever asks for it before the dot is told of its failure.
  mine.early.catch(() => {});
}

/** There are others, and the server has dealt with these. */
function goesOn({ recipients, left }: SubmitOutcome): boolean {
  return left.length > 0 && recipients.some(({ state }) => state === "accepted" || state === "rejected");
}

/** Words that ask for less, with a code that says "later". */
const slower = /\brate\b|too (many|fast|quick)|throttl|slow down|concurrent|sending limit/i;

/** All were refused for now, by words or a code (421, RFC 3463's 4.7.z) that are about who sends and not about them. */
function isThrottling({ recipients }: SubmitOutcome): boolean {
  return (
    recipients.length > 0 &&
    recipients.every(
      ({ state, code, enhancedCode, text }) =>
        state === "deferred" &&
        (code === 421 || enhancedCode?.startsWith("4.7.") === true || (code !== null && slower.test(text ?? ""))),
    )
  );
}
