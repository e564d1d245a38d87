import { invalid } from "../../errors.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";
import { atom, modSeqOf, numberOf, uint32Of, responseCode, stringsOf, text, type Token } from "./wire.ts";
import { whyNotOpened } from "./why-not-opened.ts";

/** Whether a raw folder path can be sent: a control character would end the line or the string. */
export function isPrintable(path: string): boolean {
  return path !== "" && !/\p{Cc}/u.test(path);
}

/** Whether the server keeps mod-sequences (RFC 7162). */
export function hasModSeqs({ has }: Pick<Session, "has">): boolean {
  return has("CONDSTORE") || has("QRESYNC");
}

/** A raw folder path as an argument. */
export function mailboxName(path: string): Token {
  if (!isPrintable(path)) {
    throw invalid("/folderId", "invalid-folder", "A folder path has no control characters and is not empty.");
  }
  return text(path);
}

/**
 * Makes a folder the selected one (RFC 9051 §6.3.2). Where it already is, `fresh` asks for news first (NOOP), so that a
 * message that came meanwhile is seen. `condstore` makes a server that can keep mod-sequences do so, and tell the folder's
 * (RFC 7162 §3.1.8). Fails: `not-found`.
 */
export async function selectFolder(
  session: Session,
  path: string,
  { fresh, condstore = false }: { fresh: boolean; condstore?: boolean },
): Promise<Selected> {
  if (session.selected?.path === path) {
    if (fresh) await session.exec("NOOP", []);
    // The server may have closed the folder meanwhile.
    if (session.selected?.path === path) return session.selected;
  }
  session.selected = null;
  const options = { keep: ["OK", "FLAGS", "EXISTS"], tolerate: true };
  const wanted = condstore && session.takesChangedSince && hasModSeqs(session) ? [[atom("CONDSTORE")]] : [];
  let reply = await session.exec("SELECT", [mailboxName(path), ...wanted], options);
  if (reply.status === "BAD" && wanted.length > 0) {
    session.takesChangedSince = false;
    reply = await session.exec("SELECT", [mailboxName(path)], options);
  }
  if (reply.status !== "OK") throw await whyNotOpened(session, "SELECT", path, reply);
  const selected: Selected = {
    path,
    uidValidity: 0,
    uidNext: null,
    exists: 0,
    permanentFlags: null,
    readOnly: reply.code === "READ-ONLY",
    modSeq: null,
    told: { arrived: 0, expunged: 0, flags: 0 },
    vanished: [],
  };
  for (const response of reply.untagged) {
    if (response.attributes?.[0]?.value === "EXISTS") {
      selected.exists = numberOf({ type: "ATOM", value: response.command }) ?? 0;
    }
    const told = responseCode(response);
    if (told?.code === "UIDVALIDITY") selected.uidValidity = uint32Of(told.args[0]) ?? 0;
    if (told?.code === "UIDNEXT") selected.uidNext = uint32Of(told.args[0]);
    if (told?.code === "HIGHESTMODSEQ") selected.modSeq = modSeqOf(told.args[0]);
    if (told?.code === "PERMANENTFLAGS" && Array.isArray(told.args[0])) {
      selected.permanentFlags = new Set(stringsOf(told.args[0]).map((flag) => flag.toLowerCase()));
    }
  }
  session.selected = selected;
  return selected;
}
