import type { Failure } from "../../errors.ts";
import {
  type KeptHeader,
  type MaildropKey,
  maildropKeyText,
  maxKeptHeaderOctets,
  maxKeptHeaders,
} from "../../mail/maildrop.ts";
import { bestEffort, type Call } from "./call.ts";
import { factsOf, type HeaderFacts, type ListedFields, listedFields, noFacts } from "./header-facts.ts";
import { topUntil, unlessLate } from "./top-until.ts";

/** Kept in place of a header that can't be kept, so that nobody tries to again and again; it counts as not kept. */
const unkeepable = Uint8Array.of(0);

/** What is told of a message without its body. */
export type Told = {
  number: number;
  key: MaildropKey;
  /** Null where the server does not tell it. */
  size: number | null;
  /** Null where the server does not give the header. */
  listed: ListedFields | null;
  readonly facts: HeaderFacts;
  /** Why the server does not give the header; null where it is told. */
  refused: Failure | null;
};

/**
 * The headers of messages that were identified, in the order of the numbers; what turns out not to be there is absent. Those
 * that are not kept are read by TOP and kept from then on, also when reading all of them takes too long. One that the server
 * can't read is told without what its header says.
 */
export async function readHeaders(call: Call, numbers: readonly number[]): Promise<Told[]> {
  const { told, late } = await readHeadersInTime(call, numbers);
  if (late) throw late;
  return told;
}

/** The same as far as the time allows: which it did not suffice for, and what there is to say of that; null where it did. */
export async function readHeadersInTime(
  call: Call,
  numbers: readonly number[],
): Promise<{ told: Told[]; unread: Set<number>; late: Failure | null }> {
  const { session, maildrop, kept } = call;
  const keys = new Map(
    numbers.flatMap((number) => {
      const key = maildrop.keyOf(number);
      return key === null ? [] : [[number, key] as const];
    }),
  );
  const told = new Map<number, Told>();
  // A fingerprint is known only once the header was read, so nothing is saved by keeping that.
  const keepable = [...keys.values()].filter(({ kind }) => kind === "uidl");
  const known = keepable.length === 0 ? null : await bestEffort(call, kept.headers.get(keepable));
  const isKnown = (key: MaildropKey): boolean => {
    const header = known?.get(maildropKeyText(key));
    return header !== undefined && !isUnkeepable(header);
  };
  const sizes = await maildrop.sizesOf([...keys].flatMap(([number, key]) => (isKnown(key) ? [] : [number])));
  for (const [number, key] of keys) {
    const header = known?.get(maildropKeyText(key));
    // One that the server tells another size of is another message.
    if (!header || isUnkeepable(header) || header.size !== (sizes.get(number) ?? header.size)) continue;
    told.set(number, toldOf(number, key, header.size, { fields: header.header, isCut: false }, null));
  }

  const missing = [...keys.keys()].filter((number) => !told.has(number));
  const oldestKept = maildrop.numbers.at(-maxKeptHeaders) ?? 0;
  const read: KeptHeader[] = [];
  const tell = (number: number, listed: ListedFields | null, refused: Failure | null): void => {
    const key = keys.get(number);
    if (!key) return;
    const size = sizes.get(number) ?? null;
    told.set(number, toldOf(number, key, size, listed, refused));
    const isKept = listed && key.kind === "uidl" && size !== null && number >= oldestKept;
    if (isKept && isKeepable(listed)) read.push({ key, header: listed.fields, size });
  };
  const unread = new Set(
    missing.filter((number) => {
      const listed = maildrop.readFieldsOf(number);
      if (listed) tell(number, listed, null);
      return listed === null;
    }),
  );
  const isKept = [...unread].some((number) => keys.get(number)?.kind === "uidl");
  let late: Failure | null = null;
  try {
    for await (const { number, header, refused } of topUntil(session, [...unread], { ...call, isKept })) {
      if (refused?.code !== "message-gone") tell(number, header && listedFields(header), refused);
      unread.delete(number);
    }
  } catch (error) {
    late = unlessLate(call)(error);
  } finally {
    if (read.length > 0) await bestEffort(call, kept.headers.put(read));
  }
  return { told: numbers.flatMap((number) => told.get(number) ?? []), unread, late };
}

/** A search asks for the facts of those alone that it finds. */
function toldOf(
  number: number,
  key: MaildropKey,
  size: number | null,
  listed: ListedFields | null,
  refused: Failure | null,
): Told {
  let facts: HeaderFacts | null = null;
  return {
    number,
    key,
    size,
    listed,
    refused,
    get facts() {
      return (facts ??= listed ? factsOf(listed) : noFacts);
    },
  };
}

/** What is kept of a header that was read, or of one that the server does not give. */
export function keptHeader(key: MaildropKey, header: Uint8Array | null, size: number): KeptHeader {
  const listed = header && listedFields(header);
  return { key, header: listed && isKeepable(listed) ? listed.fields : unkeepable, size };
}

function isKeepable({ fields, isCut }: ListedFields): boolean {
  return !isCut && fields.length <= maxKeptHeaderOctets;
}

function isUnkeepable({ header }: KeptHeader): boolean {
  return header.length === unkeepable.length && header[0] === unkeepable[0];
}
