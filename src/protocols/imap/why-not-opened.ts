import type { Failure } from "../../errors.ts";
import { failure, refusal } from "./failures.ts";
import type { Reply, Session } from "./session.ts";
import { stringOf, text } from "./wire.ts";

/**
 * Why SELECT or STATUS of a folder (raw path) was answered NO or BAD. A server without response codes, whose words say
 * nothing that we know, is asked whether it has the folder at all: `not-found` when it lists none.
 */
export async function whyNotOpened(session: Session, phase: string, path: string, reply: Reply): Promise<Failure> {
  const where = { host: session.host, phase };
  const { code, text: words } = reply;
  const told = refusal(reply.status === "BAD" ? "BAD" : "NO", code, words, where);
  if (told.code !== "refused-by-server" || code !== null) return told;
  const listed = await session.exec("LIST", [text(""), text(path)], { keep: ["LIST"], tolerate: true });
  const isListed = listed.untagged.some(({ attributes }) => stringOf(attributes?.[2]) === path);
  if (listed.status !== "OK" || isListed || path.toUpperCase() === "INBOX") return told;
  return failure("not-found", "The mail server has no such folder.", where, { code, text: words });
}
