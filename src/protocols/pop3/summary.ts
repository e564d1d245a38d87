import type { Flags } from "../../mail/flags.ts";
import { type MaildropKey, maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import type { Call } from "./call.ts";
import { inbox } from "./call.ts";
import type { Told } from "./read-headers.ts";

export type KeptFlags = { flags: Flags; keywords: string[] };

const unflagged: KeptFlags = {
  flags: { seen: false, flagged: false, answered: false, draft: false },
  keywords: [],
};

/** What Postern keeps of these messages' flags. */
export async function flagsOf({ kept }: Call, keys: MaildropKey[]): Promise<(key: MaildropKey) => KeptFlags> {
  const flags = keys.length === 0 ? null : await kept.flags.get(keys);
  return (key) => flags?.get(maildropKeyText(key)) ?? unflagged;
}

/**
 * A message as a listing tells it. `structure` is null where the message was not read whole: POP3 tells nothing of it
 * otherwise, which is no fault of the message.
 */
export function toSummary(
  { key, size, facts }: Pick<Told, "key" | "size" | "facts">,
  { flags, keywords }: KeptFlags,
  structure: Part | null = null,
): Summary<MaildropPlace> {
  const { envelope, receivedAt, warnings } = facts;
  return {
    place: { path: inbox, key },
    key: null,
    thread: null,
    envelope,
    receivedAt,
    size: size ?? 0,
    flags: { ...flags },
    keywords: [...keywords],
    structure,
    warnings: size === null ? [...warnings, "size-missing"] : warnings,
  };
}
