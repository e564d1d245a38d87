import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mailbox, Matches, Page, Search } from "../../../src/mail/mailbox.ts";
import { matchSearch, type SearchFacts } from "../../../src/mail/match-search.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import type { Expression, Predicate } from "../../../src/mail/search.ts";
import { searchFacts } from "../../../src/mime/search-facts.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { pick, type Random, randomExpression, randomPredicate, seeded } from "../../mail/random-search.ts";
import { makeCertificates } from "../../servers/ca.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { type Imap4d, startImap4d } from "../../servers/imap4d.ts";
import { startImapWithout } from "../../servers/imap-without.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { randomMail } from "./random-mail.ts";
import { openOn, target } from "./session-on-dovecot.ts";

const count = 80;

type Bench = {
  /** The session that searches, and the one that changes what is there: another one, where the first is told of that. */
  open(): Promise<{ mailbox: Mailbox<ImapPlace>; other: Mailbox<ImapPlace> }>;
  /** Predicates that the server decides as a plain filter does. */
  ops: Predicate["op"][];
  stop(): Promise<void>;
};

const decidedHere =
  "messageId since before seen flagged answered draft hasAttachment filename largerThan smallerThan".split(" ");
const byDovecot = [...decidedHere, ..."from to cc bcc subject keyword".split(" ")];

const onDovecot = async (dovecot: Dovecot): Promise<Awaited<ReturnType<Bench["open"]>>> => {
  const user = dovecot.user();
  return { mailbox: await openOn(dovecot, user), other: await openOn(dovecot, user) };
};

async function fullDovecot(): Promise<Bench> {
  const dovecot = await startDovecot();
  return { open: () => onDovecot(dovecot), ops: byDovecot as Predicate["op"][], stop: () => dovecot.stop() };
}

async function poorDovecot(): Promise<Bench> {
  const scratch = makeScratch();
  const certificates = await makeCertificates(`${scratch}/ca`);
  const dovecot = await startDovecot({ certificates, capability: "IMAP4rev1 UIDPLUS" });
  const server = { host: dovecot.host, port: dovecot.ports.imap };
  const front = await startImapWithout(["ESEARCH", "CONDSTORE", "QRESYNC", "ENABLE"], server, certificates.valid);
  return {
    async open() {
      const user = dovecot.user();
      const how = target(user, front.port, { ca: dovecot.ca });
      return { mailbox: await openImap(how), other: await openOn(dovecot, user) };
    },
    ops: byDovecot as Predicate["op"][],
    async stop() {
      expect(front.refused).toEqual([]);
      await front.stop();
      await dovecot.stop();
      removeScratch(scratch);
    },
  };
}

async function imap4d(): Promise<Bench> {
  const server: Imap4d = await startImap4d();
  return {
    async open() {
      const mailbox = await openImap(target(server.user(), server.port, { security: "none" }));
      return { mailbox, other: mailbox };
    },
    // Its RFC822.SIZE counts what it adds to a header later.
    ops: decidedHere.filter((op) => !/Than|messageId/.test(op)) as Predicate["op"][],
    stop: () => server.stop(),
  };
}

/** A folder that others change, and what is in it, by UID. */
type Folder = {
  mailbox: Mailbox<ImapPlace>;
  other: Mailbox<ImapPlace>;
  facts: Map<number, SearchFacts>;
  random: Random;
};

async function store({ other, facts, random }: Folder, number: number): Promise<void> {
  const { raw, facts: own } = randomMail(random, number);
  const flags = (["seen", "flagged", "answered", "draft"] as const).filter((flag) => own.flags?.[flag]);
  const keywords = other.capabilities().keywords ? (own.keywords ?? []) : [];
  const place = await other.append("INBOX", raw, { flags, keywords, receivedAt: own.receivedAt ?? null }, null);
  const [summary] = place === null ? [] : await other.summaries([place]);
  if (summary) facts.set(summary.place.uid, { ...searchFacts(summary), folders: ["inbox"] });
  else await refresh({ other, facts });
}

/** What is there, as a listing tells it, where a server does not say what became of a message. */
async function refresh({ other, facts }: Pick<Folder, "other" | "facts">): Promise<void> {
  const { messages } = await other.list("INBOX", { limit: 200, after: null });
  facts.clear();
  for (const summary of messages) facts.set(summary.place.uid, { ...searchFacts(summary), folders: ["inbox"] });
}

async function removeOne({ other, facts, random }: Folder): Promise<void> {
  const uid = pick(random, [...facts.keys()]);
  const { uidValidity } = await other.status("INBOX");
  await other.remove([{ path: "INBOX", uidValidity, uid }]);
  facts.delete(uid);
}

const matching = ({ facts }: Folder, expression: Expression): number[] =>
  [...facts].flatMap(([uid, one]) => (matchSearch(expression, one) === true ? [uid] : [])).sort((a, b) => a - b);

type Told = Pick<Matches<ImapPlace>, "next" | "answer"> & { places: ImapPlace[] };

async function searched(mailbox: Mailbox<ImapPlace>, page: Page<ImapPlace>, wanted: Search): Promise<Told> {
  const { messages, ...rest } = await mailbox.search("INBOX", page, wanted);
  return { ...rest, places: messages.map(({ place }) => place) };
}

async function headed(mailbox: Mailbox<ImapPlace>, page: Page<ImapPlace>, wanted: Search): Promise<Told> {
  const { heads, ...rest } = await mailbox.heads("INBOX", page, wanted);
  return { ...rest, places: heads.map(({ place }) => place) };
}

/** All pages of a search, in the page's order; `between` is called after each. */
async function searchAll(
  { mailbox, random }: Folder,
  expression: Expression,
  order: "newest" | "oldest",
  between: () => Promise<void>,
): Promise<{ uids: number[]; isExact: boolean; total: number | undefined }> {
  const uids: number[] = [];
  let after: Page<ImapPlace>["after"] = null;
  let total: number | undefined;
  let isExact = true;
  do {
    const page: Page<ImapPlace> = { limit: pick(random, [1, 3, 10, 30]), after, order };
    const wanted: Search = { expression, count: after === null, until: Date.now() + 20_000 };
    const { next, answer, places } = await (random() < 0.5 ? searched : headed)(mailbox, page, wanted);
    uids.push(...places.map(({ uid }) => uid));
    total = answer.total ?? total;
    isExact &&= answer.exact && answer.undecided === 0;
    after = next;
    if (after !== null) await between();
  } while (after !== null);
  return { uids, isExact, total };
}

describe.each([
  ["Dovecot", fullDovecot],
  ["a poor Dovecot", poorDovecot],
  ["GNU imap4d", imap4d],
])("%s", (name, start) => {
  let bench: Bench;
  let folder: Folder;
  let stored = 0;

  beforeAll(async () => {
    bench = await start();
    folder = { ...(await bench.open()), facts: new Map(), random: seeded(name.length) };
    for (; stored < count; stored++) await store(folder, stored);
    await refresh(folder);
  });
  afterAll(async () => {
    await folder?.mailbox.close();
    await folder?.other.close();
    await bench?.stop();
  });

  const anyExpression = (): Expression => {
    const { random } = folder;
    return randomExpression(random, pick(random, [0, 1, 2, 3]), () => randomPredicate(random, bench.ops));
  };

  test("random searches, page by page in both orders, answer and count what a plain filter in memory does", async () => {
    let [compared, matched] = [0, 0];
    for (let round = 0; round < 150; round++) {
      const expression = anyExpression();
      const expected = matching(folder, expression);
      for (const order of ["newest", "oldest"] as const) {
        const { uids, isExact, total } = await searchAll(folder, expression, order, async () => {});
        if (!isExact) continue;
        compared++;
        if (expected.length > 0 && expected.length < count) matched++;
        const inOrder = order === "newest" ? expected.toReversed() : expected;
        expect([expression, uids, total]).toEqual([expression, inOrder, expected.length]);
      }
    }
    expect(compared).toBeGreaterThan(150);
    expect(matched).toBeGreaterThan(50);
  });

  test("what is there from the first page to the last is told once, whatever comes and goes", async () => {
    for (let round = 0; round < 25; round++) {
      const expression = anyExpression();
      const order = pick(folder.random, ["newest", "oldest"] as const);
      const before = matching(folder, expression);
      const { uids, isExact } = await searchAll(folder, expression, order, async () => {
        await removeOne(folder);
        if (folder.facts.size < count) await store(folder, stored++);
      });
      if (!isExact) continue;
      expect(uids).toEqual([...uids].sort((a, b) => (order === "newest" ? b - a : a - b)));
      expect(new Set(uids).size).toBe(uids.length);
      const after = new Set(matching(folder, expression));
      expect([expression, uids]).toEqual([expression, expect.arrayContaining(before.filter((uid) => after.has(uid)))]);
    }
  });
});
