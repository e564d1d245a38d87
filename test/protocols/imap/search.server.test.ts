import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate, matchPredicate, matchSearch, type SearchFacts } from "../../../src/mail/match-search.ts";
import type { Expression, Predicate } from "../../../src/mail/search.ts";
import { searchFacts } from "../../../src/mime/search-facts.ts";
import { compileSearch, type SearchProgram } from "../../../src/protocols/imap/compile-search.ts";
import { numberOf, wireOf } from "../../../src/protocols/imap/wire.ts";
import { pick, randomExpression, randomPredicate, seeded } from "../../mail/random-search.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import type { User } from "../../servers/mailboxes.ts";
import { type RandomMail, randomMail } from "./random-mail.ts";
import { openOn } from "./session-on-dovecot.ts";

const count = 120;
const server = { substrings: true, gmail: false };

/** Subjects that some way of folding takes for the same, and some way does not. */
const folded = (
  "ﬁ fi ǆ Ǆ ǅ dž DŽ İ i ı I ſ s ς Σ σ ① 1 Å Å A a ½ 1⁄2 ａ ᾳ ᾼ Αι ß ss SS ẞ K k é e É Ω ω Ω … ... Ⅷ ⅷ viii Ð ð đ Ł ł Æ æ ae " +
  "가 각 ㄱ が か ｶﾞ カ ꭰ Ꭰ 𐐨 𐐀 𝐚 ⅓ ﷺ ŉ ՙ և ա Ա ა Ა ₙ n ² 2 ǰ j ¨ ü ´ \u037a a\u00a0b a\u2003b a\u200bb e\u0301 q\u0323\u0307 q\u0307\u0323 \u0301"
).split(/ /);

let dovecot: Dovecot;
let user: User;
let client: ImapFlow;
/** By UID. */
const stored = new Map<number, RandomMail>();
const listed = new Map<number, SearchFacts>();

beforeAll(async () => {
  dovecot = await startDovecot();
  user = dovecot.user();
  const mailbox = await openOn(dovecot, user);
  const random = seeded(40);
  for (let number = 1; number <= count; number++) {
    const mail = randomMail(random, number);
    const { flags, keywords = [], receivedAt = null } = mail.facts;
    const set = (["seen", "flagged", "answered", "draft"] as const).filter((flag) => flags?.[flag]);
    const place = await mailbox.append("INBOX", mail.raw, { flags: set, keywords, receivedAt }, null);
    if (place === null) throw new Error("nobody knows where the message lies");
    stored.set(place.uid, mail);
  }
  const { messages } = await mailbox.list("INBOX", { limit: count, after: null });
  for (const summary of messages) listed.set(summary.place.uid, { ...searchFacts(summary), folders: ["inbox"] });
  for (const subject of folded) {
    const raw = Buffer.from(`Subject: =?utf-8?B?${Buffer.from(subject).toString("base64")}?=\r\n\r\n`);
    await mailbox.append("Archive", raw, { flags: [], keywords: [], receivedAt: null }, null);
  }
  await mailbox.close();
  client = new ImapFlow({
    host: "127.0.0.1",
    port: dovecot.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth: { user: user.username, pass: user.password },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
});

afterAll(async () => {
  await client?.logout();
  await dovecot?.stop();
});

function isSameSet(expected: string[]): (told: string[]) => boolean {
  return (told) => told.length === expected.length && expected.every((each) => told.includes(each));
}

async function found({ charset, criteria }: SearchProgram): Promise<Set<number>> {
  const uids = new Set<number>();
  const { next } = await wireOf(client).exec("UID SEARCH", [...charset, ...criteria], {
    untagged: {
      SEARCH: async ({ numbers, attributes = [] }) => {
        for (const uid of numbers ?? attributes.map((attribute) => numberOf(attribute) ?? 0)) uids.add(uid);
      },
    },
  });
  next();
  return uids;
}

/** The UIDs that a search of ours answers with. */
async function search(expression: Expression): Promise<{ uids: number[]; exact: boolean }> {
  const { program, residual, asks, exact } = compileSearch(expression, server);
  if (program === null) return { uids: [], exact };
  const asked = new Map<Predicate, Set<number>>();
  for (const [predicate, own] of asks) asked.set(predicate, await found(own));
  const uids = [...(await found(program))].filter((uid) =>
    evaluate(
      residual,
      (predicate) => asked.get(predicate)?.has(uid) ?? matchPredicate(predicate, listed.get(uid) ?? {}),
    ),
  );
  return { uids, exact };
}

function plainFilter(expression: Expression): number[] {
  return [...stored].flatMap(([uid, { facts }]) => (matchSearch(expression, facts) === true ? [uid] : []));
}

describe("on Dovecot", () => {
  test("what a listing tells of a message is what was stored", () => {
    for (const [uid, { facts }] of stored) {
      const { headers: _, keywords = [], ...told } = facts;
      expect(listed.get(uid)).toEqual({ ...told, keywords: expect.toSatisfy(isSameSet(keywords)) });
    }
  });

  test("random searches answer what a plain filter in memory does", async () => {
    const random = seeded(41);
    const ops =
      "from to cc bcc subject header messageId since before seen flagged answered draft hasAttachment keyword filename largerThan smallerThan inFolder".split(
        " ",
      ) as Predicate["op"][];
    let matched = 0;
    let compared = 0;
    for (let round = 0; round < 1_500; round++) {
      const depth = pick(random, [0, 0, 1, 2, 3, 4]);
      const expression = randomExpression(random, depth, () => randomPredicate(random, ops));
      const { uids, exact } = await search(expression);
      if (!exact) continue;
      compared++;
      const expected = plainFilter(expression);
      if (expected.length > 0 && expected.length < count) matched++;
      expect([expression, uids]).toEqual([expression, expected]);
    }
    expect(compared).toBeGreaterThan(1_000);
    expect(matched).toBeGreaterThan(300);
  });

  test("the whole text is searched, though nobody says that this is exact", async () => {
    for (const op of ["text", "body"] as const) {
      const { uids, exact } = await search({ op, value: "größe" });
      expect(exact).toBe(false);
      expect(uids.length).toBeGreaterThan(0);
    }
  });

  test.each([
    "a".repeat(500),
    "ü".repeat(500),
    "() { * % } [ ]",
    "\\Seen",
    '"\\"',
    "{3}",
    "NIL",
    "🙂",
    "\u2028?x",
    "-1?",
  ])("any text can be searched for: %s", async (value) => {
    for (const op of ["subject", "from", "text"] as const) expect((await search({ op, value })).uids).toEqual([]);
  });

  test("text is folded as Dovecot folds it", async () => {
    await client.mailboxOpen("Archive");
    for (const value of folded) {
      const { uids } = await search({ op: "subject", value });
      const matching = folded.filter((subject) => matchPredicate({ op: "subject", value }, { subject }) === true);
      expect([value, uids.map((uid) => folded[uid - 1])]).toEqual([value, matching]);
    }
    await client.mailboxOpen("INBOX");
  });

  test("white space, folded or not, is one space", async () => {
    const path = "Sent";
    const subjects = ["one two", "one  two", "one\ttwo", "one\r\n two", "one\r\n\t two", "one \r\n two"];
    const mailbox = await openOn(dovecot, user);
    for (const subject of subjects)
      await mailbox.append(
        path,
        Buffer.from(`Subject: ${subject}\r\n\r\n`),
        { flags: [], keywords: [], receivedAt: null },
        null,
      );
    await mailbox.close();
    await client.mailboxOpen(path);
    for (const value of ["one two", "one  two", "one\u2003two"])
      expect([value, (await search({ op: "subject", value })).uids]).toEqual([
        value,
        subjects.map((_, index) => index + 1),
      ]);
    await client.mailboxOpen("INBOX");
  });

  test("a hundred conditions", async () => {
    const any = Array.from({ length: 99 }, (_, index): Expression => ({ op: "subject", value: `none${index} ü` }));
    expect((await search({ op: "or", of: any })).uids).toEqual([]);
    expect((await search({ op: "not", of: { op: "or", of: any } })).uids).toHaveLength(count);
  });
});
