import { invalid } from "../../errors.ts";
import { assertFilterText, passesByTime } from "../../mail/filter.ts";
import type { Filter } from "../../mail/mailbox.ts";
import type { HeaderFacts } from "./header-facts.ts";

/** Fails `validation-failed` for a filter that means nothing. */
export function assertFilter({ from, subject, since, before }: Filter): void {
  if (from !== undefined) assertFilterText("from", from);
  if (subject !== undefined) assertFilterText("subject", subject);
  for (const [name, value] of Object.entries({ since, before })) {
    if (value === undefined || Number.isFinite(value)) continue;
    throw invalid(`?${name}`, "invalid-date", `${name} is an instant.`);
  }
}

/** Text is found in any case. */
export function passesByHeader(filter: Filter, { envelope, from, receivedAt }: HeaderFacts): boolean {
  if (filter.from !== undefined && !folded(from).includes(folded(filter.from))) return false;
  if (filter.subject !== undefined && !folded(envelope.subject).includes(folded(filter.subject))) return false;
  return passesByTime(filter, receivedAt);
}

function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
