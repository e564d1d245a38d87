import { invalid } from "../../errors.ts";
import type { Filter } from "../../mail/mailbox.ts";
import type { HeaderFacts } from "./header-facts.ts";
import type { KeptFlags } from "./summary.ts";

/** Fails `validation-failed` for a filter that means nothing. */
export function assertFilter({ from, subject, since, before }: Filter): void {
  for (const [name, value] of Object.entries({ from, subject })) {
    if (value === undefined) continue;
    // oxlint-disable-next-line no-control-regex -- no header holds these
    if (value !== "" && !/[\u0000-\u001f\u007f]/.test(value) && value.isWellFormed()) continue;
    throw invalid(`?${name}`, "invalid-text", `${name} is text of at least one character, without control characters.`);
  }
  for (const [name, value] of Object.entries({ since, before })) {
    if (value === undefined || Number.isFinite(value)) continue;
    throw invalid(`?${name}`, "invalid-date", `${name} is an instant.`);
  }
}

export function passesByFlags({ unseen, flagged }: Filter, { flags }: KeptFlags): boolean {
  if (unseen !== undefined && flags.seen === unseen) return false;
  return flagged === undefined || flags.flagged === flagged;
}

/** Text is found in any case; a message without a date of arrival is in no span of time. */
export function passesByHeader(filter: Filter, { envelope, from, receivedAt }: HeaderFacts): boolean {
  if (filter.from !== undefined && !folded(from).includes(folded(filter.from))) return false;
  if (filter.subject !== undefined && !folded(envelope.subject).includes(folded(filter.subject))) return false;
  if (filter.since !== undefined && (receivedAt === null || receivedAt < filter.since)) return false;
  return filter.before === undefined || (receivedAt !== null && receivedAt < filter.before);
}

function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
