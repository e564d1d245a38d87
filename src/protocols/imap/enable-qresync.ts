import type { Session } from "./session.ts";
import { atom, stringsOf } from "./wire.ts";

/**
 * Makes the server tell which messages have gone (RFC 7162 §3.2.3), in place of EXPUNGE. Only while no folder is selected.
 * Where the server has no QRESYNC, or does not say that it is enabled, nothing changes.
 */
export async function enableQresync(session: Session): Promise<void> {
  if (!session.has("QRESYNC") || !session.has("ENABLE")) return;
  const reply = await session.exec("ENABLE", [atom("QRESYNC")], { keep: ["ENABLED"], tolerate: true });
  const enabled = reply.untagged.flatMap(({ attributes }) => stringsOf(attributes));
  session.qresync = reply.status === "OK" && enabled.some((name) => name.toUpperCase() === "QRESYNC");
}
