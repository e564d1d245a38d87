import { afterEach, describe, expect, test } from "vitest";
import type { Mailbox, MaildropPosition, Matches, Page } from "../../../src/mail/mailbox.ts";
import { maildropKeyText } from "../../../src/mail/maildrop.ts";
import { matchSearch } from "../../../src/mail/match-search.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { type Expression, normalise, type Predicate } from "../../../src/mail/search.ts";
import { systemClock } from "../../../src/observe.ts";
import { failureOf } from "../failure-of.ts";
import { pick, randomExpression, seeded } from "../../mail/random-search.ts";
import { makeMaildropBench, makeMessages, placeOf, subjectsOf, textsOf } from "./maildrop-bench.ts";
import { headerPredicate, maildropMail } from "./random-maildrop.ts";
import { hurried, type Message, usualCapa } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

type Open = () => Promise<Mailbox<MaildropPlace>>;
type Wanted = { order?: Page["order"]; limit?: number; after?: MaildropPosition | null; count?: boolean; ms?: number };

const minute = (number: number): number => Date.UTC(2026, 0, 1, 0, number);
const keywords = { add: [], remove: [] };
const without = { capa: ["USER", "TOP"], answers: { UIDL: "-ERR\r\n" } };
const unpipelined = usualCapa.filter((name) => name !== "PIPELINING");
const uids = (...numbers: number[]) => numbers.map((number) => `uidl:u${number}`);
const range = (from: number, to: number) =>
  Array.from({ length: Math.abs(from - to) + 1 }, (_, index) => from + (from < to ? index : -index));
const bySubject: Expression = { op: "subject", value: "message" };

function find(mailbox: Mailbox<MaildropPlace>, expression: Expression, wanted: Wanted = {}) {
  const { limit = 50, after = null, order = "newest", count = false, ms = 20_000 } = wanted;
  return mailbox.search("INBOX", { limit, after, order }, { expression, count, until: systemClock.now() + ms });
}

/** All pages, each on a login of its own. */
async function walk(open: Open, expression: Expression, wanted: Wanted = {}): Promise<string[]> {
  const seen: string[] = [];
  let after: MaildropPosition | null = null;
  do {
    const mailbox = await open();
    const page: Matches<MaildropPlace> = await find(mailbox, expression, { ...wanted, after });
    await mailbox.close();
    expect(page.answer).toMatchObject({ exact: true, undecided: 0 });
    seen.push(...textsOf(page));
    after = page.next;
  } while (after);
  return seen;
}

describe("a search", () => {
  test.for([
    [{ op: "not", of: { op: "seen" } }, range(250, 1).filter((number) => ![3, 77, 210].includes(number))],
    [{ op: "flagged" }, [78, 77]],
    [{ op: "and", of: [{ op: "flagged" }, { op: "not", of: { op: "seen" } }] }, [78]],
    [{ op: "keyword", value: "WORK" }, [77]],
    [{ op: "subject", value: "MESSAGE 12" }, [...range(129, 120), 12]],
    [{ op: "from", value: "jÜRGEN 240" }, [240]],
    [{ op: "from", value: "<j17@A.test" }, [17]],
    [{ op: "messageId", value: "<9@a.test>" }, [9]],
    [{ op: "header", name: "message-id", value: "99@" }, [199, 99]],
    [{ op: "header", name: "In-Reply-To", value: "" }, []],
    [{ op: "since", at: minute(247) }, range(250, 247)],
    [{ op: "since", at: minute(247) + 1 }, range(250, 248)],
    [
      {
        op: "and",
        of: [
          { op: "since", at: minute(5) },
          { op: "before", at: minute(8) },
        ],
      },
      range(7, 5),
    ],
    [{ op: "or", of: [{ op: "flagged" }, { op: "subject", value: "message 101" }] }, [101, 78, 77]],
    [{ op: "largerThan", octets: 1 }, range(250, 1)],
    [{ op: "none" }, []],
    [{ op: "all" }, range(250, 1)],
  ] as [Expression, number[]][])("of %j finds exactly those, in both orders", async ([expression, expected]) => {
    const { open, kept } = await bench.serve({ messages: makeMessages(250) });
    const keys = (...numbers: number[]) => numbers.map((number) => placeOf(`u${number}`).key);
    await kept.flags.change(keys(3, 77, 210), { flags: { seen: true }, keywords });
    await kept.flags.change(keys(77, 78), { flags: { flagged: true }, keywords });
    await kept.flags.change(keys(77), { flags: {}, keywords: { add: ["work"], remove: [] } });
    expect(await walk(open, expression, { limit: 30 })).toEqual(uids(...expected));
    expect(await walk(open, expression, { limit: 7, order: "oldest" })).toEqual(uids(...expected.toReversed()));
    const { answer, messages } = await find(await open(), expression, { limit: 1, count: true });
    expect([answer.total, messages.length]).toEqual([expected.length, Math.min(1, expected.length)]);
  });

  test.for([
    [true, 1],
    [true, 2],
    [false, 3],
  ] as [boolean, number][])(
    "equals a filter of what mail says; with unique-ids: %s, %i",
    { timeout: 60_000 },
    async ([hasUidl, seed]) => {
      const random = seeded(seed);
      const mail = range(1, hasUidl ? 220 : 40).map((number) => maildropMail(random, number));
      const messages = mail.map(({ raw }, index): Message => ({ uid: `u${index + 1}`, raw: raw.toString("latin1") }));
      const { open, kept } = await bench.serve({ messages, ...(!hasUidl && without) });
      const first = await open();
      const { messages: listed } = await find(first, { op: "all" }, { order: "oldest", limit: mail.length });
      expect(listed).toHaveLength(mail.length);
      const facts = mail.map((one) => one.facts);
      for (const [index, { place }] of listed.entries()) {
        const { flags = {}, keywords: add = [] } = facts[index] ?? {};
        await kept.flags.change([place.key], { flags, keywords: { add, remove: [] } });
      }
      let found = 0;
      for (let round = 0; round < 50; round++) {
        const expression = normalise(randomExpression(random, 3, () => headerPredicate(random)));
        const expected = listed.filter((_, index) => matchSearch(expression, facts[index] ?? {}));
        found += expected.length;
        const texts = expected.map(({ place }) => maildropKeyText(place.key));
        const order = pick(random, ["newest", "oldest"] as const);
        const limit = pick(random, [20, 50, 500]);
        const mailbox = round % 20 === 0 ? open : async () => ({ ...first, close: async () => {} });
        expect([expression, await walk(mailbox, expression, { limit, order })]).toEqual([
          expression,
          order === "oldest" ? texts : texts.toReversed(),
        ]);
      }
      expect(found).toBeGreaterThan(100);
    },
  );

  test("tells what a listing tells; its heads are the same places", async () => {
    const { open } = await bench.serve({ messages: makeMessages(9) });
    const mailbox = await open();
    const listing = await mailbox.list("INBOX", { limit: 4, after: null });
    const wanted = { expression: bySubject, count: false, until: systemClock.now() + 20_000 };
    const page: Page<MaildropPlace> = { limit: 4, after: null };
    const { messages, next, uidValidity } = await mailbox.search("INBOX", page, wanted);
    expect(messages).toEqual(listing.messages);
    expect(uidValidity).toBe(0);
    const { heads, ...rest } = await mailbox.heads("INBOX", page, wanted);
    expect(heads).toEqual(messages.map(({ place, receivedAt }) => ({ place, receivedAt })));
    expect(rest).toEqual({
      uidValidity: 0,
      next,
      answer: { engine: "headers", exact: true, undecided: 0 },
    });
  });

  test("that nobody has to decide says so, and of nothing asks for no message", async () => {
    const { asked } = await bench.serve({ messages: makeMessages(3) });
    const answers: unknown[] = [];
    const of = (op: "all" | "none") => async (mailbox: Mailbox<MaildropPlace>) =>
      answers.push((await find(mailbox, { op }, { count: true })).answer);
    expect(await asked(of("none"))).toEqual(["UIDL"]);
    await asked(of("all"));
    expect(answers).toEqual([
      { engine: "none", exact: true, undecided: 0, total: 0 },
      { engine: "none", exact: true, undecided: 0, total: 3 },
    ]);
  });

  test("by flags and sizes reads no header but of what it tells", async () => {
    const { asked, kept } = await bench.serve({ messages: makeMessages(300) });
    await kept.flags.change([placeOf("u9").key, placeOf("u2").key], { flags: { flagged: true }, keywords });
    expect(await asked((mailbox) => find(mailbox, { op: "flagged" }))).toEqual(["UIDL", "LIST", "TOP 9 0", "TOP 2 0"]);
    const small: Expression = { op: "and", of: [{ op: "flagged" }, { op: "largerThan", octets: 1_000_000 }] };
    expect(await asked((mailbox) => find(mailbox, small, { count: true }))).toEqual(["UIDL", "LIST"]);
    const large: Expression = { op: "largerThan", octets: 1 };
    const lines = await asked((mailbox) => find(mailbox, large, { limit: 3, count: true }));
    expect(lines.filter((line) => line.startsWith("TOP"))).toEqual(["TOP 300 0", "TOP 299 0", "TOP 298 0"]);
  });

  test("decides by size and flags first which headers it has to read", async () => {
    const { asked, kept } = await bench.serve({ messages: makeMessages(300) });
    await kept.flags.change([placeOf("u9").key, placeOf("u2").key], { flags: { flagged: true }, keywords });
    const lines = await asked((mailbox) =>
      find(mailbox, { op: "and", of: [{ op: "flagged" }, { op: "subject", value: "message 2" }] }),
    );
    expect(lines).toEqual(["UIDL", "LIST", "TOP 9 0", "TOP 2 0"]);
  });

  test("takes UIDL alone where all headers are kept", async () => {
    const { asked } = await bench.serve({ messages: makeMessages(250) });
    await asked((mailbox) => find(mailbox, { op: "subject", value: "nothing" }));
    expect(await asked((mailbox) => find(mailbox, bySubject, { count: true }))).toEqual(["UIDL"]);
  });

  test("passes over what the server can't read, and counts that", async () => {
    const poison = (line: string) => (/ 2\b/.test(line) ? "-ERR cannot read message file\r\n" : undefined);
    const { open } = await bench.serve({ messages: makeMessages(3), answers: { TOP: poison, RETR: poison } });
    const { messages, answer } = await find(await open(), bySubject, { count: true });
    expect(subjectsOf({ messages })).toEqual(["message 3", "message 1"]);
    expect(answer).toEqual({ engine: "headers", exact: true, undecided: 1, coverage: { known: 2, of: 3 } });
    const bySize = await find(await open(), { op: "largerThan", octets: 1 }, { count: true });
    expect(bySize.messages).toHaveLength(3);
    expect(bySize.answer).toEqual({ engine: "headers", exact: true, undecided: 0, total: 3 });
  });

  test("of a list of recipients that is cut finds who is in it, and of others can't tell", async () => {
    const to = Array.from({ length: 4000 }, (_, index) => ` person-${index}@somewhere.test`).join(",\r\n");
    const { open } = await bench.serve({ messages: makeMessages(1, () => [`To:${to}`]) });
    const found = async (value: string) => {
      const { messages, answer } = await find(await open(), { op: "to", value });
      return [messages.length, answer.undecided];
    };
    expect(await found("person-7@")).toEqual([1, 0]);
    expect(await found("person-3999@")).toEqual([0, 1]);
  });
});

describe("what can't be decided", () => {
  test.for([
    [{ op: "body", value: "a" }, "body"],
    [{ op: "text", value: "a" }, "text"],
    [{ op: "filename", value: "a" }, "filename"],
    [{ op: "hasAttachment" }, "hasAttachment"],
    [{ op: "header", name: "List-Id", value: "a" }, "header"],
    [{ op: "header", name: "Received", value: "a" }, "header"],
    [{ op: "header", name: "References", value: "" }, "header"],
  ] as [Predicate, string][])("%j is refused by name, and the server asked nothing", async ([predicate, named]) => {
    const { asked } = await bench.serve();
    const lines = await asked(async (mailbox) => {
      for (const expression of [
        predicate,
        { op: "or", of: [{ op: "seen" }, { op: "not", of: predicate }] },
      ] as Expression[]) {
        const failure = await failureOf(find(mailbox, expression));
        expect(failure).toMatchObject({
          code: "unsupported-by-protocol",
          message: expect.stringContaining(named),
          details: { extra: { predicate: named }, fix: expect.stringContaining("IMAP") },
        });
        expect(failure.details.errors).toBeUndefined();
      }
    });
    expect(lines).toEqual([]);
  });

  test("nor is another folder, or a page that means nothing, looked into", async () => {
    const { asked } = await bench.serve();
    const wanted = { expression: bySubject, count: false, until: systemClock.now() + 1_000 };
    const lines = await asked(async (mailbox) => {
      expect((await failureOf(mailbox.search("Nowhere", { limit: 1, after: null }, wanted))).code).toBe("not-found");
      expect((await failureOf(mailbox.heads("INBOX", { limit: 0, after: null }, wanted))).code).toBe(
        "validation-failed",
      );
    });
    expect(lines).toEqual([]);
  });
});

describe("a cursor", () => {
  /** What follows the first 4 of 10 when the maildrop holds these by then, in this order. */
  async function rest(order: "newest" | "oldest", left: number[], more: Message[] = []): Promise<string[]> {
    const messages = makeMessages(10);
    const before = await bench.serve({ messages });
    const first = await find(await before.open(), bySubject, { limit: 4, order });
    const now = [...left.map((number) => messages[number - 1] ?? { uid: "", raw: "" }), ...more];
    const mailbox = await (await bench.serve({ messages: now })).open();
    return subjectsOf(await find(mailbox, bySubject, { order, after: first.next }));
  }
  const told = (...numbers: number[]) => numbers.map((number) => `message ${number}`);
  const more = makeMessages(11).slice(10);

  test("goes on behind its message, or at the next one behind that is still there", async () => {
    expect(await rest("newest", range(1, 10), more)).toEqual(told(...range(6, 1)));
    expect(await rest("oldest", range(1, 10), more)).toEqual(told(...range(5, 11)));
    expect(await rest("newest", [1, 2, 5, 6, 8, 9, 10], more)).toEqual(told(6, 5, 2, 1));
    expect(await rest("oldest", [1, 2, 3, 5, 7, 9], more)).toEqual(told(5, 7, 9, 11));
    expect(await rest("oldest", [7, 9], more)).toEqual(told(7, 9, 11));
    expect((await failureOf(rest("oldest", [1, 2, 3, 9, 10]))).code).toBe("cursor-expired");
  });
});

describe("when the time is up", () => {
  /** A server that gives so many headers and then none for a while. */
  async function slow(count: number, stopsAt: () => number) {
    const clock = hurried(100);
    const TOP = (_: string, nth: number) => {
      if (nth < stopsAt()) return undefined;
      // Not before: what comes until then must come in time, also on a busy machine.
      clock.hurry();
      return { after: "silence" } as const;
    };
    const { open, kept } = await bench.serve({ messages: makeMessages(count), capa: unpipelined, answers: { TOP } });
    return { open, kept, clock: clock.onTime };
  }

  test("a page is short and goes on there, says of how many it knows, and counts nothing", async () => {
    let stops = 34;
    const { open, kept, clock } = await slow(60, () => stops);
    const mailbox = await open(clock);
    const first = await find(mailbox, { op: "subject", value: "message 3" }, { count: true });
    expect(first.answer).toEqual({ engine: "headers", exact: true, undecided: 0, coverage: { known: 34, of: 60 } });
    expect(textsOf(first)).toEqual(uids(...range(39, 30)));
    expect(first.next?.key).toBe("uidl:u27");
    expect(kept.put).toHaveLength(34);
    stops = Infinity;
    const second = await find(await open(), { op: "subject", value: "message 3" }, { after: first.next, count: true });
    expect(textsOf(second)).toEqual(uids(3));
    expect(second).toMatchObject({ next: null, answer: { total: 11 } });
    expect(second.answer.coverage).toBeUndefined();
    expect(kept.put).toHaveLength(60);
    expect(new Set(kept.put).size).toBe(60);
  });

  test("something is read first all the same: who goes on with the cursor gets to the end", async () => {
    const { open, kept } = await bench.serve({ messages: makeMessages(45) });
    expect(await walk(open, { op: "subject", value: "message 4" }, { ms: -1 })).toEqual(uids(...range(45, 40), 4));
    expect(kept.put).toHaveLength(45);
  });

  test("without unique-ids it goes on all the same", async () => {
    const { open } = await bench.serve({ messages: makeMessages(45), ...without });
    expect(await walk(open, { op: "subject", value: "message 4" }, { ms: -1 })).toHaveLength(7);
  });

  test("and there was not one message, that is a failure", async () => {
    const { open, kept, clock } = await slow(60, () => 0);
    const failure = await failureOf(find(await open(clock), bySubject));
    expect(failure).toMatchObject({ code: "upstream-timeout", details: { fix: expect.any(String) } });
    expect(kept.put).toEqual([]);
  });

  test("a line that dies is a failure, and what was read is kept", async () => {
    const TOP = (_: string, nth: number) => (nth >= 15 ? ({ after: "reset" } as const) : undefined);
    const { open, kept } = await bench.serve({ messages: makeMessages(60), capa: unpipelined, answers: { TOP } });
    expect((await failureOf(find(await open(), bySubject))).code).toBe("upstream-unreachable");
    expect(kept.put).toHaveLength(15);
  });
});

describe("coverage", () => {
  test("is told until all headers are known, and nothing is counted by reading very many", async () => {
    const { open } = await bench.serve({ messages: makeMessages(300) });
    const of = async (wanted: Wanted) => (await find(await open(), bySubject, wanted)).answer;
    expect(await of({ limit: 10, count: true })).toMatchObject({ coverage: { known: 10, of: 300 } });
    expect(await of({ limit: 120 })).toMatchObject({ coverage: { known: 150, of: 300 } });
    expect(await of({ limit: 10, count: true })).toEqual({
      engine: "headers",
      exact: true,
      undecided: 0,
      total: 300,
    });
  });

  test("is of what a call reads itself where nothing can be kept", async () => {
    const { open, kept, logged } = await bench.serve({ messages: makeMessages(60) });
    kept.breakDown("headers", "keepOnly");
    const { answer, messages } = await find(await open(), bySubject, { limit: 5 });
    expect(messages).toHaveLength(5);
    expect(answer.coverage).toEqual({ known: 5, of: 60 });
    expect(logged).toContain("maildrop.not_kept");
  });
});
