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
import { topUntil } from "./top-until.ts";

/** What is told of a message without its body. */
export type Told = {
  number: number;
  key: MaildropKey;
  /** Null where the server does not tell it. */
  size: number | null;
  facts: HeaderFacts;
  /** Why the server does not give the header; null where it is told. */
  refused: Failure | null;
};

/**
 * The headers of messages that were identified, in the order of the numbers; what turns out not to be there is absent. Those
 * that are not kept are read by TOP and kept from then on, also when reading all of them takes too long. One that the server
 * can't read is told without what its header says.
 */
export async function readHeaders(call: Call, numbers: readonly number[]): Promise<Told[]> {
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
  const isKnown = (key: MaildropKey): boolean => known?.has(maildropKeyText(key)) === true;
  const sizes = await maildrop.sizesOf([...keys].flatMap(([number, key]) => (isKnown(key) ? [] : [number])));
  for (const [number, key] of keys) {
    const header = known?.get(maildropKeyText(key));
    // One that the server tells another size of is another message.
    if (!header || header.size !== (sizes.get(number) ?? header.size)) continue;
    const facts = factsOf({ fields: header.header, isCut: false });
    told.set(number, { number, key, size: header.size, facts, refused: null });
  }

  const missing = [...keys.keys()].filter((number) => !told.has(number));
  const oldestKept = maildrop.numbers.at(-maxKeptHeaders) ?? 0;
  const read: KeptHeader[] = [];
  const tell = (number: number, listed: ListedFields | null, refused: Failure | null): void => {
    const key = keys.get(number);
    if (!key) return;
    const size = sizes.get(number) ?? null;
    told.set(number, { number, key, size, facts: listed ? factsOf(listed) : noFacts, refused });
    const isKept = listed && key.kind === "uidl" && size !== null && !listed.isCut && number >= oldestKept;
    if (isKept && listed.fields.length <= maxKeptHeaderOctets) read.push({ key, header: listed.fields, size });
  };
  const unread = missing.filter((number) => {
    const listed = maildrop.readFieldsOf(number);
    if (listed) tell(number, listed, null);
    return listed === null;
  });
  const isKept = unread.some((number) => keys.get(number)?.kind === "uidl");
  try {
    for await (const { number, header, refused } of topUntil(session, unread, { ...call, isKept })) {
      if (refused?.code !== "message-gone") tell(number, header && listedFields(header), refused);
    }
  } finally {
    if (read.length > 0) await bestEffort(call, kept.headers.put(read));
  }
  return numbers.flatMap((number) => told.get(number) ?? []);
}
