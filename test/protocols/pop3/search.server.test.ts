import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mailbox, MaildropPosition, Matches } from "../../../src/mail/mailbox.ts";
import { maildropKeyText } from "../../../src/mail/maildrop.ts";
import { matchSearch, type SearchFacts } from "../../../src/mail/match-search.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { type Expression, normalise } from "../../../src/mail/search.ts";
import type { ServerLogin } from "../../../src/mail/server.ts";
import type { Connection, Dial } from "../../../src/net/connection.ts";
import { systemClock } from "../../../src/observe.ts";
import { dialNode } from "../../../src/protocols/pop3/dial-node.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { fillHeaders } from "../../../src/watching/fill-headers.ts";
import { pick, randomExpression, seeded } from "../../mail/random-search.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { fillMaildir } from "../../servers/maildir.ts";
import type { User } from "../../servers/mailboxes.ts";
import { startMailutilsPop3d } from "../../servers/pop3d.ts";
import { provision } from "../../servers/provision.ts";
import { accountRow } from "../../store/rows.ts";
import { failureOf } from "../failure-of.ts";
import { type KeptInMemory, keptInMemory } from "./kept-maildrop.ts";
import { textsOf } from "./maildrop-bench.ts";
import { dateOf, headerPredicate, maildropMail } from "./random-maildrop.ts";
import { target } from "./scripted-pop3.ts";

/** Opens a maildrop anew, and counts the commands that ask for headers or messages. */
type Opened = {
  open: () => Promise<Mailbox<MaildropPlace>>;
  asked: Record<"TOP" | "RETR", number>;
  kept: KeptInMemory;
};

function opener(user: User, port: number, change: Partial<ServerLogin>): Opened {
  const asked = { TOP: 0, RETR: 0 };
  const kept = keptInMemory();
  const counted = (line: Connection): Connection => ({
    read: () => line.read(),
    write(octets) {
      for (const word of ["TOP", "RETR"] as const)
        asked[word] += Buffer.from(octets).toString("latin1").split(`${word} `).length - 1;
      return line.write(octets);
    },
    get unread() {
      return line.unread;
    },
    get lost() {
      return line.lost;
    },
    startTls: async () => counted(await line.startTls()),
    destroy: () => line.destroy(),
  });
  const dial: Dial = async (...args) => counted(await dialNode(...args));
  const options = target(port, { ...user, ...change }, systemClock, dial);
  return { asked, kept, open: () => openMaildrop({ ...options, kept, log: { write() {} } }) };
}

type Wanted = { order?: "newest" | "oldest"; limit?: number; after?: MaildropPosition | null; count?: boolean };

function find(mailbox: Mailbox<MaildropPlace>, expression: Expression, wanted: Wanted = {}) {
  const { limit = 50, after = null, order = "newest", count = false } = wanted;
  return mailbox.search("INBOX", { limit, after, order }, { expression, count, until: systemClock.now() + 20_000 });
}

async function onceOpen<T>(opened: Opened, work: (mailbox: Mailbox<MaildropPlace>) => Promise<T>): Promise<T> {
  const mailbox = await opened.open();
  try {
    return await work(mailbox);
  } finally {
    await mailbox.close();
  }
}

/** Random searches of random mail, each page on a login of its own now and then, against a filter in memory. */
async function equalsAFilter(opened: Opened, facts: SearchFacts[], seed: number): Promise<void> {
  const random = seeded(seed);
  const all = await onceOpen(opened, (mailbox) => find(mailbox, { op: "all" }, { order: "oldest", limit: 1_000 }));
  const listed = all.messages.map(({ place, size, envelope }) => {
    const number = facts.findIndex((_, index) => Date.parse(dateOf(index)) === envelope.date);
    return { place, facts: { ...facts[number], size } };
  });
  expect(new Set(listed.map((one) => one.facts))).toHaveProperty("size", facts.length);
  await onceOpen(opened, async (mailbox) => {
    for (const {
      place,
      facts: { flags = {}, keywords: add = [] },
    } of listed)
      await mailbox.setFlags([place], { flags, keywords: { add, remove: [] } });
  });
  let found = 0;
  let shared = await opened.open();
  try {
    for (let round = 0; round < 60; round++) {
      const expression = normalise(randomExpression(random, 3, () => headerPredicate(random)));
      const order = pick(random, ["newest", "oldest"] as const);
      const limit = pick(random, [9, 50, 500]);
      const matching = listed.filter((one) => matchSearch(expression, one.facts));
      const expected = matching.map(({ place }) => maildropKeyText(place.key));
      const seen: string[] = [];
      let after: MaildropPosition | null = null;
      do {
        if (random() < 0.1) {
          await shared.close();
          shared = await opened.open();
        }
        const page: Matches<MaildropPlace> = await find(shared, expression, { order, limit, after, count: true });
        const { exact, undecided, total } = page.answer;
        expect({ exact, undecided, total }).toEqual({ exact: true, undecided: 0, total: expected.length });
        seen.push(...textsOf(page));
        after = page.next;
      } while (after);
      expect([expression, seen]).toEqual([expression, order === "oldest" ? expected : expected.toReversed()]);
      found += seen.length;
    }
  } finally {
    await shared.close();
  }
  expect(found).toBeGreaterThan(500);
}

const refused: Expression[] = [{ op: "body", value: "a" }, { op: "hasAttachment" }];

async function refusesByName(opened: Opened): Promise<void> {
  await onceOpen(opened, async (mailbox) => {
    for (const of of refused) {
      expect(await failureOf(find(mailbox, { op: "and", of: [{ op: "seen" }, of] }))).toMatchObject({
        code: "unsupported-by-protocol",
        details: { extra: { predicate: of.op } },
      });
    }
  });
}

describe("Dovecot", () => {
  let dovecot: Dovecot;
  beforeAll(async () => {
    await provision(["dovecot"]);
    dovecot = await startDovecot();
  });
  afterAll(() => dovecot?.stop());

  function opened(user: User): Opened {
    return opener(user, dovecot.ports.pop3s, { security: "tls", tls: { ca: dovecot.ca, servername: null } });
  }

  test("random searches find what a filter in memory finds, page by page in both orders", async () => {
    const user = dovecot.user();
    const random = seeded(11);
    fillMaildir(dovecot.maildir(user), 0);
    const mail = Array.from({ length: 230 }, (_, index) => maildropMail(random, index));
    for (const [index, { raw }] of mail.entries()) {
      const name = `${dovecot.maildir(user)}/new/1700000000.${10_000 + index}.random`;
      writeFileSync(name, raw.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    }
    const maildrop = opened(user);
    await equalsAFilter(
      maildrop,
      mail.map(({ facts }) => facts),
      12,
    );
    await refusesByName(maildrop);
    expect(maildrop.asked).toEqual({ TOP: 230, RETR: 0 });
  }, 120_000);

  test("2,000 messages are known after a few looks; until then a search says of how many, and then needs no TOP", async () => {
    const user = dovecot.user();
    fillMaildir(dovecot.maildir(user), 2_000);
    const maildrop = opened(user);
    const { asked } = maildrop;
    const of = (expression: Expression) =>
      onceOpen(maildrop, (mailbox) => find(mailbox, expression, { limit: 5, count: true }));
    const first = await of({ op: "subject", value: "e" });
    expect(first.answer.coverage?.of).toBe(2_000);
    expect(first.answer.coverage?.known).toBeLessThan(200);
    expect(first.answer.total).toBeUndefined();

    const needs = {
      clock: systemClock,
      log: { write() {} },
      every: { folders: 60_000, maildrop: 300_000 },
      mailboxes: {
        awaited: () => false,
        rests: () => false,
        lend: () => Promise.reject(new Error("nobody lends")),
        watch: () => Promise.reject(new Error("nobody watches")),
      },
    };
    const took: number[] = [];
    while (maildrop.kept.put.length < 2_000 && took.length < 8) {
      await onceOpen(maildrop, async ({ watching }) => {
        if (watching.kind !== "maildrop") throw new Error("this is no maildrop");
        const started = performance.now();
        await fillHeaders(needs, accountRow(), watching, new AbortController().signal);
        took.push(performance.now() - started);
      });
    }
    console.log(`looks at 2,000 messages filled in ${took.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}`);
    expect(new Set(maildrop.kept.put).size).toBe(2_000);
    expect(Math.max(...took)).toBeLessThan(6_000);
    expect(asked).toEqual({ TOP: 2_000, RETR: 0 });

    const started = performance.now();
    const { answer, messages } = await of({ op: "not", of: { op: "from", value: "nobody-there" } });
    console.log(`a search and its count over 2,000 kept headers: ${(performance.now() - started).toFixed(0)} ms`);
    expect(messages).toHaveLength(5);
    expect(answer).toEqual({ engine: "headers", exact: true, undecided: 0, total: 2_000 });
    expect(asked).toEqual({ TOP: 2_000, RETR: 0 });
  }, 120_000);
});

describe("GNU mailutils pop3d", () => {
  let server: Awaited<ReturnType<typeof startMailutilsPop3d>>;
  beforeAll(async () => {
    server = await startMailutilsPop3d();
  });
  afterAll(() => server?.stop());

  test("random searches find what a filter in memory finds, and bodies are refused", async () => {
    const user = server.user();
    const random = seeded(21);
    const mail = Array.from({ length: 60 }, (_, index) => maildropMail(random, index));
    for (const { raw } of mail)
      await server.deliver(user, Buffer.from(raw.toString("latin1").replaceAll("\r\n", "\n"), "latin1"));
    const maildrop = opener(user, server.port, { security: "starttls", tls: { ca: server.ca, servername: null } });
    await equalsAFilter(
      maildrop,
      mail.map(({ facts }) => facts),
      22,
    );
    await refusesByName(maildrop);
    expect(maildrop.asked.RETR).toBe(0);
  }, 120_000);
});
