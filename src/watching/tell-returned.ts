import type { ImapPlace, Summary } from "../mail/message.ts";
import { identifyMessages } from "../operations/identify-messages.ts";
import { viewMessage } from "../operations/view-message.ts";
import type { FolderRow } from "../store/rows.ts";
import { changesBetween, type Entry, entryOf } from "./entry.ts";
import { lastingKeys, textOf } from "./keys.ts";
import type { Piece } from "./piece.ts";
import { newEvent } from "../store/new-event.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

/** A message that has left a folder and is back in it, under another UID; nobody has looked in between. */
export type Returned = { entry: Entry; summary: Summary<ImapPlace> };

type Movements = { vanished: Entry[]; created: Summary<ImapPlace>[] };

/** Parts those that are back, by the key that names them for life, from what else is gone and new. */
export async function partReturned(
  needs: LookNeeds,
  { account }: FolderTurn,
  { vanished, created }: Movements,
): Promise<Movements & { returned: Returned[] }> {
  const gone = new Map(vanished.map((entry) => [entry.key, entry]));
  const both = created.map(({ key }) => textOf(key)).filter((key) => gone.has(key));
  const lasting = await lastingKeys(needs, account, both);
  const returned = created.flatMap((summary) => {
    const key = textOf(summary.key);
    const entry = lasting.has(key) ? gone.get(key) : undefined;
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
  { account }: FolderTurn,
  returned: Returned[],
  folder: FolderRow,
): Promise<Piece[]> {
  const summaries = returned.map(({ summary }) => summary);
  const ids = await identifyMessages(needs, account, folder, summaries);
  return returned.map(({ entry, summary }, index) => {
    const put = entryOf({ ...summary, uid: summary.place.uid });
    const changes = changesBetween(entry, put);
    const view = viewMessage(summary, { id: ids[index] ?? "", accountId: account.id, folderIds: [folder.id] });
    const data = { ...view, changes, actor: "external" };
    const event = changes.length === 0 ? null : newEvent(account, "message.updated", needs.clock.now(), data);
    return { event, put, remove: entry.uid };
  });
}
