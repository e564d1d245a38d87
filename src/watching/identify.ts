import { nativeKey } from "../mail/id.ts";
import type { ImapPlace, Summary } from "../mail/message.ts";
import { identifyMessages } from "../operations/identify-messages.ts";
import type { IntentRow } from "../store/rows.ts";
import { textOf } from "./keys.ts";
import { type At, endOfPath, placeKey } from "./own-doing.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

/** Where a message is or was, and its key as text, "" for none. */
export type Named = At & { key: string };

/** Messages seen in a folder, by its number, to be identified. */
export function namedIn(folder: number, summaries: Summary<ImapPlace>[]): Named[] {
  return summaries.map(({ place: { uidValidity, uid }, key }) => ({ folder, uidValidity, uid, key: textOf(key) }));
}

/**
 * The ids of messages, in order, by their keys, else by where they are by now: a move of ours may have come about since they
 * were seen there, and a row names a message by its last place only.
 */
export async function identify(needs: LookNeeds, turn: FolderTurn, seen: Named[]): Promise<string[]> {
  if (seen.length === 0) return [];
  const { account } = turn;
  const read = (): Promise<IntentRow[]> => needs.intents.list(account.id, needs.clock.now());
  const endsBy = (intents: IntentRow[]): Named[] => seen.map((one) => ({ ...endOfPath(intents, one), key: one.key }));
  for (let ends = endsBy(await read()); ;) {
    const ids = await identifyAt(needs, turn, ends);
    // A move is over in one write with its row: if no end is another now, none has been over in between.
    const now = endsBy(await read());
    if (now.every((end, index) => placeKey(end) === placeKey(ends[index] ?? end))) return ids;
    ends = now;
  }
}

/** The same of messages that are gone: where they were is forgotten. */
export async function identifyGone(needs: LookNeeds, turn: FolderTurn, gone: Named[]): Promise<string[]> {
  const ids = await identify(needs, turn, gone);
  for (const [index, one] of gone.entries()) needs.places.forget(turn.account.id, ids[index] ?? "", placeOf(turn, one));
  return ids;
}

async function identifyAt(needs: LookNeeds, turn: FolderTurn, places: Named[]): Promise<string[]> {
  const ids: string[] = [];
  const numbered = places.map((one, index) => ({ ...one, index }));
  for (const [number, some] of Map.groupBy(numbered, ({ folder }) => folder)) {
    const summaries = some.map((one) => ({ place: placeOf(turn, one), key: nativeKey(one.key) }));
    const found = await identifyMessages(needs, turn.account, { number }, summaries);
    for (const [at, { index }] of some.entries()) ids[index] = found[at] ?? "";
  }
  return ids;
}

function placeOf({ folders }: FolderTurn, { folder, uidValidity, uid }: At) {
  return { path: folders.find(({ number }) => number === folder)?.path ?? "", uidValidity, uid };
}
