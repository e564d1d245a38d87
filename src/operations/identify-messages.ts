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

/**
 * The ids of messages seen in one folder, in order (DESIGN §4). The first message that an account ever shows decides its
 * tier. In a maildrop a message's own name makes its id. On the permanent tier a key that stands twice in the folder is
 * split: its messages get tracked ids from then on.
 */
export async function identifyMessages(
  needs: IdentifyMessages,
  account: AccountRow,
  folder: Pick<FolderRow, "number">,
  summaries: Named[],
): Promise<string[]> {
  const dropped = summaries.flatMap(({ place }) => ("key" in place ? [place] : []));
  return dropped.length > 0
    ? identifyInMaildrop(needs, account, dropped)
    : identifyOnServer(needs, account, folder, summaries.filter(isOnServer));
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
  folder: Pick<FolderRow, "number">,
  summaries: Named<ImapPlace>[],
): Promise<string[]> {
  const [first] = summaries;
  if (first === undefined) return [];
  const tier =
    account.idStability ??
    (await needs.accounts.decideIdStability(account.id, first.key === null ? "tracked" : "permanent"));
  const split = tier === "permanent" ? await splitAmong(needs, account, summaries) : new Set<string>();
  const isPermanent = (summary: Named<ImapPlace>): boolean =>
    tier === "permanent" && summary.key !== null && !split.has(keyText(summary.key));

  const tracked = summaries.filter((summary) => !isPermanent(summary)).map((summary) => originOf(folder, summary));
  const moved = tracked.length === 0 ? [] : await needs.placements.at(account.id, tracked);
  const originAt = new Map(moved.map((row) => [originText(row.now), row.origin]));

  const idKey = needs.idKey(account);
  return summaries.map((summary) => {
    const here = originOf(folder, summary);
    const ref: MessageRef =
      isPermanent(summary) && summary.key !== null
        ? { tier: "permanent", key: summary.key }
        : { tier: "tracked", origin: originAt.get(originText(here)) ?? here };
    const id = encodeMessageId(ref, idKey);
    if (ref.tier === "permanent") needs.places.put(account.id, id, summary.place);
    return id;
  });
}

async function splitAmong(needs: IdentifyMessages, account: AccountRow, summaries: Named[]): Promise<Set<string>> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { key } of summaries) {
    if (key === null) continue;
    const text = keyText(key);
    if (seen.has(text)) twice.add(text);
    seen.add(text);
  }
  if (twice.size > 0) await needs.splitKeys.add(account.id, [...twice]);
  return new Set([...(await needs.splitKeys.among(account.id, [...seen])), ...twice]);
}

function originOf(folder: Pick<FolderRow, "number">, summary: Named<ImapPlace>): Origin {
  return { folder: folder.number, uidValidity: summary.place.uidValidity, uid: summary.place.uid };
}
