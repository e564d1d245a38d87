import { Failure } from "../errors.ts";
import { keyText, type MessageRef, type Origin, originText } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { NativeKey } from "../mail/message.ts";
import type { AccountRow, PlacementRow } from "../store/rows.ts";
import { type FindMessage, type Found, type FoundOnServer, gone, isGone } from "./find-message.ts";
import { locateKeys, notAllSearched } from "./locate-keys.ts";
import { movedOn, placementsOf } from "./placements-of.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";
import { isWatchedFolder } from "./watched-folder.ts";

/** Where messages are, by their ids; of those that can't be had, why. */
export type Finds = Map<string, Found | Failure>;

/** A message where it should be. */
type Candidate<F extends Found = Found> = { id: string; found: F };

/** How often messages are looked for again that may be under way from one folder to another. */
const maxTries = 20;

/**
 * Finds many messages by what their ids name, and makes sure that they are there, in few commands for each folder, as long as it is not
 * `until` (milliseconds). Each is found or has a failure of its own, as `onMessage` has it. Fails only with what ended the session.
 */
export async function findMessages(
  needs: FindMessage,
  mailbox: Mailbox,
  account: AccountRow,
  refs: Map<string, MessageRef>,
  until: number,
): Promise<Finds> {
  const finder = { needs, mailbox, account, until, finds: new Map<string, Found | Failure>() };
  const inMaildrop: MaildropAsked[] = [];
  const tracked: { id: string; origin: Origin }[] = [];
  const permanent = new Map<string, NativeKey>();
  for (const [id, ref] of refs) {
    if (ref.tier === "maildrop") inMaildrop.push({ id, ref });
    else if (ref.tier === "tracked") tracked.push({ id, origin: ref.origin });
    else permanent.set(id, ref.key);
  }
  await findInMaildrop(finder, inMaildrop);
  await findTracked(finder, tracked);
  await findPermanent(finder, permanent);
  return finder.finds;
}

type Finder = { needs: FindMessage; mailbox: Mailbox; account: AccountRow; until: number; finds: Finds };

type MaildropAsked = { id: string; ref: Extract<MessageRef, { tier: "maildrop" }> };

async function findInMaildrop(finder: Finder, asked: MaildropAsked[]): Promise<void> {
  if (asked.length === 0) return;
  const inbox = await resolveFolder(finder.needs, finder.mailbox, finder.account, "inbox");
  const placeOf = ({ key }: MaildropAsked["ref"]) => ({ path: inbox.path, key });
  const missing = await verify(
    finder,
    asked.map(({ id, ref }) => ({ id, found: { ref, place: placeOf(ref), folder: inbox } })),
  );
  for (const { id } of missing) finder.finds.set(id, gone());
}

async function findTracked(finder: Finder, asked: { id: string; origin: Origin }[]): Promise<void> {
  const { needs, account, finds } = finder;
  const origins = asked.map(({ origin }) => origin);
  let ids = asked.map(({ id }) => id);
  let rows = asked.length === 0 ? [] : await placementsOf(needs, account, origins);
  while (rows.length > 0) {
    const folders = new Map((await needs.folders.list(account.id)).map((folder) => [folder.number, folder]));
    const open = rows.map((row, index) => ({ id: ids[index] ?? "", row, folder: folders.get(row.now.folder) }));
    const candidates = open.flatMap(({ id, row: { origin, now }, folder }): Candidate<FoundOnServer>[] => {
      if (folder === undefined) return [];
      const place = { path: folder.path, uidValidity: now.uidValidity, uid: now.uid };
      return [{ id, found: { ref: { tier: "tracked", origin }, place, folder } }];
    });
    await verify(finder, candidates);
    const missing = open.filter(({ id }) => !finds.has(id));
    const seen = missing.map(({ row }) => row);
    const further = missing.length === 0 ? [] : await movedOn(needs, account, seen);
    const over: PlacementRow[] = [];
    for (const [index, { id, row, folder }] of missing.entries()) {
      if ((further[index] ?? null) !== null) continue;
      finds.set(id, gone());
      const wasMoved = originText(row.now) !== originText(row.origin);
      if (wasMoved && folder !== undefined && !isWatchedFolder(account, folder)) over.push(row);
    }
    if (over.length > 0) await needs.placements.remove(...over);
    ids = missing.flatMap(({ id }, index) => ((further[index] ?? null) === null ? [] : [id]));
    rows = further.flatMap((row) => row ?? []);
  }
}

/** A message that is being moved can hide from a search, once behind each folder: then it is looked for again. */
async function findPermanent(finder: Finder, asked: Map<string, NativeKey>): Promise<void> {
  const { needs, account, until } = finder;
  let open = asked;
  for (let tries = 1; open.size > 0; tries += 1) {
    const moves = needs.places.moves(account.id);
    const { lost, isComplete } = await findOnce(finder, open);
    // A move is counted before its intent ends, so one of the two tells of it.
    const isMoving = lost.size > 0 && (await needs.intents.live(account.id, needs.clock.now())).length > 0;
    const isAgain = isComplete && (isMoving || needs.places.moves(account.id) !== moves);
    const isOver = tries === maxTries || needs.clock.now() > until;
    if (!isAgain || isOver) {
      for (const id of lost.keys()) finder.finds.set(id, isComplete && !isAgain ? gone() : notAllSearched());
      return;
    }
    open = lost;
    if (open.size > 0) await needs.clock.sleep(50);
  }
}

/** Looks where they were seen last, then in all folders; returns those that are nowhere, as far as was searched. */
async function findOnce(
  finder: Finder,
  asked: Map<string, NativeKey>,
): Promise<{ lost: Map<string, NativeKey>; isComplete: boolean }> {
  const { needs, mailbox, account, until, finds } = finder;
  const folders = new Map((await needs.folders.list(account.id)).map((folder) => [folder.path, folder]));
  const candidates = [...asked].flatMap(([id, key]): Candidate<FoundOnServer>[] => {
    const place = needs.places.get(account.id, id);
    const folder = place === null ? undefined : folders.get(place.path);
    return place === null || folder === undefined
      ? []
      : [{ id, found: { ref: { tier: "permanent", key }, place, folder } }];
  });
  for (const { id, found } of await verify(finder, candidates)) needs.places.forget(account.id, id, found.place);
  const open = new Map([...asked].filter(([id]) => !finds.has(id)));
  if (open.size === 0) return { lost: open, isComplete: true };
  const { found, isComplete } = await locateKeys(needs, mailbox, account, [...open.values()], { folder: null, until });
  for (const [id, key] of open) {
    const one = found.get(keyText(key));
    if (one === undefined) continue;
    finds.set(id, { ref: { tier: "permanent", key }, ...one });
    needs.places.put(account.id, id, one.place);
    open.delete(id);
  }
  return { lost: open, isComplete };
}

/** Makes sure, folder by folder, that messages are where they should be; returns those that are not there. */
async function verify<F extends Found>(finder: Finder, candidates: Candidate<F>[]): Promise<Candidate<F>[]> {
  const { needs, mailbox, account, until, finds } = finder;
  const missing: Candidate<F>[] = [];
  for (const group of Map.groupBy(candidates, ({ found }) => found.folder.id).values()) {
    const [first] = group;
    if (first === undefined) continue;
    const failed = (why: Failure): void => group.forEach(({ id }) => void finds.set(id, why));
    if (needs.clock.now() > until) {
      failed(notAllSearched());
      continue;
    }
    try {
      missing.push(
        ...(await onFolder(needs, mailbox, account, first.found.folder, (folder) =>
          verifyIn(
            finder,
            group.map((one) => inFolder(one, folder)),
          ),
        )),
      );
    } catch (error) {
      if (mailbox.dead || !(error instanceof Failure)) throw error;
      // One folder that can't be opened says nothing about the others.
      if (isGone(error)) missing.push(...group);
      else failed(error);
    }
  }
  return missing;
}

/** The same under the name that its folder has by now. */
function inFolder<F extends Found>({ id, found }: Candidate<F>, folder: Found["folder"]): Candidate<F> {
  return { id, found: { ...found, folder, place: { ...found.place, path: folder.path } } };
}

async function verifyIn<F extends Found>({ mailbox, finds }: Finder, group: Candidate<F>[]): Promise<Candidate<F>[]> {
  const there = await mailbox.identities(group.map(({ found }) => found.place));
  const known = new Map(there.map((one) => [one.place, one]));
  const missing: Candidate<F>[] = [];
  for (const one of group) {
    const identity = known.get(one.found.place);
    if (identity === undefined || isAnother(identity.key, one.found.ref)) missing.push(one);
    else finds.set(one.id, identity.unfit ?? one.found);
  }
  return missing;
}

/** Whether the key at a place where a message was seen is another one's: some servers give a folder's UIDVALIDITY to the next. */
function isAnother(key: NativeKey | null, ref: MessageRef): boolean {
  return ref.tier === "permanent" && key?.kind === ref.key.kind && key.value !== ref.key.value;
}
