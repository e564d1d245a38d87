import { Failure } from "../errors.ts";
import type { FlagChange } from "../mail/flags.ts";
import type { MessageRef } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { noServer } from "../sessions/login-of.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { Plan } from "./act-together.ts";
import { actInRounds, type BatchResult, foresee } from "./batch-rounds.ts";
import { trashOf } from "./delete-message.ts";
import { findAccount } from "./find-account.ts";
import { type BatchMeta, type BatchSearch, findBySearch } from "./find-by-search.ts";
import { refOf } from "./find-message.ts";
import { findMessages, type Finds } from "./find-messages.ts";
import type { IdentifyMessages } from "./identify-messages.ts";
import type { MessageTurns } from "./message-turns.ts";
import type { MoveMessage } from "./move-message.ts";
import { requireCapability } from "./require-capability.ts";
import { onFolder, resolveTarget } from "./resolve-folder.ts";
import { type WithMailbox, writing } from "./with-mailbox.ts";

/** Members that are null change nothing; the caller has made sure that something is asked for, and `delete` alone. */
export type BatchAction = { change: FlagChange | null; folderId: string | null; delete: "trash" | "permanent" | null };

export type BatchAsked = {
  /** Ids, each once, or what finds them. */
  messages: string[] | BatchSearch;
  action: BatchAction;
  /** Only finds out what would be done. */
  dryRun: boolean;
  /** Aborted when the caller has left: what is begun then is done all the same. */
  signal: AbortSignal;
};

/** One result for each id, in the order asked; `meta` tells of a search, whose results are newest first. */
export type BatchAnswer = { results: BatchResult[]; meta?: BatchMeta };

type Needs = WithMailbox &
  MoveMessage &
  IdentifyMessages & {
    messageTurns: MessageTurns;
    accounts: Pick<Store["accounts"], "get" | "decideIdStability">;
    placements: Pick<Store["placements"], "find" | "remove" | "save" | "at">;
    splitKeys: Pick<Store["splitKeys"], "among" | "add">;
  };

/** After so long nothing more is begun, and messages are looked for no longer than this, milliseconds. */
const budgets = { all: 60_000, finding: 20_000 };

/**
 * Does one thing to many messages, named by ids or found by a search, in few commands for each folder and on one session. A message that
 * can't be had, or a folder in which something fails, leaves the others as they are.
 *
 * Fails as a whole only before anything is changed: `not-found` for the folder, `unsupported-by-protocol` and `unsupported-by-server` as
 * the operations on one message do, with what lending or the search fails with, or with what ended the session.
 */
export const batchMessages =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: BatchAsked): Promise<BatchAnswer> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    if (account.incoming === null) throw noServer("incoming");
    const run = async (mailbox: Mailbox, failed: (why: Failure) => void): Promise<BatchAnswer> => {
      const begun = needs.clock.now();
      const plan = await planOf(needs, mailbox, account, asked.action);
      const { refs, finds, results, meta } = await find(needs, mailbox, account, asked, begun + budgets.finding);
      const batch = { needs: { ...needs, until: begun + budgets.all }, mailbox, account, plan, refs, results, failed };
      if (asked.dryRun) foresee(batch, finds);
      else await actInRounds(batch, finds);
      const ordered = [...results.values()].flatMap((result) => result ?? []);
      return { results: ordered, ...(meta !== undefined && { meta }) };
    };
    return writing(needs, account, run, asked.signal);
  };

/** Finds the folders that the action names. */
async function planOf(needs: Needs, mailbox: Mailbox, account: AccountRow, action: BatchAction): Promise<Plan> {
  const { change, folderId } = action;
  if (action.delete === "permanent") return { change, move: null, remove: true };
  if (action.delete === null && folderId === null) return { change, move: null, remove: false };
  requireCapability(mailbox, "move");
  const step = action.delete === null ? "folderId" : "delete";
  const known =
    folderId === null ? await trashOf(needs, mailbox, account) : await resolveTarget(needs, mailbox, account, folderId);
  // That it is there is no matter of single messages.
  const target = await onFolder(needs, mailbox, account, known, async (folder) => {
    await mailbox.status(folder.path);
    return folder;
  });
  return { change, move: { target, step }, remove: false };
}

type Finding = {
  refs: Map<string, MessageRef>;
  finds: Finds;
  /** By id, in the order asked; null for what is yet to be told. */
  results: Map<string, BatchResult | null>;
  meta?: BatchMeta;
};

async function find(
  needs: Needs,
  mailbox: Mailbox,
  account: AccountRow,
  { messages }: BatchAsked,
  until: number,
): Promise<Finding> {
  if (!Array.isArray(messages)) {
    const { refs, finds, meta } = await findBySearch(needs, mailbox, account, messages, until);
    return { refs, finds, meta, results: new Map([...refs.keys()].map((id) => [id, null])) };
  }
  const refs = new Map<string, MessageRef>();
  const results: Finding["results"] = new Map();
  for (const id of messages) {
    results.set(id, null);
    try {
      refs.set(id, refOf(needs, account, id));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      results.set(id, { id, ok: false, failure: error });
    }
  }
  return { refs, results, finds: await findMessages(needs, mailbox, account, refs, until) };
}
