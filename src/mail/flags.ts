import { invalid } from "../errors.ts";

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

/** Fails `validation-failed` for a change of nothing, or with what is no keyword. */
export function assertFlagChange({ flags, keywords }: FlagChange): void {
  const named = [...keywords.add, ...keywords.remove];
  for (const keyword of named) assertKeyword(keyword);
  if (named.length > 0 || Object.values(flags).some((value) => value !== undefined)) return;
  throw invalid("", "empty-change", "Name at least one flag or keyword to change.");
}

/** A keyword is an atom (RFC 9051 §9 flag-keyword). Fails `validation-failed`. */
export function assertKeyword(keyword: string): void {
  if (!/^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]{1,100}$/.test(keyword)) {
    throw invalid(
      "/keywords",
      "invalid-keyword",
      'A keyword is visible ASCII without any of ( ) { % * " \\ ] and space.',
    );
  }
}
