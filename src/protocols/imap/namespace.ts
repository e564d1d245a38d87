import type { Session } from "./session.ts";

/** Where the user's own folders lie: a raw prefix, such as `INBOX.` or nothing, and the delimiter there. */
export type PersonalNamespace = { prefix: string; delimiter: string | null };

/**
 * As NAMESPACE told at login (RFC 2342); where the server has none, by its folders: if all of them lie below the inbox,
 * so will new ones.
 */
export function personalNamespace(
  session: Pick<Session, "namespace">,
  listed: { path: string; delimiter: string | null }[],
): PersonalNamespace {
  if (session.namespace) return session.namespace;
  const delimiter = listed.find((folder) => folder.delimiter)?.delimiter ?? null;
  const others = listed.filter(({ path }) => path.toUpperCase() !== "INBOX");
  const [first] = others;
  if (!delimiter || !first) return { prefix: "", delimiter };
  const isBelowInbox = ({ path }: { path: string }): boolean => path.toUpperCase().startsWith(`INBOX${delimiter}`);
  return { prefix: others.every(isBelowInbox) ? first.path.slice(0, 5 + delimiter.length) : "", delimiter };
}

/**
 * The raw path of the folder that a folder lies in, or null at the top: directly below the namespace's prefix is the top,
 * so that the same tree is told of both kinds of server.
 */
export function parentPathOf(
  { path, delimiter }: { path: string; delimiter: string | null },
  namespace: PersonalNamespace,
): string | null {
  const cut = delimiter ? path.lastIndexOf(delimiter) : -1;
  if (cut <= 0) return null;
  const isTop = path.slice(0, cut + (delimiter?.length ?? 0)).toUpperCase() === namespace.prefix.toUpperCase();
  return isTop ? null : path.slice(0, cut);
}
