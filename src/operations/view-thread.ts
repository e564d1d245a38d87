import type { Message } from "../mail/message.ts";
import { timestamp } from "../mail/time.ts";
import { withoutPrefixes } from "../mime/reply-to.ts";
import type { AccountRow } from "../store/rows.ts";
import type { ThreadMessage, Unread } from "./read-thread-messages.ts";
import { threadIndexOf, type ThreadIndex, type ThreadIndexNeeds } from "./thread-index.ts";

/** A thread as the API tells it, but for its messages. */
export type Thread = {
  id: string;
  accountId: string;
  /** Of its latest message, without what answers put before it. */
  subject: string;
  /** Copies count once. */
  messageCount: number;
  folderIds: string[];
  lastMessageAt: string;
};

/** A thread in a list. */
export type ListedThread = Thread & { latest: Message };

/** A thread with its messages, oldest first. */
export type WholeThread = Thread & { messages: Message[]; truncated: boolean; meta: ThreadMeta };

export type ThreadMeta = {
  indexed: ThreadIndex;
  /** Folders that could not be read. */
  failed: { folderId: string; code: string; detail: string }[];
};

/** A thread by the latest of its messages that are there. */
export function viewThread(
  { row, summary }: ThreadMessage,
  known: Pick<Thread, "accountId" | "messageCount" | "folderIds">,
): Thread {
  return {
    id: row.thread,
    accountId: known.accountId,
    subject: withoutPrefixes(summary.envelope.subject),
    messageCount: known.messageCount,
    folderIds: [...new Set(known.folderIds)],
    lastMessageAt: timestamp(row.at),
  };
}

/** How far an answer about threads can be relied on. */
export async function threadMeta(needs: ThreadIndexNeeds, account: AccountRow, unread: Unread): Promise<ThreadMeta> {
  const failed = [...unread.values()].map(({ folderId, failure }) => ({
    folderId,
    code: failure.code,
    detail: failure.message,
  }));
  return { indexed: await threadIndexOf(needs, account), failed };
}

/** Fails with what a folder could not be read for, where nothing else was read. */
export function requireSome(read: ThreadMessage[], unread: Unread): void {
  const [first] = unread.values();
  if (read.length === 0 && first !== undefined) throw first.failure;
}
