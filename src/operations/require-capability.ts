import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";

const lacking = {
  folders: "This account's protocol has no folders but the inbox.",
  move: "This account's protocol can't move messages.",
  append: "This account's protocol can't store messages.",
} as const;

/** Fails `unsupported-by-protocol`, which names the capability, where the mailbox can't do it. */
export function requireCapability(
  mailbox: Pick<Mailbox, "capabilities">,
  capability: keyof typeof lacking,
  fix = "Store the account with IMAP, if its provider offers that.",
): void {
  if (mailbox.capabilities()[capability]) return;
  throw new Failure("unsupported-by-protocol", lacking[capability], { fix, extra: { capability } });
}
