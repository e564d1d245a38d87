import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { Fact, FolderCursor, FolderWatching, Look, Since } from "../../src/mail/watch.ts";

/** What one or more looks have told of a folder. */
export type Told = { created: number[]; changed: number[]; vanished: number[]; subjects: string[] };

/** A folder as somebody who looks at it again and again knows it. */
export type Mirror = {
  facts: Map<number, Fact>;
  cursor(): FolderCursor;
  /** Looks until there is no more, and keeps what is told. Null: UIDVALIDITY is another. */
  look(mailbox: Mailbox, change?: Partial<Since>): Promise<Told | null>;
};

export function watchingOf({ watching }: Mailbox): FolderWatching {
  if (watching.kind === "folders") return watching;
  throw new Error("this is a maildrop");
}

/** Sees the folder for the first time. */
export async function mirror(mailbox: Mailbox, path = "INBOX", window = 10_000): Promise<Mirror> {
  const survey = await watchingOf(mailbox).survey(path, window);
  const facts = new Map<number, Fact>();
  for await (const some of survey.facts) for (const fact of some) facts.set(fact.uid, fact);
  let cursor = survey.cursor;
  return {
    facts,
    cursor: () => cursor,
    async look(session, change = {}) {
      const told: Told = { created: [], changed: [], vanished: [], subjects: [] };
      for (;;) {
        const known = [...facts.keys()].sort((a, b) => a - b);
        const since = {
          cursor,
          known: async () => known,
          lowest: known[0] ?? cursor.uidNext,
          rereadFlags: 1_000,
          limit: 100,
        };
        const seen = await watchingOf(session).look(path, { ...since, ...change });
        if (seen === null) return null;
        keep(facts, seen, told);
        cursor = seen.cursor;
        if (!seen.more) return told;
      }
    },
  };
}

function keep(facts: Map<number, Fact>, { created, changed, vanished }: Look, told: Told): void {
  for (const { place, flags, keywords, key, envelope } of created) {
    if (facts.has(place.uid)) throw new Error(`${place.uid} was told as new twice`);
    facts.set(place.uid, { uid: place.uid, flags, keywords, key });
    told.created.push(place.uid);
    told.subjects.push(envelope.subject);
  }
  for (const fact of changed) {
    const before = facts.get(fact.uid);
    if (JSON.stringify(before) === JSON.stringify(fact)) continue;
    facts.set(fact.uid, fact);
    told.changed.push(fact.uid);
  }
  for (const uid of vanished) {
    if (!facts.delete(uid)) throw new Error(`${uid} is told as gone and was not known`);
    told.vanished.push(uid);
  }
}
