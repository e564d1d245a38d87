import type { KeyObject } from "node:crypto";
import { encodeMessageId, keyText, originText, type MessageRef, type Origin } from "../mail/id.ts";
import type { ImapPlace, MaildropPlace, Place, Summary } from "../mail/message.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { PlaceCache } from "./place-cache.ts";

export type IdentifyMessages = {
  accounts: Pick<Store["accounts"], "decideIdStability">;
  placements: Pick<Store["placements"], "at">;
  splitKeys: Pick<Store["splitKeys"], "among" | "add">;
  /** Opens the account's sealed id key. */
  idKey: (account: AccountRow) => KeyObject;
  places: PlaceCache;
};

/** What a message's id comes from. */
export type Named<P extends Place = Place> = Pick<Summary<P>, "place" | "key">;

/** What was seen in one folder. */
export type NamedIn = { folder: Pick<FolderRow, "number">; summaries: Named[] };

/**
 * The ids of messages seen in one folder, in order (DESIGN §4). The first message that an account ever shows decides its
 * tier. In a maildrop a message's own name makes its id. On the permanent tier a key that stands twice in the folder is
 * split: its messages get tracked ids from then on.
 */
export async function identifyMessages(
  needs: IdentifyMessages,
  account: AccountRow,
  folder: NamedIn["folder"],
  summaries: Named[],
): Promise<string[]> {
  const [ids = []] = await identifyInFolders(needs, account, [{ folder, summaries }]);
  return ids;
}

/** The same of several folders, each once, in their order. */
export async function identifyInFolders(
  needs: IdentifyMessages,
  account: AccountRow,
  seen: NamedIn[],
): Promise<string[][]> {
  const dropped = seen.map(({ summaries }) => summaries.flatMap(({ place }) => ("key" in place ? [place] : [])));
  if (dropped.some((places) => places.length > 0))
    return Promise.all(dropped.map((places) => identifyInMaildrop(needs, account, places)));
  const onServer = seen.map(({ folder, summaries }) => ({ folder, summaries: summaries.filter(isOnServer) }));
  return identifyOnServer(needs, account, onServer);
}

function isOnServer(summary: Named): summary is Named<ImapPlace> {
  return "uid" in summary.place;
}

async function identifyInMaildrop(
  needs: IdentifyMessages,
  account: AccountRow,
  places: MaildropPlace[],
): Promise<string[]> {
  const [first] = places;
  if (account.idStability === null && first) await needs.accounts.decideIdStability(account.id, first.key.kind);
  const idKey = needs.idKey(account);
  const login = maildropLogin(account);
  return places.map(({ key }) => encodeMessageId({ tier: "maildrop", login, key }, idKey));
}

async function identifyOnServer(
  needs: IdentifyMessages,
  account: AccountRow,
  seen: { folder: NamedIn["folder"]; summaries: Named<ImapPlace>[] }[],
): Promise<string[][]> {
  const [first] = seen.flatMap(({ summaries }) => summaries);
  if (first === undefined) return seen.map(() => []);
  const tier =
    account.idStability ??
    (await needs.accounts.decideIdStability(account.id, first.key === null ? "tracked" : "permanent"));
  const split = tier === "permanent" ? await splitAmong(needs, account, seen) : new Set<string>();
  const isPermanent = (summary: Named<ImapPlace>): boolean =>
    tier === "permanent" && summary.key !== null && !split.has(keyText(summary.key));

  const tracked = seen.flatMap(({ folder, summaries }) =>
    summaries.filter((summary) => !isPermanent(summary)).map((summary) => originOf(folder, summary)),
  );
  const moved = tracked.length === 0 ? [] : await needs.placements.at(account.id, tracked);
  const originAt = new Map(moved.map((row) => [originText(row.now), row.origin]));

  const idKey = needs.idKey(account);
  const identify = (folder: NamedIn["folder"], summary: Named<ImapPlace>): string => {
    const here = originOf(folder, summary);
    const ref: MessageRef =
      isPermanent(summary) && summary.key !== null
        ? { tier: "permanent", key: summary.key }
        : { tier: "tracked", origin: originAt.get(originText(here)) ?? here };
    const id = encodeMessageId(ref, idKey);
    if (ref.tier === "permanent") needs.places.put(account.id, id, summary.place);
    return id;
  };
  return seen.map(({ folder, summaries }) => summaries.map((summary) => identify(folder, summary)));
}

/** Which keys of these messages are split; one that stands twice in a folder is from now on. */
async function splitAmong(needs: IdentifyMessages, account: AccountRow, seen: NamedIn[]): Promise<Set<string>> {
  const all = new Set<string>();
  const twice = new Set<string>();
  for (const { summaries } of seen) {
    const here = new Set<string>();
    for (const { key } of summaries) {
      if (key === null) continue;
      const text = keyText(key);
      if (here.has(text)) twice.add(text);
      here.add(text);
      all.add(text);
    }
  }
  if (twice.size > 0) await needs.splitKeys.add(account.id, [...twice]);
  return new Set([...(await needs.splitKeys.among(account.id, [...all])), ...twice]);
}

function originOf(folder: Pick<FolderRow, "number">, summary: Named<ImapPlace>): Origin {
  return { folder: folder.number, uidValidity: summary.place.uidValidity, uid: summary.place.uid };
}
