import { Failure, invalid } from "../../errors.ts";

/** A message's number in this session (RFC 1939 §3), as an argument. */
export function messageNumber(number: number): string {
  if (Number.isSafeInteger(number) && number > 0) return String(number);
  throw new Failure("internal", "A message number is out of range.");
}

/**
 * Refuses a user name or password that would end its line, or that the command can't carry; nothing is sent then.
 * `pointer` is where the caller gave it; `ascii` is false where UTF-8 may stand in the command (RFC 6856 §2.2).
 */
export function checkCredential(text: string, pointer: string, ascii: boolean): void {
  if (/[\r\n\0]/.test(text)) {
    throw invalid(pointer, "control-character", "A user name or password can't hold CR, LF or NUL.");
  }
  if (ascii && /\P{ASCII}/u.test(text)) {
    const detail = "This mail server takes no user name or password beyond ASCII.";
    throw new Failure("unsupported-by-server", detail, { errors: [{ pointer, code: "not-ascii", detail }] });
  }
}
