import { Failure } from "../../errors.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import type { Call } from "./call.ts";

/**
 * Fails `unsupported-by-server` where one of these messages, by their numbers, is named by its fingerprint and others are like
 * it, or may be as its header can't be read: which of them the name meant can't be known once one of them has gone.
 */
export function assertAlone({ maildrop }: Pick<Call, "maildrop">, there: Map<number, MaildropPlace>): void {
  for (const [number, { key }] of there) {
    if (key.kind !== "fingerprint" || maildrop.isAlone(number)) continue;
    throw new Failure(
      "unsupported-by-server",
      "The server gives this message no id, and its size and header don't tell it from others.",
      { fix: "Remove it with another mail program, or remove the others first." },
    );
  }
}
