import { assertFlagChange, type FlagChange, type Flags, systemFlags } from "../../mail/flags.ts";
import { halfDone } from "../../mail/half-done.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { takesAbsentUids } from "./capabilities.ts";
import { findExisting, searchExisting } from "./existing.ts";
import { failure, refusal, type Where } from "./failures.ts";
import { fetchRows, flagItems, isPartial } from "./fetch.ts";
import { byFolder, type FolderPlaces } from "./places.ts";
import { type Row, rowsOf } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";
import { expandSet, uidSets } from "./uid-set.ts";
import { atom, sequence } from "./wire.ts";

type Store = { add: string[]; remove: string[] };

/** Messages of one command. */
const maxStored = 200_000;

/**
 * Sets and clears flags and keywords, makes sure that they stuck, and tells which places were not there. One round trip per
 * folder and direction where the server's answers say all of that. Fails: `unsupported-by-server`, `refused-by-server`; what fails
 * after some of it was stored is `halfDone`.
 */
export async function setFlags(
  session: Session,
  places: ImapPlace[],
  change: FlagChange,
): Promise<{ missing: ImapPlace[] }> {
  const store = toStore(change);
  const missing: ImapPlace[] = [];
  for (const { path, uidValidity, uids, places: own } of byFolder(places)) {
    const gone = new Set(await setInFolder(session, { path, uidValidity, uids }, store));
    missing.push(...own.filter(({ uid }) => gone.has(uid)));
  }
  return { missing };
}

/** Returns the UIDs that are not there. */
async function setInFolder(session: Session, folder: Omit<FolderPlaces, "places">, store: Store): Promise<number[]> {
  const { path, uidValidity, uids } = folder;
  const wasOpen = session.selected?.path === path;
  const selected = await selectFolder(session, path, { fresh: false });
  if (selected.uidValidity !== uidValidity) return uids;
  const where = { host: session.host, phase: "UID STORE" };
  assertStorable(selected, store, where);
  const holds = (flag: string): boolean => canHold(selected.permanentFlags, flag);
  const possible = { add: store.add, remove: store.remove.filter(holds) };

  if (!takesAbsentUids(session) || possible.add.length + possible.remove.length === 0) {
    const existing = await findExisting(session, path, uidValidity, uids);
    const lost = new Set(await storeFlags(session, [...existing], possible));
    return uids.filter((uid) => !existing.has(uid) || lost.has(uid));
  }
  const gone = await storeFlags(session, uids, possible);
  if (gone.length === 0 || !wasOpen) return gone;
  // They may have come since the session looked.
  await selectFolder(session, path, { fresh: true });
  return storeFlags(session, gone, possible);
}

function toStore(change: FlagChange): Store {
  assertFlagChange(change);
  const { flags, keywords } = change;
  const named = (value: boolean): string[] =>
    (Object.keys(systemFlags) as (keyof Flags)[]).flatMap((flag) => (flags[flag] === value ? [systemFlags[flag]] : []));
  return { add: [...named(true), ...keywords.add], remove: [...named(false), ...keywords.remove] };
}

/** RFC 9051 §7.1 PERMANENTFLAGS: what is not in it would be lost, or refused. Fails `unsupported-by-server`. */
export function assertStorable(selected: Selected | null, { add }: Pick<Store, "add">, where: Where): void {
  if (selected?.readOnly) throw failure("refused-by-server", "The mail server gives the folder read-only.", where);
  // A flag that the folder can't hold is not set: nothing to remove.
  const lost = add.find((flag) => !canHold(selected?.permanentFlags ?? null, flag));
  if (lost === undefined) return;
  throw failure("unsupported-by-server", `The folder can't hold the flag ${lost}.`, where);
}

function canHold(permanent: Set<string> | null, flag: string): boolean {
  return permanent === null || permanent.has(flag.toLowerCase()) || (!flag.startsWith("\\") && permanent.has("\\*"));
}

/** Stores, then makes sure by what the server says, asking it where it did not; returns the UIDs that are not there. */
async function storeFlags(session: Session, uids: number[], store: Store): Promise<number[]> {
  let isBegun = false;
  const stored = (): void => {
    isBegun = true;
  };
  try {
    return await storeSurely(session, uids, store, { stored, isAgain: false });
  } catch (error) {
    throw isBegun ? halfDone(error) : error;
  }
}

/** `stored` is called when a command has been taken. */
type Storing = { stored: () => void; isAgain: boolean };

async function storeSurely(
  session: Session,
  uids: number[],
  { add, remove }: Store,
  { stored, isAgain }: Storing,
): Promise<number[]> {
  const told = new Map<number, Set<string>>();
  const asked = new Set(uids);
  const read = (rows: Row[]): void => {
    for (const { uid, flags } of rows) {
      if (uid !== undefined && flags && asked.has(uid)) told.set(uid, new Set(flags.map((flag) => flag.toLowerCase())));
    }
  };
  const isStored = (uid: number): boolean => {
    const held = told.get(uid);
    const isHeld = (flag: string): boolean => held?.has(flag.toLowerCase()) === true;
    return held !== undefined && add.every(isHeld) && !remove.some(isHeld);
  };
  for (const [sign, flags] of [
    ["+", add],
    ["-", remove],
  ] as const) {
    if (flags.length > 0) for (const set of uidSets(uids)) read(await storeSet(session, sign, set, flags, stored));
  }
  const unsure = uids.filter((uid) => !isStored(uid));
  for (const uid of unsure) told.delete(uid);
  for (const set of uidSets(unsure)) read(await fetchRows(session, "UID FETCH", set, flagItems, { withKey: false }));
  const unset = unsure.filter((uid) => told.has(uid) && !isStored(uid));
  if (unset.length > 0 && !isAgain) {
    // They may have come to be seen by the session only just now.
    const gone = await storeSurely(session, unset, { add, remove }, { stored, isAgain: true });
    return [...unsure.filter((uid) => !told.has(uid)), ...gone];
  }
  if (unset.length > 0) {
    const where = { host: session.host, phase: "UID STORE" };
    throw failure("unsupported-by-server", "The mail server took the flags and did not keep them.", where);
  }
  return unsure.filter((uid) => !told.has(uid));
}

/** The rows that the server answers with, where they can be believed. */
async function storeSet(
  session: Session,
  sign: "+" | "-",
  set: string,
  flags: string[],
  stored: () => void,
): Promise<Row[]> {
  const isPlain = takesAbsentUids(session);
  const args = [sequence(set), atom(isPlain ? `${sign}FLAGS` : `${sign}FLAGS.SILENT`), flags.map(atom)];
  const reply = await session.exec("UID STORE", args, { keep: ["FETCH"], tolerate: true });
  if (reply.status === "OK" || isPartial(reply.status, reply.code)) {
    stored();
    return isPlain ? rowsOf(reply.untagged) : [];
  }
  const uids = expandSet(set, maxStored) ?? [];
  const existing = reply.status === "NO" ? await searchExisting(session, uids) : new Set(uids);
  // Some servers refuse all where one is not there (RFC 2180 §4.2).
  if (existing.size === uids.length) {
    throw refusal(reply.status, reply.code, reply.text, { host: session.host, phase: "UID STORE" });
  }
  const rows: Row[] = [];
  for (const left of uidSets([...existing])) rows.push(...(await storeSet(session, sign, left, flags, stored)));
  return rows;
}
