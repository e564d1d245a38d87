import { z } from "zod";
import { Failure, invalid } from "../errors.ts";
import type { Filter, Listing, PositionOf } from "../mail/mailbox.ts";
import type { Message, Place } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { findAccount } from "./find-account.ts";
import { identifyMessages, type IdentifyMessages } from "./identify-messages.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { viewMessage } from "./view-message.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

/** `folder` is an id or a role; times in the filter are milliseconds. */
export type MessagesAsked = { folder: string; limit: number; cursor?: string | undefined; filter: Filter };

type Needs = WithMailbox &
  SyncFolders &
  IdentifyMessages & { accounts: Pick<Store["accounts"], "get">; cursorKey: Uint8Array };

/** Where a page goes on: folder id, UIDVALIDITY, the last UID or maildrop key, and its sequence number then. */
const position = z.tuple([z.string(), z.number(), z.union([z.number(), z.string()]), z.number()]);
type Position = z.infer<typeof position>;

/**
 * One page of a folder's messages, newest arrival (highest UID) first, not newest Date. Fails: `cursor-expired` when the
 * folder was rebuilt (UIDVALIDITY changed) since the cursor was given out, `invalid-cursor`, `not-found` for the folder.
 */
export const listMessages =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: MessagesAsked): Promise<Page<Message>> => {
    const { since, before } = asked.filter;
    if (since !== undefined && before !== undefined && since >= before)
      throw invalid("?since", "order", "`since` must be earlier than `before`, else nothing could match.");
    const account = await findAccount(needs.accounts, caller, accountId);
    const terms = ["messages", account.id, asked.folder, asked.filter];
    const start = asked.cursor === undefined ? null : decodeCursor(needs.cursorKey, terms, asked.cursor, position);

    const { folder, listing } = await reading(needs, account, async (mailbox) => {
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
    });
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

function nextCursor(key: Uint8Array, terms: unknown, folder: FolderRow, listing: Listing): string | null {
  const { next, uidValidity } = listing;
  if (next === null) return null;
  const last = "uid" in next ? next.uid : next.key;
  return encodeCursor(key, terms, [folder.id, uidValidity, last, next.sequence] satisfies Position);
}

function afterOf([, , last, sequence]: Position): PositionOf<Place> {
  return typeof last === "number" ? { uid: last, sequence } : { key: last, sequence };
}
