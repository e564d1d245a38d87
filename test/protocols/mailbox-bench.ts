import { afterEach, test } from "vitest";
import { filterExpression, type SearchFilters } from "../../src/mail/filter-expression.ts";
import type { Listing, Mailbox, Page, Search } from "../../src/mail/mailbox.ts";
import { maildropKeyText } from "../../src/mail/maildrop.ts";
import type { ImapPlace, Place, Summary } from "../../src/mail/message.ts";
import type { User } from "../servers/mailboxes.ts";

/** What not every server, or not every protocol, can do. */
export type Need =
  | "append"
  | "bytes as delivered"
  | "calls between the pieces of a stream"
  | "folder changes"
  | "folders"
  | "keywords"
  | "lasting sessions"
  | "move"
  | "names of any script"
  | "news of removals by others"
  | "nested sections"
  | "folders in folders"
  | "IDLE"
  | "permanent keys"
  | "sessions at once"
  | "sizes that hold"
  | "structure in listings"
  | "UIDs"
  | "UIDVALIDITY that holds";

/** A server that the one suite for the Mailbox port runs on. */
export type Environment = {
  name: string;
  /** What can't be asked of it, each with the reason: those tests are skipped, and say why in their names. */
  lacks: Partial<Record<Need, string>>;
  start: () => Promise<void>;
  stop: () => Promise<void>;
  /** A user with an empty inbox, and the folders Archive, Drafts, Junk, Sent and Trash where there are folders. */
  user: () => Promise<User>;
  open: (user: User) => Promise<Mailbox>;
  /** A session for watching; absent: like any other. */
  watch?: (user: User) => Promise<Mailbox>;
  /** The raw path of a folder at the top of the user's own. */
  path: (name: string) => string;
  /** Delivers a message as a mail server does; lines end in LF. */
  deliver: (user: User, raw: string | Buffer, path?: string) => Promise<void>;
  /** Puts the first messages of test/servers/messages.ts there. */
  fill: (user: User, count: number, path?: string) => Promise<void>;
  /** What another client of the user does with the marks that EXPUNGE goes by. */
  marks?: {
    /** Marks them \Deleted. */
    set: (user: User, path: string, uids: number[]) => Promise<void>;
    /** The UIDs of the messages that are marked. */
    get: (user: User, path: string) => Promise<number[]>;
  };
};

/** An environment under test: sessions end with the test that opened them. */
export type Bench = Environment & {
  watch: (user: User) => Promise<Mailbox>;
  /**
   * The session to look on with after a removal, or after what others do meanwhile: the same one, or, where sessions don't
   * last, another, which begins after that, when this one has ended.
   */
  next: (mailbox: Mailbox, user: User, meanwhile?: () => Promise<void>) => Promise<Mailbox>;
  /** A session on a user whose inbox holds made-up messages. */
  filled: (count: number) => Promise<{ user: User; mailbox: Mailbox }>;
  /** A test, or what is skipped with the reason where the server lacks one of the needs. */
  it: (name: string, needs: Need[], run: () => Promise<void>) => void;
};

/** To be called inside the `describe` that the environment's tests are declared in. */
export function benchOf(environment: Environment): Bench {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  const closing = async (opening: Promise<Mailbox>): Promise<Mailbox> => {
    const mailbox = await opening;
    cleanUps.push(() => mailbox.close());
    return mailbox;
  };
  const open = (user: User): Promise<Mailbox> => closing(environment.open(user));
  return {
    ...environment,
    open,
    watch: (user) => closing((environment.watch ?? environment.open)(user)),
    async next(mailbox, user, meanwhile = async () => {}) {
      const lasts = environment.lacks["lasting sessions"] === undefined;
      if (!lasts) await mailbox.close();
      await meanwhile();
      return lasts ? mailbox : open(user);
    },
    async filled(count) {
      const user = await environment.user();
      await environment.fill(user, count);
      return { user, mailbox: await open(user) };
    },
    it(name, needs, run) {
      const reasons = needs.flatMap((need) => environment.lacks[need] ?? []);
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both stand where this is called
      if (reasons.length === 0) test(name, run);
      // oxlint-disable-next-line vitest/no-disabled-tests -- with its reason, which the environment gives
      else test.skip(`${name} — skipped: ${reasons.join("; ")}`, run);
    },
  };
}

export const noKeywords = { add: [], remove: [] };
export const page: Page = { limit: 50, after: null };

/** What a place is known by in its folder. */
export function nameOf(place: Place): number | string {
  return "uid" in place ? place.uid : maildropKeyText(place.key);
}

export function namesOf({ messages }: Pick<Listing, "messages">): (number | string)[] {
  return messages.map(({ place }) => nameOf(place));
}

/** The place on an IMAP server, for what only IMAP has; fails the test for another. */
export function imapPlace(place: Place): ImapPlace {
  if ("uid" in place) return place;
  throw new Error("this place is in a maildrop");
}

export async function newest(mailbox: Mailbox, path = "INBOX"): Promise<Summary> {
  const [message] = (await mailbox.list(path, { limit: 1, after: null })).messages;
  if (!message) throw new Error(`${path} is empty`);
  return message;
}

/** A search by filters that may take 20 seconds. */
export function searchFor(filters: SearchFilters): Search {
  return { expression: filterExpression(filters, (name) => name), count: false, until: Date.now() + 20_000 };
}

/** What the messages of all pages are known by, in order. */
export async function walk(mailbox: Mailbox, limit: number, filters?: SearchFilters): Promise<(number | string)[]> {
  const seen: (number | string)[] = [];
  let after: Page["after"] = null;
  do {
    const listing: Listing =
      filters === undefined
        ? await mailbox.list("INBOX", { limit, after })
        : await mailbox.search("INBOX", { limit, after }, searchFor(filters));
    seen.push(...namesOf(listing));
    after = listing.next;
  } while (after);
  return seen;
}

/** The same message of a folder that was made anew; in a maildrop, of another one. */
export function elsewhereOf(place: Place): Place {
  if ("uid" in place) return { ...place, uidValidity: place.uidValidity + 1 };
  return { ...place, key: { ...place.key, value: `other${place.key.value}` } };
}

/** A place in the same folder where there is no message. */
export function nowhere(place: Place): Place {
  if ("uid" in place) return { ...place, uid: place.uid + 900 };
  return { ...place, key: { ...place.key, value: `${place.key.value}900` } };
}
