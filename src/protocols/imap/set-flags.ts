import { invalid } from "../../errors.ts";
import { type FlagChange, type Flags, systemFlags } from "../../mail/flags.ts";
import type { Place } from "../../mail/message.ts";
import { findExisting } from "./existing.ts";
import { failure } from "./failures.ts";
import { byFolder } from "./places.ts";
import { type Row, rowsOf } from "./row.ts";
import type { Selected, Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, sequence } from "./wire.ts";

type Store = { add: string[]; remove: string[] };

/** Sets and clears flags and keywords, makes sure that they stuck, and tells which places were not there. */
export async function setFlags(session: Session, places: Place[], change: FlagChange): Promise<{ missing: Place[] }> {
  const store = toStore(change);
  const missing: Place[] = [];
  for (const { path, uidValidity, uids, places: own } of byFolder(places)) {
    const existing = await findExisting(session, path, uidValidity, uids);
    if (existing.size > 0) {
      assertStorable(session.selected, store, session.host);
      const gone = await storeFlags(session, [...existing], store);
      for (const uid of gone) existing.delete(uid);
    }
    missing.push(...own.filter(({ uid }) => !existing.has(uid)));
  }
  return { missing };
}

function toStore({ flags, keywords }: FlagChange): Store {
  const named = (value: boolean): string[] =>
    (Object.keys(systemFlags) as (keyof Flags)[]).flatMap((flag) => (flags[flag] === value ? [systemFlags[flag]] : []));
  for (const keyword of [...keywords.add, ...keywords.remove]) assertKeyword(keyword);
  const store = { add: [...named(true), ...keywords.add], remove: [...named(false), ...keywords.remove] };
  if (store.add.length + store.remove.length === 0) {
    throw invalid("", "empty-change", "Name at least one flag or keyword to change.");
  }
  return store;
}

/** A keyword is an atom (RFC 9051 §9 flag-keyword). */
function assertKeyword(keyword: string): void {
  if (!/^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]{1,100}$/.test(keyword)) {
    throw invalid(
      "/keywords",
      "invalid-keyword",
      'A keyword is visible ASCII without any of ( ) { % * " \\ ] and space.',
    );
  }
}

/** RFC 9051 §7.1 PERMANENTFLAGS: what is not in it would be lost, or refused. */
function assertStorable(selected: Selected | null, { add, remove }: Store, host: string): void {
  const where = { host, phase: "UID STORE" };
  if (selected?.readOnly) throw failure("refused-by-server", "The mail server gives the folder read-only.", where);
  const permanent = selected?.permanentFlags;
  if (!permanent) return;
  for (const flag of [...add, ...remove]) {
    const isNew = !flag.startsWith("\\") && permanent.has("\\*");
    if (permanent.has(flag.toLowerCase()) || isNew) continue;
    // A flag that the folder can't hold is not set: nothing to remove.
    if (remove.includes(flag) && !add.includes(flag)) continue;
    throw failure("unsupported-by-server", `The folder can't hold the flag ${flag}.`, where);
  }
}

/** Stores, then checks; returns the UIDs that turned out to be gone. */
async function storeFlags(session: Session, uids: number[], { add, remove }: Store): Promise<number[]> {
  const last = new Map<number, Row>();
  for (const set of uidSets(uids)) {
    for (const [item, flags] of [
      ["+FLAGS", add],
      ["-FLAGS", remove],
    ] as const) {
      if (flags.length === 0) continue;
      const args = [sequence(set), atom(item), flags.map(atom)];
      const { untagged } = await session.exec("UID STORE", args, { keep: ["FETCH"] });
      for (const row of rowsOf(untagged)) if (row.uid !== undefined && row.flags) last.set(row.uid, row);
    }
  }
  const isStored = (uid: number): boolean => {
    const held = new Set(last.get(uid)?.flags?.map((flag) => flag.toLowerCase()));
    const isHeld = (flag: string): boolean => held.has(flag.toLowerCase());
    return last.has(uid) && add.every(isHeld) && !remove.some(isHeld);
  };
  const unsure = uids.filter((uid) => !isStored(uid));
  for (const uid of unsure) last.delete(uid);
  for (const set of uidSets(unsure)) {
    const args = [sequence(set), [atom("UID"), atom("FLAGS")]];
    const { untagged } = await session.exec("UID FETCH", args, { keep: ["FETCH"] });
    for (const row of rowsOf(untagged)) if (row.uid !== undefined && row.flags) last.set(row.uid, row);
  }
  const unset = unsure.filter((uid) => last.has(uid) && !isStored(uid));
  if (unset.length > 0) {
    const where = { host: session.host, phase: "UID STORE" };
    throw failure("unsupported-by-server", "The mail server took the flags and did not keep them.", where);
  }
  return unsure.filter((uid) => !last.has(uid));
}
