import type { ImapFlow } from "imapflow";
import { wireOf } from "./wire.ts";

/** What servers have announced, most recently used last. */
const shared = new Map<string, ImapFlow["capabilities"]>();
const mostShared = 100;

/** Characters of an announcement that is shared; a usual one has less than a thousand. */
const longest = 4_096;

/**
 * Has the connections to servers that announce the same capabilities keep them once: that is 5 kB for each. Only after the
 * login: from then on imapflow puts others in their place, and changes none.
 */
export function shareCapabilities(client: ImapFlow): void {
  const announced = JSON.stringify([...client.capabilities]);
  if (announced.length > longest) return;
  const known = shared.get(announced) ?? client.capabilities;
  shared.delete(announced);
  shared.set(announced, known);
  const oldest = shared.keys().next().value;
  if (shared.size > mostShared && oldest !== undefined) shared.delete(oldest);
  client.capabilities = known;
  wireOf(client).rawCapabilities = null;
}
