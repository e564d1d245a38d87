import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { noServer } from "../sessions/login-of.ts";
import type { AccountRow, ThreadMessageRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import type { IdentifyMessages } from "./identify-messages.ts";
import { type Include, includeInMessages, type IncludeInMessages } from "./include-in-messages.ts";
import { readThreadMessages, type ReadThreadMessages, type Unread } from "./read-thread-messages.ts";
import type { ThreadIndexNeeds } from "./thread-index.ts";
import { viewMessages } from "./view-messages.ts";
import { requireSome, threadMeta, viewThread, type WholeThread } from "./view-thread.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

export type ThreadAsked = {
  /** Also one that the thread had before it was merged. */
  id: string;
  include: Include[];
  /** Aborted when the caller has left. */
  signal: AbortSignal;
};

type Needs = WithMailbox &
  ReadThreadMessages &
  ThreadIndexNeeds &
  IdentifyMessages &
  IncludeInMessages & {
    accounts: Pick<Store["accounts"], "get">;
    threads: Pick<Store["threads"], "of" | "newest">;
  };

/** Messages of a thread that are told, copies counted. */
const mostMessages = 500;

/**
 * A conversation with its messages from all folders, oldest first; of more than 500 the newest. Fails `not-found` for an id
 * that is no thread's of the account, and for a thread of which no message is left; `no-incoming`.
 */
export const getThread =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: ThreadAsked): Promise<WholeThread> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    if (account.incoming === null) throw noServer("incoming");
    const { rows, messages: messageCount } = await newestOf(needs, account, asked.id);
    const oldestFirst = rows.slice(0, mostMessages).toReversed();

    const read = async (mailbox: Mailbox) => {
      const unread: Unread = new Map();
      const there = await readThreadMessages(needs, mailbox, account, oldestFirst, unread);
      requireSome(there, unread);
      const latest = there.at(-1);
      if (latest === undefined) throw unknown();
      const viewed = await viewMessages(needs, account, there);
      const others = asked.include.filter((one) => one !== "threadId");
      const messages = await includeInMessages(needs, mailbox, account, viewed, others);
      const folderIds = messages.flatMap((message) => message.folderIds);
      const thread = viewThread(latest, { accountId: account.id, messageCount, folderIds });
      return { thread, messages, unread };
    };
    const { thread, messages, unread } = await reading(needs, account, read, asked.signal);
    return {
      ...thread,
      messages: messages.map((message) => ({ ...message, threadId: thread.id })),
      truncated: rows.length > mostMessages,
      meta: await threadMeta(needs, account, unread),
    };
  };

/** The newest messages of the thread, one too many where there are more. */
async function newestOf(
  { threads }: Needs,
  account: AccountRow,
  id: string,
): Promise<{ messages: number; rows: ThreadMessageRow[] }> {
  let known: string | undefined;
  for (;;) {
    const thread = (await threads.of(account.id, [id])).get(id);
    // The same one as before: it is empty.
    if (thread === undefined || thread === known) throw unknown();
    const newest = await threads.newest(account.id, thread, mostMessages + 1);
    if (newest.rows.length > 0) return newest;
    // It may have been merged between the two questions.
    known = thread;
  }
}

function unknown(): Failure {
  return new Failure("not-found", "No message of a thread with this id is indexed in this account.", {
    fix: "GET the account's threads: their meta says what is indexed.",
  });
}
