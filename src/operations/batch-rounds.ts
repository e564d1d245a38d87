import { Failure } from "../errors.ts";
import type { MessageRef } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import {
  actTogether,
  asFailure,
  type Outcome,
  type Outcomes,
  type Plan,
  sessionEnded,
  type Step,
  stepsIn,
  withSteps,
} from "./act-together.ts";
import { type Found, gone } from "./find-message.ts";
import { findMessages, type Finds } from "./find-messages.ts";
import type { MessageTurns } from "./message-turns.ts";
import type { MoveMessage } from "./move-message.ts";

/**
 * Of one id: it is done, or in a dry run `would` be, and the message lies in this folder then (null: nowhere; in a dry run: it lies there
 * now); or why not.
 */
export type BatchResult =
  | { id: string; ok: true; folderId: string | null; warnings: string[]; would?: Step[] }
  | { id: string; ok: false; failure: Failure };

export type Batch = {
  /** `until` is when nothing more is begun, milliseconds. */
  needs: MoveMessage & { messageTurns: MessageTurns; until: number };
  mailbox: Mailbox;
  account: AccountRow;
  plan: Plan;
  /** What the ids name. */
  refs: Map<string, MessageRef>;
  /** Where results go, by id. */
  results: Map<string, BatchResult | null>;
  /** Is told of each failure of the server or the line. */
  failed: (why: Failure) => void;
};

/** How often messages are looked for and acted on that were not where they should be. */
const maxRounds = 3;

/** Tells of each message what would be done to it. */
export function foresee({ plan, results }: Batch, finds: Finds): void {
  for (const [id, found] of finds) {
    if (found instanceof Failure) results.set(id, { id, ok: false, failure: found });
    else {
      const { folder } = found;
      results.set(id, { id, ok: true, folderId: folder.id, warnings: [], would: stepsIn(plan, folder) });
    }
  }
}

/** Does what is planned to messages that were found; those that have gone from there since are looked for again. Never fails. */
export async function actInRounds(batch: Batch, finds: Finds): Promise<void> {
  const run: Run = { ...batch, applied: new Map(), lost: null };
  let open = finds;
  for (let round = 1; open.size > 0; round += 1) {
    const missing = await actOnce(run, open);
    open = round < maxRounds ? await findAgain(run, missing) : new Map();
    for (const id of missing) if (!open.has(id)) fail(run, id, run.lost === null ? gone() : sessionEnded(run.lost));
  }
}

type Run = Batch & {
  /** What had been done to messages before they were not there any more. */
  applied: Map<string, Step[]>;
  /** What has ended the session. */
  lost: Failure | null;
};

/** Acts folder by folder; returns the ids of messages that were not there any more. */
async function actOnce(run: Run, finds: Finds): Promise<string[]> {
  const { needs, mailbox, account, plan, results } = run;
  const idOf = new Map<Found, string>();
  for (const [id, found] of finds) {
    if (found instanceof Failure) fail(run, id, found);
    else idOf.set(found, id);
  }
  const missing: string[] = [];
  for (const group of Map.groupBy(idOf.keys(), groupOf).values()) {
    const { lost } = run;
    const ids = group.flatMap((one) => idOf.get(one) ?? []);
    const act = (): Promise<Outcomes> => actTogether(needs, mailbox, account, group, plan);
    const outcomes = lost === null ? await needs.messageTurns(account.id, ids, act) : new Map<Found, Outcome>();
    for (const one of group) {
      const id = idOf.get(one) ?? "";
      const outcome = outcomes.get(one);
      if (outcome?.kind === "done") {
        results.set(id, { id, ok: true, folderId: outcome.folder?.id ?? null, warnings: outcome.warnings });
      } else if (outcome?.kind === "missing") {
        missing.push(id);
        run.applied.set(id, [...new Set([...(run.applied.get(id) ?? []), ...outcome.applied])]);
      } else fail(run, id, outcome?.why ?? sessionEnded(lost));
    }
    const why = [...outcomes.values()].find((outcome) => outcome.kind === "failed")?.why;
    if (why === undefined) continue;
    run.failed(why);
    if (mailbox.dead) run.lost = why;
  }
  return missing;
}

/** Messages that one command can name. */
function groupOf({ folder, place }: Found): string {
  return `${folder.id} ${"uid" in place ? place.uidValidity : ""}`;
}

/** A maildrop is what it was when the session began: what is not there is nowhere. */
async function findAgain(run: Run, missing: string[]): Promise<Finds> {
  const { needs, mailbox, account } = run;
  const again = new Map([...run.refs].filter(([id, { tier }]) => tier !== "maildrop" && missing.includes(id)));
  if (again.size === 0 || run.lost !== null) return new Map();
  try {
    return await findMessages(needs, mailbox, account, again, needs.until);
  } catch (error) {
    run.lost = asFailure(error);
    run.failed(run.lost);
    return new Map();
  }
}

function fail({ results, applied }: Run, id: string, why: Failure): void {
  const isTold = why.details.extra?.["applied"] !== undefined;
  results.set(id, { id, ok: false, failure: isTold ? why : withSteps(why, applied.get(id) ?? []) });
}
