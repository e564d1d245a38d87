import { z } from "zod";
import { Failure } from "../errors.ts";
import type { Mailbox, Matches, PositionOf } from "../mail/mailbox.ts";
import type { Message, Place } from "../mail/message.ts";
import type { Expression } from "../mail/search.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Clock } from "../observe.ts";
import { withDeadline } from "../net/deadline.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { findAccount } from "./find-account.ts";
import { inOne, searchBudget } from "./find-matching.ts";
import type { IdentifyMessages } from "./identify-messages.ts";
import { type Include, includeInMessages, type IncludeInMessages } from "./include-in-messages.ts";
import { type Found, type MatchingAsked, nothingOf, type SearchMeta } from "./matching.ts";
import { mergeFolders } from "./merge-folders.ts";
import { packedStart, packStart, type Start, startBehind, unpackStart } from "./search-start.ts";
import { settleFolders } from "./settle-folders.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { type Seen, viewMessages } from "./view-messages.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

export type ListAsked = Pick<MatchingAsked, "folder" | "order" | "limit" | "count"> & {
  /** What is looked for, as it was asked: a cursor goes on with the same only. */
  conditions: unknown;
  /** The same as an expression, days being counted back from `now`, milliseconds. */
  expressionAt: (now: number) => Expression;
  cursor?: string | undefined;
  /** What else is told of each message; the next page may be asked for with other things. */
  include: Include[];
  /** Aborted when the caller has left. */
  signal: AbortSignal;
};

type Needs = WithMailbox &
  SyncFolders &
  IdentifyMessages &
  IncludeInMessages & { accounts: Pick<Store["accounts"], "get">; cursorKey: Uint8Array; clock: Clock };

/** When the first page was asked for, how many matched then (null: not told), and where the next one goes on. */
const position = z.tuple([z.number(), z.union([z.number(), z.null()]), packedStart]);

/**
 * One page of the messages that match, in one folder or all, newest arrival first, not newest Date. Fails as `findMatching` does,
 * and with `invalid-cursor`.
 */
export const listMessages =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: ListAsked): Promise<Page<Message> & { meta: SearchMeta }> => {
    const { folder, order, count, limit } = asked;
    const account = await findAccount(needs.accounts, caller, accountId);
    const terms = ["messages", account.id, folder, order, count, asked.conditions, ...maildropOf(account)];
    const [at, counted, packed] =
      asked.cursor === undefined
        ? [needs.clock.now(), null, null]
        : decodeCursor(needs.cursorKey, terms, asked.cursor, position);
    const expression = asked.expressionAt(at);
    const start = packed === null ? null : unpackStart(packed);

    let until: number | null = null;
    const list = async (mailbox: Mailbox): Promise<{ data: Message[]; meta: SearchMeta; next: Start | null }> => {
      until ??= needs.clock.now() + searchBudget;
      const wanted = { folder, expression, order, limit, start, count, until, signal: asked.signal };
      const { told, ...page } = await inTime(needs.clock, mailbox, wanted, () =>
        listPage(needs, mailbox, account, wanted),
      );
      const viewed = await viewMessages(needs, account, told);
      return { ...page, data: await includeInMessages(needs, mailbox, account, viewed, asked.include) };
    };
    const { data, meta, next } = await reading(needs, account, list, asked.signal);
    const total = meta.total ?? counted;
    const nextCursor = next && encodeCursor(needs.cursorKey, terms, [at, total, packStart(next)]);
    return { data, nextCursor, meta: { ...meta, ...(total !== null && { total }) } };
  };

/** Time for the search itself to end in good order, milliseconds. */
const grace = 1_000;

/**
 * Of a search all that is said to a server is within its time, also the names of folders and what is told of messages; a session
 * that does not get so far is given up: `upstream-timeout`.
 */
async function inTime<T>(
  clock: Clock,
  mailbox: Mailbox,
  { folder, expression, order, until }: MatchingAsked,
  work: () => Promise<T>,
): Promise<T> {
  if (isPlain({ expression, order }) && folder !== "all") return work();
  let isLate = false;
  const giveUp = (): void => {
    isLate = true;
    void mailbox.close();
  };
  try {
    return await withDeadline(clock, until + grace - clock.now(), work(), giveUp);
  } catch (error) {
    if (!isLate) throw error;
    throw new Failure(
      "upstream-timeout",
      `The mail server did not answer the search within ${searchBudget / 1000} s.`,
      {
        fix: "Name a folder, a time or a sender.",
      },
    );
  }
}

function isPlain({ expression, order }: Pick<MatchingAsked, "expression" | "order">): boolean {
  return expression.op === "all" && order === "newest";
}

/** A name in one maildrop says nothing in another that the account may be changed to. */
function maildropOf(account: AccountRow): string[] {
  return account.incoming?.protocol === "pop3" ? [maildropLogin(account)] : [];
}

/** A page with what a listing tells; of several folders, only of those messages that make the page. */
async function listPage(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  asked: MatchingAsked,
): Promise<{ told: Seen[]; meta: SearchMeta; next: Start | null }> {
  const settled = await settleFolders(needs, mailbox, account, asked);
  if (settled.kind === "many") {
    const { found, meta, next } = await mergeFolders(needs, mailbox, account, asked, settled);
    return { told: await tellOf(mailbox, found), meta, next };
  }
  const { target, start } = settled;
  if (target === null) return { told: [], meta: nothingOf(asked), next: null };
  const { folder, result } = await inOne(needs, mailbox, account, { folder: target.folder, start }, (path, after) =>
    listOne(mailbox, path, { ...asked, expression: target.expression, after }),
  );
  return {
    told: result.messages.map((summary) => ({ folder, summary })),
    meta: { ...result.answer, folders: [folder.id], failed: [] },
    next: startBehind(folder.id, result),
  };
}

/** What a listing tells of messages, for those where the search has not told it along; what is gone by now is left out. */
async function tellOf(mailbox: Mailbox, found: Found[]): Promise<Seen[]> {
  const bare = found.flatMap(({ place, summary }) => (summary === undefined ? [place] : []));
  const fetched = bare.length === 0 ? [] : await mailbox.summaries(bare);
  const byPlace = new Map(fetched.map((summary) => [placeText(summary.place), summary]));
  return found.flatMap(({ folder, place, summary = byPlace.get(placeText(place)) }) =>
    summary === undefined ? [] : [{ folder, summary }],
  );
}

/** Without conditions a listing does, which knows what earlier ones saw. */
async function listOne(
  mailbox: Mailbox,
  path: string,
  asked: MatchingAsked & { after: PositionOf<Place> | null },
): Promise<Matches> {
  const { expression, order, limit, after, until } = asked;
  const count = asked.count && after === null;
  if (!isPlain({ expression, order }))
    return mailbox.search(path, { limit, after, order }, { expression, count, until });
  const listing = await mailbox.list(path, { limit, after });
  const total = count ? { total: (await mailbox.status(path)).messages } : {};
  return { ...listing, answer: { engine: "none", exact: true, undecided: 0, ...total } };
}

function placeText(place: Place): string {
  return "key" in place ? place.key.value : `${place.uidValidity}/${place.uid} ${place.path}`;
}
