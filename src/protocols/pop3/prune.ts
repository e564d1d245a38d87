import { bestEffort, type Call } from "./call.ts";

/**
 * Forgets what is kept of messages that are gone. Where not all messages are known by name, only of those with unique-ids; where
 * none has one, only of those without: a server that tells none now may have told them yesterday.
 */
export async function prune(call: Call): Promise<void> {
  const { maildrop, kept, clock } = call;
  const { keys, isAll } = maildrop.known();
  const uidls = keys.filter(({ kind }) => kind === "uidl");
  const hasNone = uidls.length === 0 && maildrop.numbers.length > 0;
  if (hasNone && !isAll) return;
  const kind = hasNone ? "fingerprint" : isAll ? undefined : "uidl";
  await bestEffort(call, kept.keepOnly(isAll ? keys : uidls, clock.now(), kind));
}
