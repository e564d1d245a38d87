import type { ImapFlow } from "imapflow";
import type { Session } from "./session.ts";
import { countSet } from "./uid-set.ts";
import { numberOf, stringOf, wireOf } from "./wire.ts";

/** Keeps `selected` up to date from now on; imapflow puts handlers of its own there when it connects. */
export function followFolder(session: Session, client: ImapFlow): void {
  const { untaggedHandlers } = wireOf(client);

  /** A server may tell fewer messages without having told which have gone. */
  const count = (exists: number): void => {
    const { selected } = session;
    if (!selected || exists === selected.exists) return;
    if (exists > selected.exists) selected.told.arrived += exists - selected.exists;
    else selected.told.expunged += selected.exists - exists;
    selected.exists = exists;
    session.onNews?.();
  };

  untaggedHandlers["EXISTS"] = async ({ command }) => {
    const exists = numberOf({ type: "ATOM", value: command });
    if (exists !== null) count(exists);
  };
  untaggedHandlers["EXPUNGE"] = async () => {
    if (session.selected) count(Math.max(0, session.selected.exists - 1));
  };
  untaggedHandlers["FETCH"] = async () => {
    if (!session.selected) return;
    session.selected.told.flags++;
    session.onNews?.();
  };
  // RFC 7162 §3.2.10: in place of EXPUNGE, or, as EARLIER, in answer to a question, and then the count is right already.
  untaggedHandlers["VANISHED"] = async ({ attributes = [] }) => {
    const { selected } = session;
    const set = stringOf(attributes.at(-1));
    if (!selected || set === null) return;
    selected.vanished.push(set);
    if (Array.isArray(attributes[0])) return;
    const gone = countSet(set);
    if (gone <= selected.exists) return count(selected.exists - gone);
    // More than there were: what has gone is to be looked for.
    selected.told.expunged++;
    session.onNews?.();
  };
}
