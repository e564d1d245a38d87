import { viewMessage } from "../operations/view-message.ts";
import type { FolderRow, IntentRow, WatchFolderRow } from "../store/rows.ts";
import { changesBetween, type Entry, entryOf, flagsBetween } from "./entry.ts";
import { identify, namedIn } from "./identify.ts";
import { foldersOf, type OtherSnapshots } from "./keys.ts";
import { changesSince, isOurChange } from "./own-doing.ts";
import type { Piece } from "./piece.ts";
import { threadNodes } from "./thread-messages.ts";
import { newEvent } from "../store/new-event.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

/** What it means that flags or keywords of messages are not as their snapshot has them. */
export async function tellChanged(
  needs: LookNeeds,
  turn: FolderTurn,
  changed: Entry[],
  about: { folder: FolderRow; row: WatchFolderRow; intents: IntentRow[]; others: OtherSnapshots },
): Promise<Piece[]> {
  const { account, mailbox } = turn;
  const { folder, others } = about;
  const { uidValidity, flagsReadAt } = about.row;
  const intents = changesSince(about.intents, flagsReadAt);
  const before = new Map(changed.map((entry) => [entry.uid, entry]));
  const places = changed.map(({ uid }) => ({ path: folder.path, uidValidity, uid }));
  const summaries = (await mailbox.summaries(places)).flatMap((summary) =>
    "uid" in summary.place ? [{ ...summary, place: summary.place }] : [],
  );
  const ids = await identify(needs, turn, namedIn(folder.number, summaries));
  const keys = summaries.map(({ place }) => before.get(place.uid)?.key ?? "");
  const folderIds = await foldersOf(needs, account, folder, others, keys);
  return summaries.map((summary, index) => {
    const { uid } = summary.place;
    const known = before.get(uid);
    // What the snapshot knows of it for life stays as it is there: not every answer tells it.
    const put = { ...entryOf({ ...summary, uid }), key: known?.key ?? "" };
    const changes = known === undefined ? [] : changesBetween(known, put);
    if (known === undefined || changes.length === 0) return { event: null };
    const at = { folder: folder.number, uidValidity, uid };
    const flags = flagsBetween(known.flags, put.flags);
    const keywords = changes.includes("keywords");
    const actor = isOurChange(intents, at, { flags, now: summary.flags, keywords }) ? "api" : "external";
    const where = { id: ids[index] ?? "", accountId: account.id, folderIds: folderIds[index] ?? [folder.id] };
    const view = viewMessage(summary, where);
    const event = newEvent(account, "message.updated", needs.clock.now(), { ...view, changes, actor });
    return { event, put, nodes: threadNodes(needs, account, summary) };
  });
}
