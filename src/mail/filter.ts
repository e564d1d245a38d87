import { invalid } from "../errors.ts";
import type { Flags } from "./flags.ts";
import type { Filter } from "./mailbox.ts";

/** Fails `validation-failed` for text that no header holds; some of it would end a protocol's line or string. */
export function assertFilterText(name: "from" | "subject", value: string): void {
  // oxlint-disable-next-line no-control-regex -- these are what must not pass
  if (value !== "" && !/[\u0000-\u001f\u007f]/.test(value) && value.isWellFormed()) return;
  throw invalid(`?${name}`, "invalid-text", `${name} is text of at least one character, without control characters.`);
}

export function passesByFlags({ unseen, flagged }: Filter, flags: Flags): boolean {
  if (unseen !== undefined && flags.seen === unseen) return false;
  return flagged === undefined || flags.flagged === flagged;
}

/** A message without a date of arrival is in no span of time. */
export function passesByTime({ since, before }: Filter, receivedAt: number | null): boolean {
  if (since !== undefined && (receivedAt === null || receivedAt < since)) return false;
  return before === undefined || (receivedAt !== null && receivedAt < before);
}
