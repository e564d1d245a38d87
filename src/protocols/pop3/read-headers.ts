import {
  type KeptHeader,
  type MaildropKey,
  maildropKeyText,
  maxKeptHeaderOctets,
  maxKeptHeaders,
} from "../../mail/maildrop.ts";
import { bestEffort, type Call } from "./call.ts";
import { factsOf, type HeaderFacts, listedFields } from "./header-facts.ts";
import { topUntil } from "./top-until.ts";

/** What is told of a message without its body. `size` is null where the server does not tell it. */
export type Told = { number: number; key: MaildropKey; size: number | null; facts: HeaderFacts };

/**
 * The headers of messages that were identified, in the order of the numbers; what turns out not to be there is absent. Those
 * that are not kept are read by TOP and kept from then on, also when reading all of them takes too long.
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
  for (const [number, key] of keys) {
    const header = known?.get(maildropKeyText(key));
    if (!header) continue;
    told.set(number, { number, key, size: header.size, facts: factsOf({ fields: header.header, isCut: false }) });
  }

  const missing = [...keys.keys()].filter((number) => !told.has(number));
  const sizes = await maildrop.sizesOf(missing);
  const oldestKept = maildrop.numbers.at(-maxKeptHeaders) ?? 0;
  const read: KeptHeader[] = [];
  try {
    for await (const { number, header } of topUntil(session, missing, call)) {
      const key = keys.get(number);
      if (header === null || !key) continue;
      const listed = listedFields(header);
      const size = sizes.get(number) ?? null;
      told.set(number, { number, key, size, facts: factsOf(listed) });
      const isKept = key.kind === "uidl" && size !== null && !listed.isCut && number >= oldestKept;
      if (isKept && listed.fields.length <= maxKeptHeaderOctets) read.push({ key, header: listed.fields, size });
    }
  } finally {
    if (read.length > 0) await bestEffort(call, kept.headers.put(read));
  }
  return numbers.flatMap((number) => told.get(number) ?? []);
}
