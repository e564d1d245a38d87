import { Failure } from "../../errors.ts";
import { type Expression, normalise, type Predicate, predicatesOf } from "../../mail/search.ts";
import { compileSearch, isListed } from "./compile-search.ts";
import { countWindow, isRefused } from "./run-search.ts";
import { searchServer } from "./search-server.ts";
import type { Session } from "./session.ts";

/**
 * Finds out which predicates of a search, refused as a whole, the server refuses alone: what a listing tells is decided here
 * from now on, in this session. Fails `unsupported-by-server` for any other, and where it refuses none alone.
 */
export async function learnRefused(session: Session, expression: Expression, whole: Failure): Promise<void> {
  const predicates = oneOfEach(predicatesOf(normalise(expression)));
  let hasLearnt = false;
  for (const predicate of predicates.filter(({ op }) => !session.unsearchable.has(op))) {
    const refused = await refusalOf(session, predicate);
    if (refused === null) continue;
    if (!isListed(predicate)) throw unsupported(predicate.op, refused);
    session.unsearchable.add(predicate.op);
    hasLearnt = true;
  }
  if (hasLearnt) return;
  throw new Failure(
    "unsupported-by-server",
    "The mail server refuses this search, though none of its conditions alone.",
    {
      ...whole.details,
      fix: "Search for less at once.",
    },
  );
}

/** One of each kind that a server may refuse apart from others: of a text, also one that is not ASCII. */
function oneOfEach(predicates: Predicate[]): Predicate[] {
  const kinds = new Map(predicates.map((each) => [`${each.op} ${"value" in each && isAscii(each.value)}`, each]));
  return [...kinds.values()];
}

/** How the server refuses a predicate alone; null where it does not. */
async function refusalOf(session: Session, predicate: Predicate): Promise<Failure | null> {
  const { program } = compileSearch(predicate, searchServer(session));
  if (program === null) return null;
  try {
    await countWindow(session, program, { low: 1, high: 1 });
    return null;
  } catch (error) {
    if (!isRefused(session, error)) throw error;
    return error;
  }
}

function unsupported(op: Predicate["op"], { details }: Failure): Failure {
  const isCharset = details.upstream?.responseCode === "BADCHARSET";
  return new Failure(
    "unsupported-by-server",
    isCharset
      ? `The mail server can't search \`${op}\` for text that is not ASCII.`
      : `The mail server can't search by \`${op}\`.`,
    { ...details, fix: isCharset ? `Search \`${op}\` for ASCII text.` : `Leave \`${op}\` out of the search.` },
  );
}

function isAscii(value: string): boolean {
  return /^[\u0020-\u007e]*$/.test(value);
}
