import { Failure } from "../errors.ts";
import type { FlagChange } from "../mail/flags.ts";
import { isHalfDone } from "../mail/half-done.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { changeFlagsOf } from "./change-flags.ts";
import { type Found, type FoundOnServer, isGone, isOnServer } from "./find-message.ts";
import { without } from "./found.ts";
import { idEnded, type MoveMessage, moveMessages } from "./move-message.ts";
import { removeMessages } from "./remove-messages.ts";

/** One step of an action, by the member that asks for it. */
export type Step = "flags" | "folderId" | "delete";

/** What is to be done to messages, its folder found: flags and keywords, then the move or the removal. */
export type Plan = {
  change: FlagChange | null;
  /** `step` is what asks for the move; null: none does. */
  move: { target: FolderRow; step: "folderId" | "delete" } | null;
  remove: boolean;
};

/** What became of a message. */
export type Outcome =
  /** All is done; `folder` is where it lies now, null where it was removed for good. */
  | { kind: "done"; folder: FolderRow | null; warnings: string[] }
  /** It was not there any more; `applied` had been done. */
  | { kind: "missing"; applied: Step[] }
  | { kind: "failed"; why: Failure };

export type Outcomes = Map<Found, Outcome>;

/** The steps that a plan means for a message in this folder. */
export function stepsIn({ change, move, remove }: Plan, folder: Pick<FolderRow, "id">): Step[] {
  const isMoved = move !== null && move.target.id !== folder.id;
  return [
    ...(change === null ? [] : (["flags"] as const)),
    ...(isMoved ? [move.step] : []),
    ...(remove ? (["delete"] as const) : []),
  ];
}

/** Of a step's messages, those that were not there, and those that the server left as they were, with why. Of all others it is done. */
type After = { missing: Found[]; left: { found: Found[]; why: Failure } | null };

/**
 * Does what is planned to messages of one folder, a step at a time and each to all of them together, as long as it is not `until`
 * (milliseconds). Where a step fails, the failure of each message says by `applied` what had been done to it before, and by `unknown`
 * what may have been done or not. Never fails.
 */
export async function actTogether(
  needs: MoveMessage & { until: number },
  mailbox: Mailbox,
  account: AccountRow,
  group: Found[],
  plan: Plan,
): Promise<Outcomes> {
  const [first] = group;
  const outcomes: Outcomes = new Map();
  if (first === undefined) return outcomes;
  const lost = new Set<Found>();
  const applied: Step[] = [];
  let open = group;
  const leave = (some: Found[], outcome: Outcome): void => {
    for (const one of some) outcomes.set(one, outcome);
    open = without(open, some);
  };
  for (const step of stepsIn(plan, first.folder)) {
    if (open.length === 0) break;
    const failed = (why: Failure, unknown: Step[] = []): Outcome => ({
      kind: "failed",
      why: withSteps(why, applied, unknown),
    });
    if (mailbox.dead || needs.clock.now() > needs.until) {
      leave(open, failed(mailbox.dead ? sessionEnded(null) : outOfTime()));
      break;
    }
    try {
      const { missing, left } = await take(needs, mailbox, account, { step, plan, open, lost });
      leave(missing, { kind: "missing", applied: [...applied] });
      if (left !== null) leave(left.found, failed(left.why));
      applied.push(step);
    } catch (error) {
      if (isGone(error)) leave(open, { kind: "missing", applied: [...applied] });
      const why = asFailure(error);
      leave(open, failed(why, isUnsure(why, mailbox, first) ? [step] : []));
    }
  }
  const folder = plan.remove ? null : (plan.move?.target ?? first.folder);
  for (const one of open) outcomes.set(one, { kind: "done", folder, warnings: lost.has(one) ? [idEnded] : [] });
  return outcomes;
}

type Taken = { step: Step; plan: Plan; open: Found[]; lost: Set<Found> };

async function take(
  needs: MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  { step, plan, open, lost }: Taken,
): Promise<After> {
  if (step === "flags" && plan.change !== null)
    return { missing: await changeFlagsOf(needs, mailbox, account, open, plan.change), left: null };
  if (plan.move === null) return removeMessages(needs, mailbox, account, open);
  const { moved, missing } = await moveMessages(needs, mailbox, account, open.filter(isOnServer), plan.move.target);
  for (const [one, place] of moved) if (place === null && one.ref.tier === "tracked") lost.add(one);
  const left = without(open, [...moved.keys(), ...missing] satisfies FoundOnServer[]);
  return { missing, left: left.length === 0 ? null : { found: left, why: leftBehind() } };
}

/** Whether what was begun may have been done all the same. */
function isUnsure(why: Failure, mailbox: Mailbox, { ref }: Found): boolean {
  if (isHalfDone(why)) return true;
  if (why.code === "delete-unconfirmed" || why.code === "internal" || why.code === "storage-unavailable") return true;
  // A maildrop that is cut off before the end of its session removes nothing (RFC 1939 §6).
  return mailbox.dead && ref.tier !== "maildrop";
}

/** A failure that says what had been done before it, and what may have been. */
export function withSteps(why: Failure, applied: Step[], unknown: Step[] = []): Failure {
  if (applied.length === 0 && unknown.length === 0) return why;
  const told = { ...(applied.length > 0 && { applied: [...applied] }), ...(unknown.length > 0 && { unknown }) };
  return new Failure(why.code, why.message, { ...why.details, extra: { ...why.details.extra, ...told }, cause: why });
}

export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure("internal", "Postern failed.", { cause: error });
}

/** Nothing more is begun. */
function outOfTime(): Failure {
  return new Failure("upstream-timeout", "There was no time left for this message.", {
    fix: "Ask again for those that are not done, or for fewer at a time.",
  });
}

/** The session ended before it was this message's turn; `lost` is what has ended it, null where nobody knows. */
export function sessionEnded(lost: Failure | null): Failure {
  const upstream = lost?.details.upstream;
  return new Failure(
    lost?.code ?? "upstream-unreachable",
    "The session with the mail server ended before it was this message's turn.",
    { fix: "Ask again for those that are not done.", retryable: true, ...(upstream && { upstream }) },
  );
}

function leftBehind(): Failure {
  return new Failure("refused-by-server", "The mail server moved others and left this message where it was.", {
    retryable: true,
  });
}
