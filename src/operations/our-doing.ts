import type { FlagChange } from "../mail/flags.ts";
import { randomId } from "../mail/id.ts";
import { maildropKeyText } from "../mail/maildrop.ts";
import type { Place } from "../mail/message.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow, FolderRow, IntentRow, PlacementRow, UidsAt } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { Found } from "./find-message.ts";
import { eachOnce } from "./found.ts";

/** What tells the watcher which changes of a mailbox are ours (DESIGN §4). */
export type OurDoing = { intents: Pick<Store["intents"], "insert" | "settle" | "remove">; clock: Clock };

/** How long a change or a removal is remembered as ours, milliseconds: longer than a watcher takes to come across it. */
const changeLife = 600_000;

/** How long a removal may take; the watcher waits for its end so long, milliseconds. */
const removalLife = 60_000;

/** How long a message is remembered as placed by us, milliseconds. */
const placedLife = 24 * 3_600_000;

/** The messages of places in one folder, which are all of one UIDVALIDITY; in their order. */
export function uidsAt({ number: folder }: FolderRow, ...places: Place[]): UidsAt {
  const keys = places.flatMap((place) => ("key" in place ? [maildropKeyText(place.key)] : []));
  if (keys.length > 0) return { folder, uidValidity: 0, uids: [], keys };
  const onServer = places.flatMap((place) => ("uid" in place ? [place] : []));
  return { folder, uidValidity: onServer[0]?.uidValidity ?? 0, uids: onServer.map(({ uid }) => uid) };
}

/**
 * Tells that messages are about to come to a folder, `source` from where (null: from nowhere). New ones from `uidNext` on are held
 * back by the watcher until this is over, at most `life` milliseconds. The intent's id: a new one, or `id`, in the place of any of that id.
 */
export async function beginPlacing(
  { intents, clock }: OurDoing,
  account: AccountRow,
  to: { folder: FolderRow; uidNext: number | null; source: UidsAt | null; life: number; id?: string | undefined },
): Promise<string> {
  const { folder, uidNext, source, life } = to;
  const times = { createdAt: clock.now(), expiresAt: clock.now() + life };
  const place = { kind: "place", folder: folder.number, uidNext, source, change: null } as const;
  const id = to.id ?? randomId("int");
  // One of this id is of an earlier try.
  if (to.id !== undefined) await intents.remove([id]);
  await intents.insert({ id, accountId: account.id, ...place, placed: null, settled: false, ...times });
  return id;
}

/**
 * That is over: where the messages lie now, each in its place in the order of the source, null where that could not be told, and what is to be
 * remembered of their move. `source` is what was moved where that is less than was begun with.
 */
export async function endPlacing(
  { intents, placements, clock }: OurDoing & { placements: Pick<Store["placements"], "save"> },
  account: AccountRow,
  intent: string,
  over: { source?: UidsAt; placed: UidsAt | null; placements: PlacementRow[] },
): Promise<void> {
  if (account.watch.mode !== "off") return intents.settle(intent, { ...over, expiresAt: clock.now() + placedLife });
  await placements.save(over.placements);
  await intents.remove([intent]);
}

/** Tells that messages were moved to a folder, and nobody knows where in it they lie. */
export async function noteLost(
  { intents, clock }: OurDoing,
  { id: accountId, watch }: AccountRow,
  { number: folder }: FolderRow,
  source: UidsAt,
): Promise<void> {
  if (watch.mode === "off") return;
  const times = { createdAt: clock.now(), expiresAt: clock.now() + placedLife };
  const over = { uidNext: null, change: null, placed: null, settled: true } as const;
  await intents.insert({ id: randomId("int"), accountId, kind: "place", folder, source, ...over, ...times });
}

type Change = { kind: "flags"; change: FlagChange } | { kind: "remove" };

/**
 * Runs what changes or removes found messages of one folder, told before as our doing; not where nobody watches. A removal is ours once it
 * is over: one that was cut off may never have happened. `untouched` tells from what was done which of the messages it was not done to.
 */
export async function asOurs<T>(
  { intents, clock }: OurDoing,
  account: AccountRow,
  found: Found | Found[],
  doing: Change,
  work: () => Promise<T>,
  untouched: (done: T) => Found[] = () => [],
): Promise<T> {
  const all = Array.isArray(found) ? found : [found];
  const [first] = all;
  if (first === undefined || account.watch.mode === "off") return work();
  const now = clock.now();
  const intent: IntentRow = {
    id: randomId("int"),
    accountId: account.id,
    kind: doing.kind,
    folder: first.folder.number,
    uidNext: null,
    source: sourceOf(all),
    change: doing.kind === "flags" ? doing.change : null,
    placed: null,
    settled: doing.kind === "flags",
    createdAt: now,
    expiresAt: now + (doing.kind === "flags" ? changeLife : removalLife),
  };
  await intents.insert(intent);
  const done = await work().catch(async (error: unknown) => {
    // Where it can't be taken back it expires; what went wrong is told.
    await intents.remove([intent.id]).catch(() => undefined);
    throw error;
  });
  const others = new Set(untouched(done));
  const touched = all.filter((one) => !others.has(one));
  const over = { source: sourceOf(touched), placed: null, placements: [], expiresAt: clock.now() + changeLife };
  // It is done: where that can't be said it expires, and reads as somebody else's doing.
  if (touched.length === 0) await intents.remove([intent.id]).catch(() => undefined);
  else if (!intent.settled) await intents.settle(intent.id, over).catch(() => undefined);
  return done;
}

/** The messages that are found in one folder; null for none. */
export function sourceOf(found: Found[]): UidsAt | null {
  const [first] = found;
  return first === undefined ? null : uidsAt(first.folder, ...eachOnce(found).map(({ place }) => place));
}
