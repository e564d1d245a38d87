import { Failure } from "../errors.ts";
import { encodeMessageId, originText } from "../mail/id.ts";
import { halfDone } from "../mail/half-done.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow, PlacementRow } from "../store/rows.ts";
import { type Found, isOnServer, placementAt } from "./find-message.ts";
import { without, withPlaces } from "./found.ts";
import type { MoveMessage } from "./move-message.ts";
import { asOurs } from "./our-doing.ts";
import { isWatchedFolder } from "./watched-folder.ts";

/** What became of messages that were to be removed: all others are. */
export type AfterRemoval = {
  missing: Found[];
  /** Those that are still there, and why; null for none. */
  left: { found: Found[]; why: Failure } | null;
};

/**
 * Removes messages of one folder for good, told to the watcher as our doing, and forgets what is known of them. Where the server fails in
 * the middle and the session goes on, it is asked which are still there. Fails with what ended the session, or `halfDone` where that can't
 * be told.
 */
export async function removeMessages(
  needs: MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  found: Found[],
): Promise<AfterRemoval> {
  const places = found.map(({ place }) => place);
  const work = async (): Promise<AfterRemoval> => {
    try {
      return { missing: withPlaces(found, (await mailbox.remove(places)).missing), left: null };
    } catch (why) {
      if (mailbox.dead || !(why instanceof Failure)) throw why;
      const there = await mailbox.identities(places).catch(() => {
        throw halfDone(why);
      });
      const left = withPlaces(
        found,
        there.map(({ place }) => place),
      );
      return { missing: [], left: left.length === 0 ? null : { found: left, why } };
    }
  };
  const untouched = ({ missing, left }: AfterRemoval): Found[] => [...missing, ...(left?.found ?? [])];
  const after = await asOurs(needs, account, found, { kind: "remove" }, work, untouched);
  await forget(needs, account, without(found, untouched(after)));
  return after;
}

async function forget(needs: MoveMessage, account: AccountRow, removed: Found[]): Promise<void> {
  const over: PlacementRow[] = [];
  for (const one of removed.filter(isOnServer)) {
    const { ref, place, folder } = one;
    if (ref.tier === "permanent") {
      needs.places.forget(account.id, encodeMessageId(ref, needs.idKey(account)), place);
      continue;
    }
    const row = placementAt(account, one, ref.origin);
    const wasMoved = originText(row.now) !== originText(row.origin);
    if (wasMoved && !isWatchedFolder(account, folder)) over.push(row);
  }
  if (over.length > 0) await needs.placements.remove(...over);
}
