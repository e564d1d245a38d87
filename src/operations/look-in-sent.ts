import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { onFolder, resolveTarget } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

export type LookInSent = WithMailbox & SyncFolders;

/** The sent folder, null where the account has none that holds messages, and the copy of a message in it; of several the newest. */
export type FoundInSent = { folder: FolderRow | null; place: Place | null };

/**
 * Looks for a message in the account's sent folder by its Message-ID (angle brackets). `since`: what has been there longer is none, milliseconds since the
 * epoch; null: whenever it came. Fails as lending a session does, or with what the server or the line failed with.
 */
export const lookInSent =
  (needs: LookInSent) =>
  async (account: AccountRow, messageId: string, since: number | null): Promise<FoundInSent> => {
    const { signal } = new AbortController();
    return reading(needs, account, (mailbox) => findInSent(needs, mailbox, account, messageId, since), signal);
  };

/** Copies whose times are read: the newest. */
const mostDated = 10;

async function findInSent(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  messageId: string,
  since: number | null,
): Promise<FoundInSent> {
  const sent = await sentFolder(needs, mailbox, account);
  if (sent === null) return { folder: null, place: null };
  return onFolder(needs, mailbox, account, sent, async (folder) => {
    const places = await mailbox.withMessageId(folder.path, messageId);
    if (since === null || places.length === 0) return { folder, place: places[0] ?? null };
    const copies = await mailbox.summaries(places.slice(0, mostDated));
    const copy = copies.find(({ receivedAt }) => receivedAt === null || receivedAt >= since);
    return { folder, place: copy?.place ?? null };
  });
}

async function sentFolder(needs: SyncFolders, mailbox: Mailbox, account: AccountRow): Promise<FolderRow | null> {
  if (!mailbox.capabilities().folders) return null;
  try {
    return await resolveTarget(needs, mailbox, account, "sent");
  } catch (error) {
    const isNone = error instanceof Failure && (error.code === "not-found" || error.code === "refused-by-server");
    if (isNone && error.details.upstream === undefined) return null;
    throw error;
  }
}
