import { z } from "zod";
import { Failure, invalid } from "../errors.ts";
import type { Filter, Listing, Mailbox, PositionOf } from "../mail/mailbox.ts";
import type { Message, Place } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { findAccount } from "./find-account.ts";
import { identifyMessages, type IdentifyMessages } from "./identify-messages.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { viewMessage } from "./view-message.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

/** `folder` is an id or a role; times in the filter are milliseconds. */
export type MessagesAsked = {
  folder: string;
  limit: number;
  cursor?: string | undefined;
  filter: Filter;
  /** Aborted when the caller has left. */
  signal: AbortSignal;
};

type Needs = WithMailbox &
  SyncFolders &
  IdentifyMessages & { accounts: Pick<Store["accounts"], "get">; cursorKey: Uint8Array };

/**
 * Where a page goes on: folder id, UIDVALIDITY, then the last UID and its sequence number then, or the last maildrop key and the
 * next ones.
 */
const position = z.union([
  z.tuple([z.string(), z.number(), z.number(), z.number()]),
  z.tuple([z.string(), z.number(), z.string(), z.array(z.string())]),
]);
type Position = z.infer<typeof position>;

/**
 * One page of a folder's messages, newest arrival (highest UID) first, not newest Date. Fails: `cursor-expired` when the
 * folder was rebuilt (UIDVALIDITY changed) since the cursor was given out, or a maildrop lost the messages that the cursor
 * names; `invalid-cursor`, `not-found` for the folder.
 */
export const listMessages =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: MessagesAsked): Promise<Page<Message>> => {
    const { since, before } = asked.filter;
    if (since !== undefined && before !== undefined && since >= before)
      throw invalid("?since", "order", "`since` must be earlier than `before`, else nothing could match.");
    const account = await findAccount(needs.accounts, caller, accountId);
    const terms = ["messages", account.id, asked.folder, asked.filter, ...maildropOf(account)];
    const start = asked.cursor === undefined ? null : decodeCursor(needs.cursorKey, terms, asked.cursor, position);

    const list = async (mailbox: Mailbox): Promise<{ folder: FolderRow; listing: Listing }> => {
      const named = await resolveFolder(needs, mailbox, account, start?.[0] ?? asked.folder);
      if (!named.selectable)
        throw new Failure("not-found", "This folder only holds other folders, no messages.", {
          fix: "Choose a folder whose `selectable` is true.",
        });
      const after = start === null ? null : afterOf(start);
      return onFolder(needs, mailbox, account, named, async (current) => ({
        folder: current,
        listing: await mailbox.list(current.path, { limit: asked.limit, after }, asked.filter),
      }));
    };
    const { folder, listing } = await reading(needs, account, list, asked.signal);
    if (start !== null && start[1] !== listing.uidValidity)
      throw new Failure("cursor-expired", "The mail server rebuilt this folder since the cursor was given out.", {
        fix: "Start again without a cursor; ids of its messages may have changed.",
      });

    const ids = await identifyMessages(needs, account, folder, listing.messages);
    const data = listing.messages.map((summary, index) =>
      viewMessage(summary, { id: ids[index] ?? "", accountId: account.id, folderIds: [folder.id] }),
    );
    return { data, nextCursor: nextCursor(needs.cursorKey, terms, folder, listing) };
  };

/** A name in one maildrop says nothing in another that the account may be changed to. */
function maildropOf(account: AccountRow): string[] {
  return account.incoming?.protocol === "pop3" ? [maildropLogin(account)] : [];
}

function nextCursor(key: Uint8Array, terms: unknown, folder: FolderRow, listing: Listing): string | null {
  const { next, uidValidity } = listing;
  if (next === null) return null;
  const place: Position =
    "uid" in next ? [folder.id, uidValidity, next.uid, next.sequence] : [folder.id, uidValidity, next.key, next.below];
  return encodeCursor(key, terms, place);
}

function afterOf([, , last, beside]: Position): PositionOf<Place> {
  return typeof beside === "number" ? { uid: Number(last), sequence: beside } : { key: String(last), below: beside };
}
