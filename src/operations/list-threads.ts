import { z } from "zod";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, ThreadRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { findAccount } from "./find-account.ts";
import type { IdentifyMessages } from "./identify-messages.ts";
import { type Include, includeInMessages, type IncludeInMessages } from "./include-in-messages.ts";
import {
  readThreadMessages,
  type ReadThreadMessages,
  type ThreadMessage,
  type Unread,
} from "./read-thread-messages.ts";
import { resolveFolder } from "./resolve-folder.ts";
import type { ThreadIndexNeeds } from "./thread-index.ts";
import { viewMessages } from "./view-messages.ts";
import { type ListedThread, requireSome, type ThreadMeta, threadMeta, viewThread } from "./view-thread.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

export type ThreadsAsked = {
  /** An id or a role: only threads that have a message there. */
  folder: string | null;
  limit: number;
  cursor?: string | undefined;
  /** For the latest message of each. */
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
    threads: Pick<Store["threads"], "list" | "newestOfEach" | "folders">;
    cursorKey: Uint8Array;
  };

/** The time and id of the last thread of a page. */
const position = z.tuple([z.number(), z.string()]);

/** Of a thread whose latest message is gone, how many of the next ones are looked for. */
const nextOnes = 20;

/**
 * One page of an account's conversations, as far as they are indexed, the one with the latest message first. Each is told with the latest of
 * its messages that is there; one of whose messages none is found is left out. Fails `invalid-cursor`, and `not-found` for a
 * folder.
 */
export const listThreads =
  (needs: Needs) =>
  async (
    caller: AppCaller,
    accountId: string,
    asked: ThreadsAsked,
  ): Promise<Page<ListedThread> & { meta: ThreadMeta }> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const terms = ["threads", account.id, asked.folder];
    const start = asked.cursor === undefined ? null : decodeCursor(needs.cursorKey, terms, asked.cursor, position);
    const after = start && { at: start[0], id: start[1] };

    const list = async (mailbox: Mailbox) => {
      const folder = asked.folder === null ? null : await resolveFolder(needs, mailbox, account, asked.folder);
      const wanted = { after, limit: asked.limit + 1, folder: folder && folder.number };
      const rows = await needs.threads.list(account.id, wanted);
      const page = rows.slice(0, asked.limit);
      const unread: Unread = new Map();
      const latest = await latestOf(needs, mailbox, account, page, unread);
      const goesOn = rows.length > page.length;
      // A folder that refuses for good does not hold up the list: on other pages there are others.
      const isOnlyPage = start === null && !goesOn;
      if (isOnlyPage || [...unread.values()].some(({ failure }) => failure.retryable))
        requireSome([...latest.values()], unread);
      const data = await viewAll(needs, mailbox, account, { page, latest, include: asked.include });
      return { data, last: goesOn ? page.at(-1) : undefined, unread };
    };
    const { data, last, unread } = await reading(needs, account, list, asked.signal);
    const nextCursor = last === undefined ? null : encodeCursor(needs.cursorKey, terms, [last.latestAt, last.id]);
    return { data, nextCursor, meta: await threadMeta(needs, account, unread) };
  };

/** Of each thread the latest message that is there, by the thread's id. */
async function latestOf(
  needs: Needs,
  mailbox: Mailbox,
  account: AccountRow,
  page: ThreadRow[],
  unread: Unread,
): Promise<Map<string, ThreadMessage>> {
  const latest = page.map((thread) => thread.latest);
  const read = await readThreadMessages(needs, mailbox, account, latest, unread);
  const found = new Map(read.map((one) => [one.row.thread, one]));
  const open = page.filter(({ id }) => !found.has(id));
  const ids = open.map(({ id }) => id);
  const rows = ids.length === 0 ? [] : await needs.threads.newestOfEach(account.id, ids, nextOnes);
  for (const one of rows.length === 0 ? [] : await readThreadMessages(needs, mailbox, account, rows, unread))
    if (!found.has(one.row.thread)) found.set(one.row.thread, one);
  return found;
}

async function viewAll(
  needs: Needs,
  mailbox: Mailbox,
  account: AccountRow,
  { page, latest, include }: { page: ThreadRow[]; latest: Map<string, ThreadMessage>; include: Include[] },
): Promise<ListedThread[]> {
  const viewed = await viewMessages(needs, account, [...latest.values()]);
  const others = include.filter((one) => one !== "threadId");
  const messages = await includeInMessages(needs, mailbox, account, viewed, others);
  const messageOf = new Map(viewed.map(({ summary }, index) => [summary, messages[index]]));
  const there = (await needs.folders.list(account.id)).filter(({ missingSince }) => missingSince === null);
  const folders = new Map(there.map(({ number, id }) => [number, id]));
  const numbers = await needs.threads.folders(account.id, [...latest.keys()]);
  return page.flatMap(({ id, messages: messageCount }) => {
    const one = latest.get(id);
    const message = one && messageOf.get(one.summary);
    if (one === undefined || message === undefined) return [];
    const folderIds = (numbers.get(id) ?? []).flatMap((number) => folders.get(number) ?? []);
    const known = { accountId: account.id, messageCount, folderIds: [...folderIds, ...message.folderIds] };
    return [{ ...viewThread(one, known), latest: { ...message, threadId: id } }];
  });
}
