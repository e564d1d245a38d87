import { type MaildropKey, maildropKeyText } from "../../mail/maildrop.ts";
import type { Clock } from "../../observe.ts";
import { fingerprint, headerHash, sizeInKey } from "./fingerprint.ts";
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
  /** Octets, as the server counts them; of what it does not tell the size is absent. */
  sizesOf(numbers: readonly number[]): Promise<Map<number, number>>;
  /** All keys that are known, in order, and whether these are all there are. */
  known(): { keys: MaildropKey[]; isAll: boolean };
};

/** RFC 1939 §7 allows 70 characters; some servers send more. */
const uniqueId = /^[\x21-\x7e]{1,255}$/;

/** Reads the maildrop by STAT and UIDL, and by LIST where there is no UIDL or it does not tell of as many messages. */
export async function readMaildrop(session: Pop3Session, clock: Clock): Promise<Maildrop> {
  const { count } = await session.stat();
  const told = count === 0 ? null : await session.uidl();
  const sizes = new Map<number, number>();
  let hasAllSizes = false;
  const numbers = await numbersOf();
  const uids = uniqueIds(told ?? new Map());
  /** The numbers by the keys' texts; the unique-ids are in it from the first search on. */
  const byText = new Map<string, number>();
  let isSearched = false;
  const fingerprints = new Map<number, MaildropKey>();
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
    const counts = new Map<string, number>();
    for await (const { number, header } of topUntil(session, alike, { clock, until })) {
      if (header === null) continue;
      const size = sizes.get(number) ?? 0;
      const hash = headerHash(header);
      const nth = (counts.get(`${size}.${hash}`) ?? 0) + 1;
      counts.set(`${size}.${hash}`, nth);
      const key = fingerprint(size, hash, nth);
      fingerprints.set(number, key);
      byText.set(maildropKeyText(key), number);
    }
    for (const size of wanted) sizesDone.add(size);
  }

  return {
    numbers,
    keyOf,
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
    async sizesOf(some) {
      const missing = some.filter((number) => !sizes.has(number));
      const [only] = missing;
      if (missing.length === 1 && only !== undefined && !hasAllSizes) sizes.set(only, await session.listOne(only));
      else if (missing.length > 0) await allSizes();
      return sizes;
    },
    known() {
      const keys = numbers.map(keyOf).filter((key) => key !== null);
      return { keys, isAll: keys.length === numbers.length };
    },
  };
}

/** The ids that are well-formed and stand for one message only, by its number. */
function uniqueIds(told: Map<number, string>): Map<number, string> {
  const first = new Map<string, number>();
  const unique = new Map<number, string>();
  for (const [number, uid] of told) {
    const twin = first.get(uid);
    if (twin !== undefined) unique.delete(twin);
    else {
      first.set(uid, number);
      if (uniqueId.test(uid)) unique.set(number, uid);
    }
  }
  return unique;
}
