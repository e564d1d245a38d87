import { type Lacking, unsupportedByProtocol } from "../mail/capabilities.ts";
import type { Mailbox } from "../mail/mailbox.ts";

/** Fails `unsupported-by-protocol`, which names the capability, where the mailbox can't do it: before the server is asked. */
export function requireCapability(mailbox: Pick<Mailbox, "capabilities">, capability: Lacking): void {
  if (!mailbox.capabilities()[capability]) throw unsupportedByProtocol(capability);
}
