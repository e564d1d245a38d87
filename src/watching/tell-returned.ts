import type { ImapPlace, Summary } from "../mail/message.ts";
import { viewMessage } from "../operations/view-message.ts";
import type { FolderRow, IntentRow } from "../store/rows.ts";
import { changesBetween, type Entry, entryOf } from "./entry.ts";
import { identify, namedIn } from "./identify.ts";
import { foldersOf, lastingKeys, type OtherSnapshots, textOf } from "./keys.ts";
import { pathTo } from "./own-doing.ts";
import type { Piece } from "./piece.ts";
import { threaded } from "./thread-messages.ts";
import { newEvent } from "../store/new-event.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

/** A message that has left a folder and is back in it, under another UID; nobody has looked in between. */
export type Returned = { entry: Entry; summary: Summary<ImapPlace> };

type Movements = { vanished: Entry[]; created: Summary<ImapPlace>[] };

/** Parts those that are back, by the key that names them for life or by moves of ours, from what else is gone and new. */
export async function partReturned(
  needs: LookNeeds,
  { account }: FolderTurn,
  { number: folder }: FolderRow,
  { vanished, created, intents }: Movements & { intents: IntentRow[] },
): Promise<Movements & { returned: Returned[] }> {
  if (vanished.length === 0 || created.length === 0) return { vanished, created, returned: [] };
  const gone = new Map(vanished.map((entry) => [entry.key, entry]));
  const goneFrom = new Map(vanished.map((entry) => [entry.uid, entry]));
  const both = created.map(({ key }) => textOf(key)).filter((key) => gone.has(key));
  const lasting = await lastingKeys(needs, account, both);
  const returned = created.flatMap((summary) => {
    const key = textOf(summary.key);
    const { uidValidity, uid } = summary.place;
    const path = pathTo(intents, { folder, uidValidity, uid });
    const before = path.filter((at) => at.folder === folder && at.uidValidity === uidValidity);
    const entry = lasting.has(key) ? gone.get(key) : before.map((at) => goneFrom.get(at.uid)).find(Boolean);
    return entry === undefined ? [] : [{ entry, summary }];
  });
  if (returned.length === 0) return { vanished, created, returned };
  const entries = new Set(returned.map(({ entry }) => entry));
  const summaries = new Set(returned.map(({ summary }) => summary));
  return {
    vanished: vanished.filter((entry) => !entries.has(entry)),
    created: created.filter((summary) => !summaries.has(summary)),
    returned,
  };
}

/** What it means that messages are back: their flags or keywords may be others, or nothing. */
export async function tellReturned(
  needs: LookNeeds,
  turn: FolderTurn,
  returned: Returned[],
  { folder, others }: { folder: FolderRow; others: OtherSnapshots },
): Promise<Piece[]> {
  const { account } = turn;
  const summaries = returned.map(({ summary }) => summary);
  const keys = summaries.map(({ key }) => textOf(key));
  const ids = await identify(needs, turn, namedIn(folder.number, summaries));
  const folderIds = await foldersOf(needs, account, folder, others, keys);
  return returned.map(({ entry, summary }, index) => {
    const put = entryOf({ ...summary, uid: summary.place.uid });
    const changes = changesBetween(entry, put);
    const known = { id: ids[index] ?? "", accountId: account.id, folderIds: folderIds[index] ?? [folder.id] };
    const view = viewMessage(summary, known);
    const data = { ...view, changes, actor: "external" };
    const event = changes.length === 0 ? null : newEvent(account, "message.updated", needs.clock.now(), data);
    const arrival = threaded(needs, account, summary, { folder: folder.number, ...summary.place });
    return { event, put, remove: entry.uid, arrival };
  });
}
