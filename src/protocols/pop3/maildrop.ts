import { type DuplicateIds, type MaildropKey, maildropKeyText } from "../../mail/maildrop.ts";
import type { Clock } from "../../observe.ts";
import { fingerprint, headerHash, isUnreadable, sizeInKey, unreadableHash } from "./fingerprint.ts";
import { type ListedFields, listedFields } from "./header-facts.ts";
import type { Pop3Session } from "./open-pop3.ts";
import { topUntil } from "./top-until.ts";

/**
 * What a maildrop holds, which does not change as long as a session lasts (RFC 1939 §3), and what names its messages for
 * longer than that. What has to be asked for is asked for once. `until` is when to give up, milliseconds.
 */
export type Maildrop = {
  /** Of this session, lowest (oldest) first. */
  readonly numbers: readonly number[];
  /** The message's key; null for a number without a message, and for what `identify` was not asked about. */
  keyOf(number: number): MaildropKey | null;
  /** Finds out the keys of these. */
  identify(numbers: readonly number[], until: number): Promise<void>;
  /** The numbers of the messages with these keys, by the keys' texts; what is not there is absent. */
  find(texts: Iterable<string>, until: number): Promise<Map<string, number>>;
  /**
   * Whether a message's fingerprint tells it from all others, as far as fingerprints were taken. One whose header can't be read
   * may be any of its size, also one that is to come: its fingerprint says nothing but that.
   */
  isAlone(number: number): boolean;
  /** Octets, as the server counts them; of what it does not tell the size is absent. */
  sizesOf(numbers: readonly number[]): Promise<Map<number, number>>;
  /** What a listing tells of a header that was read for its fingerprint; null where it has to be read. */
  readFieldsOf(number: number): ListedFields | null;
  /**
   * All keys that are known, in order, and whether these are all there are: what a message is called whose header can't be read
   * now is not known.
   */
  known(): { keys: MaildropKey[]; isAll: boolean };
};

/** RFC 1939 §7 allows 70 characters; some servers send more. */
const uniqueId = /^[\x21-\x7e]{1,255}$/;

/** Of how many unique-ids of an account it is remembered that they stood twice. With that many, none of them is trusted. */
const maxDuplicates = 10_000;

/** Fields of headers that were read for fingerprints, held so that they are not read again, octets. */
const maxRead = 16 * 1024 * 1024;

type ReadMaildrop = {
  /** How many messages there are, by STAT. */
  count: number;
  clock: Clock;
  duplicates: DuplicateIds;
};

/** Reads the maildrop by UIDL, and by LIST where there is no UIDL or it does not tell of as many messages. */
export async function readMaildrop(
  session: Pop3Session,
  { count, clock, duplicates }: ReadMaildrop,
): Promise<Maildrop> {
  const told = count === 0 ? null : await session.uidl();
  const sizes = new Map<number, number>();
  let hasAllSizes = false;
  const numbers = await numbersOf();
  const uids = told === null || told.size === 0 ? new Map<number, string>() : await uniqueIds(told, duplicates);
  /** The numbers by the keys' texts; the unique-ids are in it from the first search on. */
  const byText = new Map<string, number>();
  let isSearched = false;
  const fingerprints = new Map<number, MaildropKey>();
  /** By number, the size and header hash that messages alike have in common; and how many have them. */
  const groups = new Map<number, string>();
  const counts = new Map<string, number>();
  const readFields = new Map<number, ListedFields>();
  let readOctets = 0;
  /** Those of which all messages have their fingerprints. */
  const sizesDone = new Set<number>();

  async function numbersOf(): Promise<number[]> {
    // Of a message that it has no id for, a server may tell nothing.
    const others = count === (told?.size ?? 0) ? [] : (await allSizes()).keys();
    return [...new Set([...(told?.keys() ?? []), ...others])].sort((a, b) => a - b);
  }

  async function allSizes(): Promise<Map<number, number>> {
    if (hasAllSizes) return sizes;
    for (const [number, size] of await session.list()) sizes.set(number, size);
    hasAllSizes = true;
    return sizes;
  }

  function searched(): Map<string, number> {
    if (isSearched) return byText;
    for (const [number, value] of uids) byText.set(maildropKeyText({ kind: "uidl", value }), number);
    isSearched = true;
    return byText;
  }

  function keyOf(number: number): MaildropKey | null {
    const uid = uids.get(number);
    return uid === undefined ? (fingerprints.get(number) ?? null) : { kind: "uidl", value: uid };
  }

  /**
   * Gives all messages of these sizes their fingerprints; those with a unique-id too, so that one stays what it is when a
   * twin's id comes or goes.
   */
  async function takeFingerprints(some: Iterable<number>, until: number): Promise<void> {
    const wanted = new Set([...some].filter((size) => !sizesDone.has(size)));
    if (wanted.size === 0) return;
    await allSizes();
    const alike = numbers.filter((number) => wanted.has(sizes.get(number) ?? 0));
    // Counted anew where it failed in the middle before.
    const counted = new Map<string, number>();
    for await (const { number, header, refused } of topUntil(session, alike, { clock, until, isKept: false })) {
      if (refused?.code === "message-gone") continue;
      if (header) hold(number, listedFields(header));
      const size = sizes.get(number) ?? 0;
      const hash = header ? headerHash(header) : unreadableHash;
      const group = `${size}.${hash}`;
      const nth = (counted.get(group) ?? 0) + 1;
      groups.set(number, group);
      counted.set(group, nth);
      const key = fingerprint(size, hash, nth);
      fingerprints.set(number, key);
      byText.set(maildropKeyText(key), number);
    }
    for (const [group, count] of counted) counts.set(group, count);
    for (const size of wanted) sizesDone.add(size);
  }

  function hold(number: number, listed: ListedFields): void {
    if (readFields.has(number) || readOctets + listed.fields.length > maxRead) return;
    readOctets += listed.fields.length;
    readFields.set(number, listed);
  }

  return {
    numbers,
    keyOf,
    readFieldsOf: (number) => readFields.get(number) ?? null,
    async identify(some, until) {
      const unnamed = some.filter((number) => !uids.has(number));
      if (unnamed.length === 0) return;
      await allSizes();
      await takeFingerprints(
        unnamed.map((number) => sizes.get(number) ?? 0),
        until,
      );
    },
    async find(texts, until) {
      const asked = [...texts];
      await takeFingerprints(
        asked.map(sizeInKey).filter((size) => size !== null),
        until,
      );
      const found = searched();
      return new Map(
        asked.flatMap((text) => {
          const number = found.get(text);
          return number === undefined ? [] : [[text, number]];
        }),
      );
    },
    isAlone(number) {
      const group = groups.get(number);
      const hasUnreadable = counts.has(`${sizes.get(number) ?? 0}.${unreadableHash}`);
      return group === undefined || (counts.get(group) === 1 && !hasUnreadable);
    },
    async sizesOf(some) {
      const missing = some.filter((number) => !sizes.has(number));
      const [only] = missing;
      if (missing.length === 1 && only !== undefined && !hasAllSizes) sizes.set(only, await session.listOne(only));
      else if (missing.length > 0) await allSizes();
      return sizes;
    },
    known() {
      const keys = numbers.map(keyOf).filter((key) => key !== null);
      const hasUnreadable = keys.some(({ kind, value }) => kind === "fingerprint" && isUnreadable(value));
      return { keys, isAll: keys.length === numbers.length && !hasUnreadable };
    },
  };
}

/**
 * The ids that are well-formed and stand for one message only, by its number. One that stood twice at any time names nothing
 * any more: whose it was nobody knows.
 */
async function uniqueIds(told: Map<number, string>, duplicates: DuplicateIds): Promise<Map<number, string>> {
  const textOf = (value: string): string => maildropKeyText({ kind: "uidl", value });
  const known = await duplicates.all();
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const uid of told.values()) {
    if (seen.has(uid) && uniqueId.test(uid)) twice.add(uid);
    seen.add(uid);
  }
  const fresh = [...twice].map(textOf).filter((text) => !known.has(text));
  if (fresh.length > 0 && known.size < maxDuplicates) await duplicates.add(fresh.slice(0, maxDuplicates - known.size));
  if (known.size + fresh.length >= maxDuplicates) return new Map();
  return new Map([...told].filter(([, uid]) => uniqueId.test(uid) && !twice.has(uid) && !known.has(textOf(uid))));
}
