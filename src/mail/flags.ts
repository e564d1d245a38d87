/** The system flags of RFC 9051 §2.3.2 that Postern shows; `\Deleted` and `\Recent` are never shown or set. */
export type Flags = { seen: boolean; flagged: boolean; answered: boolean; draft: boolean };

/** A change of flags and keywords: what is absent stays as it is. Never empty when it reaches a protocol. */
export type FlagChange = {
  flags: Partial<Flags>;
  keywords: { add: string[]; remove: string[] };
};

/** The IMAP name of each system flag. */
export const systemFlags = {
  seen: "\\Seen",
  flagged: "\\Flagged",
  answered: "\\Answered",
  draft: "\\Draft",
} as const satisfies Record<keyof Flags, string>;
