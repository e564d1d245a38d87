import type { Listing, Mailbox, PositionOf } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { type Matching, type MatchingAsked, nothingOf, rebuilt } from "./matching.ts";
import { mergeFolders } from "./merge-folders.ts";
import { onFolder } from "./resolve-folder.ts";
import { type OneStart, startBehind } from "./search-start.ts";
import { settleFolders } from "./settle-folders.ts";
import type { SyncFolders } from "./sync-folders.ts";

/** How long a search may take, milliseconds. */
export const searchBudget = 20_000;

/**
 * The places of what matches, in one folder in its order (UID, or number in the maildrop), in several merged: newest (or
 * oldest) `receivedAt` first, each folder in its own order. A page may be short, or empty, and go on all the same: `next` alone
 * tells the end. What was there from the first page on is told once, whatever comes and goes; a message that lies in several
 * folders once for each.
 *
 * Fails with what the mailbox's `heads` fails with, in several folders only where that is no matter of one of them, or all
 * failed; `cursor-expired` where a folder was rebuilt since `start`; `not-found` for a folder, also one that the search names.
 */
export async function findMatching(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  asked: MatchingAsked,
): Promise<Matching> {
  const settled = await settleFolders(needs, mailbox, account, asked);
  if (settled.kind === "many") return mergeFolders(needs, mailbox, account, asked, settled);
  const { target, start } = settled;
  if (target === null) return { found: [], meta: nothingOf(asked), next: null };
  const { order, limit, until } = asked;
  const search = { expression: target.expression, count: asked.count && start === null, until };
  const { folder, result } = await inOne(needs, mailbox, account, { folder: target.folder, start }, (path, after) =>
    mailbox.heads(path, { limit, after, order }, search),
  );
  return {
    found: result.heads.map((head) => ({ folder, ...head })),
    meta: { ...result.answer, folders: [folder.id], failed: [] },
    next: startBehind(folder.id, result),
  };
}

/** A page of one folder, from where a start says. Fails `cursor-expired` where the folder was rebuilt since. */
export async function inOne<T extends Pick<Listing, "uidValidity">>(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  { folder, start }: { folder: FolderRow; start: OneStart | null },
  call: (path: string, after: PositionOf<Place> | null) => Promise<T>,
): Promise<{ folder: FolderRow; result: T }> {
  const answer = await onFolder(needs, mailbox, account, folder, async (current) => ({
    folder: current,
    result: await call(current.path, start?.after ?? null),
  }));
  if (start !== null && start.uidValidity !== answer.result.uidValidity) throw rebuilt();
  return answer;
}
