import { decodeMessageId, type MessageRef } from "../mail/id.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { Expression } from "../mail/search.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { findMatching } from "./find-matching.ts";
import type { FindMessage, Found } from "./find-message.ts";
import type { Finds } from "./find-messages.ts";
import { identifyMessages, type IdentifyMessages } from "./identify-messages.ts";
import { type Matching, nothing, type SearchMeta } from "./matching.ts";

export type BatchSearch = {
  /** An id, a role, or "all". */
  folder: string;
  /** What is looked for, days being counted back from `now`, milliseconds. */
  expressionAt: (now: number) => Expression;
};

/** `more`: more match than were taken, or there was no time to look for more. */
export type BatchMeta = SearchMeta & { more: boolean };

/** Messages of one batch. */
const maxMessages = 1_000;

/** So long before the end of the time no page more is asked for, milliseconds: what was found is acted on. */
const reserve = 10_000;

/**
 * The newest messages that certainly match, as many as a batch takes, by their ids, newest first. One that was found in several folders
 * is taken where it arrived last. Fails as `findMatching` does.
 */
export async function findBySearch(
  needs: FindMessage & IdentifyMessages,
  mailbox: Mailbox,
  account: AccountRow,
  { folder, expressionAt }: BatchSearch,
  until: number,
): Promise<{ refs: Map<string, MessageRef>; finds: Finds; meta: BatchMeta }> {
  const expression = expressionAt(needs.clock.now());
  const found: Matching["found"] = [];
  let meta: SearchMeta | null = null;
  let start: Matching["next"] = null;
  do {
    const limit = maxMessages - found.length;
    const asked = { folder, expression, order: "newest", limit, start, count: false, until } as const;
    const page: Matching = await findMatching(needs, mailbox, account, asked);
    found.push(...page.found);
    meta = meta === null ? page.meta : together(meta, page.meta);
    start = page.next;
  } while (start !== null && found.length < maxMessages && needs.clock.now() <= until - reserve);
  return {
    ...(await identified(needs, mailbox, account, found)),
    meta: { ...(meta ?? nothing), more: start !== null },
  };
}

function together(one: SearchMeta, other: SearchMeta): SearchMeta {
  const failed = new Map([...one.failed, ...other.failed].map((each) => [each.folderId, each]));
  return {
    ...other,
    engine: one.engine === "none" ? other.engine : one.engine,
    exact: one.exact && other.exact,
    undecided: one.undecided + other.undecided,
    folders: [...new Set([...one.folders, ...other.folders])].filter((id) => !failed.has(id)),
    failed: [...failed.values()],
  };
}

/** The ids of messages by what names them; what has gone since it was found is left out. */
async function identified(
  needs: FindMessage & IdentifyMessages,
  mailbox: Mailbox,
  account: AccountRow,
  found: { folder: FolderRow; place: Place }[],
): Promise<{ refs: Map<string, MessageRef>; finds: Finds }> {
  const there = new Map((await mailbox.identities(found.map(({ place }) => place))).map((one) => [one.place, one]));
  const idAt = new Map<Place, string>();
  for (const group of Map.groupBy(found, ({ folder }) => folder.id).values()) {
    const [first] = group;
    const named = group.flatMap(({ place }) => there.get(place) ?? []);
    const ids = first === undefined ? [] : await identifyMessages(needs, account, first.folder, named);
    for (const [index, { place }] of named.entries()) idAt.set(place, ids[index] ?? "");
  }
  const refs = new Map<string, MessageRef>();
  const finds: Finds = new Map();
  const idKey = needs.idKey(account);
  for (const { folder, place } of found) {
    const id = idAt.get(place);
    const ref = id === undefined ? null : decodeMessageId(id, idKey);
    if (id === undefined || ref === null || refs.has(id)) continue;
    refs.set(id, ref);
    finds.set(id, there.get(place)?.unfit ?? ({ ref, place, folder } as Found));
  }
  return { refs, finds };
}
