import { describe, expect, test } from "vitest";
import type { Mailbox, Matches, Page, Search } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import type { Expression } from "../../../src/mail/search.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { failureOf } from "../failure-of.ts";
import { openDialog } from "./dialog.ts";
import type { ScriptedImap } from "./scripted-imap.ts";
import { type Mail, type SearchFolder, searchFolder } from "./scripted-search.ts";

const plain = "IMAP4rev1 UIDPLUS MOVE";
const extended = `${plain} ESEARCH`;
const partial = `${extended} PARTIAL`;

const unseen: Expression = { op: "not", of: { op: "seen" } };
const report: Expression = { op: "subject", value: "report" };
const from2030: Expression = { op: "since", at: Date.parse("2030-01-01T00:00:00Z") };

type Scene = {
  folder: SearchFolder;
  server: ScriptedImap;
  mailbox: Mailbox<ImapPlace>;
  search: (
    expression: Expression,
    page?: Partial<Page<ImapPlace>>,
    how?: Partial<Search>,
  ) => Promise<Matches<ImapPlace>>;
  /** The SEARCH commands since the last call. */
  searched: () => string[];
};

/** Time stands still unless the clock is the test's: how large windows are goes by how long they take. */
async function start(mails: Mail[], capability: string, clock = createFakeClock()): Promise<Scene> {
  const folder = searchFolder(mails);
  const { mailbox, server } = await openDialog({ capability, script: folder.script }, { clock });
  let heard = server.commands.length;
  return {
    folder,
    server,
    mailbox,
    search: (expression, page = {}, how = {}) =>
      mailbox.search(
        "INBOX",
        { limit: 2, after: null, ...page },
        { expression, count: false, until: clock.now() + 20_000, ...how },
      ),
    searched() {
      const since = server.commands.slice(heard);
      heard = server.commands.length;
      return since.filter((command) => command.includes("SEARCH"));
    },
  };
}

const some = (...uids: number[]): Mail[] => uids.map((uid) => ({ uid }));
const uidsOf = ({ messages }: Matches<ImapPlace>): number[] => messages.map(({ place }) => place.uid);

/** All pages, and how many there were. */
async function pagesOf(scene: Scene, expression: Expression, order: "newest" | "oldest"): Promise<number[][]> {
  const pages: number[][] = [];
  let after: Page<ImapPlace>["after"] = null;
  do {
    const page: Matches<ImapPlace> = await scene.search(expression, { after, order });
    pages.push(uidsOf(page));
    after = page.next;
  } while (after !== null);
  return pages;
}

describe.each([
  ["plain", plain, ""],
  ["ESEARCH", extended, "RETURN (ALL) "],
])("with %s", (_, capability, how) => {
  test("pages in both orders", async () => {
    const scene = await start(
      [{ uid: 10, flags: "\\Seen" }, ...some(11, 12, 13, 14), { uid: 15, flags: "\\Seen" }],
      capability,
    );
    expect(await pagesOf(scene, unseen, "newest")).toEqual([
      [14, 13],
      [12, 11],
    ]);
    expect(scene.searched()).toEqual([`UID SEARCH ${how}1:6 UNSEEN`, `UID SEARCH ${how}1:3 UID 1:12 UNSEEN`]);
    expect(await pagesOf(scene, unseen, "oldest")).toEqual([
      [11, 12],
      [13, 14],
    ]);
    expect(scene.searched()).toEqual([`UID SEARCH ${how}1:6 UNSEEN`, `UID SEARCH ${how}4:6 UID 13:* UNSEEN`]);
  });
});

describe("with PARTIAL (RFC 9394)", () => {
  test("no more is told than is needed, from the end that counts", async () => {
    const scene = await start(some(10, 11, 12, 13, 14), partial);
    expect(await pagesOf(scene, unseen, "newest")).toEqual([[14, 13], [12, 11], [10]]);
    expect(scene.searched()).toEqual([
      "UID SEARCH RETURN (PARTIAL -1:-2) 1:5 UNSEEN",
      "UID SEARCH RETURN (PARTIAL -1:-2) 1:3 UID 1:12 UNSEEN",
      "UID SEARCH RETURN (PARTIAL -1:-2) 1:1 UID 1:10 UNSEEN",
    ]);
    expect(await pagesOf(scene, unseen, "oldest")).toEqual([[10, 11], [12, 13], [14]]);
    expect(scene.searched()[1]).toBe("UID SEARCH RETURN (PARTIAL 1:2) 3:5 UID 12:* UNSEEN");
  });

  test("where what was told is not enough, it is asked on in the same window", async () => {
    const old = { at: "20-Dec-2029 10:00:00 +0000", words: ["SINCE"] };
    const late = { at: "02-Jan-2030 10:00:00 +0000", words: ["SINCE"] };
    const mails = [{ uid: 10, ...late }, { uid: 11, ...late }, ...[12, 13, 14, 15].map((uid) => ({ uid, ...old }))];
    const scene = await start(mails, partial);
    expect(uidsOf(await scene.search(from2030))).toEqual([11, 10]);
    expect(scene.searched()).toEqual([
      "UID SEARCH RETURN (PARTIAL -1:-2) 1:6 SINCE 31-Dec-2029",
      "UID SEARCH RETURN (PARTIAL -1:-4) 1:6 UID 1:13 SINCE 31-Dec-2029",
    ]);
  });

  test("the windows are as large as they may be", async () => {
    const mails = Array.from({ length: 200_000 }, (_, index): Mail => ({ uid: index + 1, flags: "\\Seen" }));
    const scene = await start([{ uid: 1 }, ...mails.slice(1)], partial);
    expect(uidsOf(await scene.search(unseen))).toEqual([1]);
    expect(scene.searched()).toEqual([
      "UID SEARCH RETURN (PARTIAL -1:-2) 195001:200000 UNSEEN",
      "UID SEARCH RETURN (PARTIAL -1:-4) 145001:195000 UNSEEN",
      "UID SEARCH RETURN (PARTIAL -1:-8) 1:145000 UNSEEN",
    ]);
  });
});

describe("what is announced and refused", () => {
  test.each([
    ["PARTIAL", /PARTIAL/, ["UID SEARCH RETURN (PARTIAL -1:-2) 1:3 UNSEEN", "UID SEARCH RETURN (ALL) 1:3 UNSEEN"]],
    [
      "ESEARCH",
      /RETURN/,
      ["UID SEARCH RETURN (PARTIAL -1:-2) 1:3 UNSEEN", "UID SEARCH RETURN (ALL) 1:3 UNSEEN", "UID SEARCH 1:3 UNSEEN"],
    ],
  ])("%s is not asked for again", async (_, refused, tried) => {
    const scene = await start(some(10, 11, 12), partial);
    scene.folder.refuse = (command) => (refused.test(command) ? "BAD unknown argument" : undefined);
    expect(uidsOf(await scene.search(unseen))).toEqual([12, 11]);
    expect(scene.searched()).toEqual(tried);
    expect(uidsOf(await scene.search(unseen))).toEqual([12, 11]);
    expect(scene.searched()).toEqual(tried.slice(-1));
  });

  test("what is refused for another reason is no reason to do without", async () => {
    const scene = await start(some(10, 11, 12), extended);
    scene.folder.refuse = (command) => (/SEARCH.*BODY/.test(command) ? "NO not here" : undefined);
    await failureOf(scene.search({ op: "body", value: "report" }));
    scene.searched();
    expect(uidsOf(await scene.search(unseen))).toEqual([12, 11]);
    expect(scene.searched()).toEqual(["UID SEARCH RETURN (ALL) 1:3 UNSEEN"]);
  });
});

describe("what the server can't search by", () => {
  test("is named, alone", async () => {
    const scene = await start(some(10, 11, 12), plain);
    scene.folder.refuse = (command) => (/SEARCH.*BODY/.test(command) ? "NO not here" : undefined);
    const both: Expression = { op: "and", of: [report, { op: "body", value: "x" }] };
    const { code, message, details } = await failureOf(scene.search(both));
    expect([code, message]).toEqual(["unsupported-by-server", "The mail server can't search by `body`."]);
    expect(details).toMatchObject({
      fix: expect.stringContaining("`body`"),
      upstream: { phase: "UID SEARCH", text: "not here" },
    });
    expect(scene.mailbox.dead).toBe(false);
    const { code: none } = await failureOf(
      scene.mailbox.heads(
        "INBOX",
        { limit: 2, after: null },
        { expression: { op: "not", of: { op: "body", value: "x" } }, count: false, until: Number.MAX_SAFE_INTEGER },
      ),
    );
    expect(none).toBe("unsupported-by-server");
  });

  test("text that is not ASCII, by BADCHARSET", async () => {
    const scene = await start([{ uid: 10, words: ["SUBJECT"] }], plain);
    scene.folder.refuse = (command) => (command.includes("CHARSET") ? "NO [BADCHARSET (US-ASCII)] no" : undefined);
    const both: Expression = { op: "and", of: [report, { op: "from", value: "größe" }] };
    const { code, message } = await failureOf(scene.search(both));
    expect([code, message]).toEqual([
      "unsupported-by-server",
      "The mail server can't search `from` for text that is not ASCII.",
    ]);
    expect(scene.searched().at(-1)).toMatch(/^UID SEARCH CHARSET UTF-8 1:1 FROM \{7\}/);
    expect(uidsOf(await scene.search(report))).toEqual([10]);
  });

  test("is decided here where a listing tells it", async () => {
    const mails = [{ uid: 10, flags: "work" }, { uid: 11 }, { uid: 12, flags: "Work" }];
    const scene = await start(mails, plain);
    scene.folder.refuse = (command) => (command.includes("KEYWORD") ? "BAD what?" : undefined);
    const work: Expression = { op: "keyword", value: "work" };
    expect(uidsOf(await scene.search(work))).toEqual([12, 10]);
    expect(scene.searched()).toEqual([
      "UID SEARCH 1:3 KEYWORD work",
      "UID SEARCH 1:1 KEYWORD work",
      "UID SEARCH 1:3 ALL",
    ]);
    expect(uidsOf(await scene.search({ op: "not", of: work }))).toEqual([11]);
    expect(scene.searched()).toEqual(["UID SEARCH 1:3 ALL"]);
    const counted = await scene.search(work, { limit: 1 }, { count: true });
    expect([uidsOf(counted), counted.answer]).toEqual([
      [12],
      { engine: "server", exact: true, undecided: 0, total: 2 },
    ]);
  });

  test("a search that is refused though no part of it is", async () => {
    const scene = await start(some(10, 11), plain);
    scene.folder.refuse = (command) => (/OR /.test(command) ? "BAD too complex" : undefined);
    const { code, details } = await failureOf(scene.search({ op: "or", of: [report, { op: "flagged" }] }));
    expect(code).toBe("unsupported-by-server");
    expect(details.upstream).toMatchObject({ text: "too complex" });
  });

  test("who is told to come back later is not told that it can't be", async () => {
    const scene = await start(some(10, 11), plain);
    scene.folder.refuse = (command) => (command.includes("SEARCH") ? "NO [UNAVAILABLE] later" : undefined);
    expect((await failureOf(scene.search(unseen))).code).toBe("upstream-throttled");
    expect(scene.searched()).toHaveLength(1);
  });
});

describe("Gmail", () => {
  const attached: Expression = { op: "hasAttachment" };

  test("is asked for attachments in its own words, and what it finds is looked at", async () => {
    const mails = [
      { uid: 10, attached: true },
      { uid: 11, words: ["has:attachment"] },
      { uid: 12, words: ["has:attachment"], attached: true },
    ];
    const scene = await start(mails, `${plain} X-GM-EXT-1`);
    const found = await scene.search(attached);
    expect(uidsOf(found)).toEqual([12]);
    expect(found.answer).toEqual({ engine: "server", exact: false, undecided: 0 });
    expect(scene.searched()).toEqual(['UID SEARCH 1:3 X-GM-RAW "has:attachment"']);
  });

  test("which refuses that, is asked for all", async () => {
    const scene = await start([{ uid: 10, attached: true }, { uid: 11 }], `${plain} X-GM-EXT-1`);
    scene.folder.refuse = (command) => (command.includes("X-GM-RAW") ? "BAD could not parse" : undefined);
    expect(uidsOf(await scene.search(attached))).toEqual([10]);
  });
});

describe("what only the server can tell beside other conditions", () => {
  const either: Expression = { op: "or", of: [report, from2030] };
  const words = ["OR"];

  test("is asked of those messages alone for which it matters", async () => {
    const mails = [
      { uid: 10, words },
      { uid: 11, words: [...words, "SUBJECT"] },
      { uid: 12, words, at: "02-Jan-2030 10:00:00 +0000" },
    ];
    const scene = await start(mails, plain);
    expect(uidsOf(await scene.search(either, { limit: 5 }))).toEqual([12, 11]);
    expect(scene.searched()).toEqual([
      'UID SEARCH 1:3 OR SUBJECT "report" SINCE 31-Dec-2029',
      'UID SEARCH UID 10:11 SUBJECT "report"',
    ]);
  });

  test("and not at all where it matters for none", async () => {
    const scene = await start([{ uid: 12, words, at: "02-Jan-2030 10:00:00 +0000" }], plain);
    expect(uidsOf(await scene.search(either))).toEqual([12]);
    expect(scene.searched()).toHaveLength(1);
  });
});

/** A folder that takes several windows, of which some messages are unseen. */
const large = (count: number, ...unseenUids: number[]): Mail[] =>
  Array.from({ length: count }, (_, index) => ({
    uid: index + 1,
    flags: unseenUids.includes(index + 1) ? "" : "\\Seen",
  }));

test("a large folder is searched in windows that grow, from the end that counts", async () => {
  const scene = await start(large(210_000, 1), extended);
  expect(uidsOf(await scene.search(unseen))).toEqual([1]);
  const windows = ["205001:210000", "155001:205000", "55001:155000", "1:55000"];
  expect(scene.searched()).toEqual(windows.map((window) => `UID SEARCH RETURN (ALL) ${window} UNSEEN`));
  expect(uidsOf(await scene.search(unseen, { limit: 1, order: "oldest" }))).toEqual([1]);
  expect(scene.searched()).toEqual(["UID SEARCH RETURN (ALL) 1:5000 UNSEEN"]);
});

test.each(["newest", "oldest"] as const)(
  "nothing is lost, and nothing told twice, when others go meanwhile: %s",
  async (order) => {
    const unseenUids = [3, 4_999, 5_001, 5_002, 5_003, 6_999, 7_001, 7_002, 11_998];
    const scene = await start(large(12_000, ...unseenUids), plain);
    const pages: number[] = [];
    let after: Page<ImapPlace>["after"] = null;
    for (let round = 0; round < 20; round++) {
      scene.folder.refuse = (command) => {
        if (command.startsWith("UID SEARCH"))
          scene.folder.expunge(1 + round, 4_000 + round, 5_010 + round, 7_010 + round, 9_000 + round);
        return undefined;
      };
      const page: Matches<ImapPlace> = await scene.search(unseen, { limit: 4, after, order });
      pages.push(...uidsOf(page));
      after = page.next;
      if (after === null) break;
    }
    const left = unseenUids.filter((uid) => scene.folder.mails.some((mail) => mail.uid === uid));
    const told = pages.filter((uid) => left.includes(uid));
    expect(told).toEqual(order === "newest" ? left.toReversed() : left);
    expect(new Set(pages).size).toBe(pages.length);
  },
);

describe("a cursor whose message does not stand where it did", () => {
  test.each([
    ["ESEARCH", extended],
    ["plain", plain],
    ["neither", "IMAP4rev1"],
  ])("with %s, the page goes on at the right one", async (_, capability) => {
    const scene = await start(some(20, 30, 40, 50), capability);
    for (const sequence of [2, 3, 4, 5, 30]) {
      const after = { uid: 30, sequence };
      expect(uidsOf(await scene.search(unseen, { after, order: "oldest" }))).toEqual([40, 50]);
      expect(uidsOf(await scene.search(unseen, { after }))).toEqual([20]);
    }
    const gone = { uid: 35, sequence: 3 };
    expect(uidsOf(await scene.search(unseen, { after: gone, order: "oldest" }))).toEqual([40, 50]);
    expect(uidsOf(await scene.search(unseen, { after: gone }))).toEqual([30, 20]);
    const last = await scene.search(unseen, { after: { uid: 60, sequence: 9 }, order: "oldest" });
    expect([uidsOf(last), last.next]).toEqual([[], null]);
  });
});

describe("counting", () => {
  test("by the server where it can", async () => {
    const scene = await start(large(120_000, 1, 2, 3, 119_999), extended);
    const { answer, next } = await scene.search(unseen, { limit: 1 }, { count: true });
    expect([answer.total, next]).toEqual([4, { uid: 119_999, sequence: 119_999 }]);
    expect(scene.searched().slice(1)).toEqual([
      "UID SEARCH RETURN (COUNT) 115001:120000 UNSEEN",
      "UID SEARCH RETURN (COUNT) 65001:115000 UNSEEN",
      "UID SEARCH RETURN (COUNT) 1:65000 UNSEEN",
    ]);
  });

  test("by what it finds where it can't, and not again where the page holds all", async () => {
    const scene = await start(some(10, 11, 12), plain);
    expect((await scene.search(unseen, { limit: 1 }, { count: true })).answer.total).toBe(3);
    scene.searched();
    expect((await scene.search(unseen, { limit: 5 }, { count: true })).answer.total).toBe(3);
    expect(scene.searched()).toHaveLength(1);
  });

  test("of times by when each message came, of those days alone that may be either", async () => {
    const times = ["25-Dec-2029", "31-Dec-2029", "01-Jan-2030", "31-Dec-2029", "02-Jan-2030", "25-Jan-2030"];
    const scene = await start(
      times.map((at, index) => ({ uid: index + 10, at: `${at} 23:59:59 +0000` })),
      extended,
    );
    scene.folder.finds = ({ at = "" }, key) =>
      [...key.matchAll(/(NOT )?SINCE (\S+)/g)].every(([, not, day = ""]) => {
        const isSince = Date.parse(at.slice(0, 11)) >= Date.parse(day);
        return (not === undefined) === isSince;
      });
    expect((await scene.search(from2030, { limit: 1 }, { count: true })).answer.total).toBe(3);
    expect(scene.searched()).toEqual([
      "UID SEARCH RETURN (ALL) 1:6 SINCE 31-Dec-2029",
      "UID SEARCH RETURN (COUNT) 1:6 SINCE 3-Jan-2030",
      "UID SEARCH RETURN (ALL) 1:6 SINCE 31-Dec-2029 NOT SINCE 3-Jan-2030",
    ]);
  });
});

describe("heads", () => {
  const wanted = { expression: unseen, count: false, until: Number.MAX_SAFE_INTEGER };

  test("tell places and times, and ask for no more than that", async () => {
    const scene = await start(
      [{ uid: 10 }, { uid: 12, flags: "\\Seen" }, { uid: 13, at: "02-Jan-2026 00:00:00 +0100" }],
      plain,
    );
    const before = scene.server.commands.length;
    const { heads, next, uidValidity } = await scene.mailbox.heads("INBOX", { limit: 5, after: null }, wanted);
    const place = { path: "INBOX", uidValidity: 7 };
    expect([heads, next, uidValidity]).toEqual([
      [
        { place: { ...place, uid: 13 }, receivedAt: Date.parse("2026-01-01T23:00:00Z") },
        { place: { ...place, uid: 10 }, receivedAt: Date.parse("2026-01-01T10:00:00Z") },
      ],
      null,
      7,
    ]);
    expect(scene.server.commands.slice(before).filter((command) => command.includes("FETCH"))).toEqual([
      "UID FETCH 10,13 (UID FLAGS INTERNALDATE RFC822.SIZE)",
    ]);
  });

  test("of what is known ask for flags alone, and tell all of it", async () => {
    const scene = await start(
      some(10, 11, 12).map((mail) => ({ ...mail, words: ["SUBJECT"] })),
      plain,
    );
    const { messages } = await scene.mailbox.list("INBOX", { limit: 3, after: null });
    const before = scene.server.commands.length;
    const { heads } = await scene.mailbox.heads("INBOX", { limit: 5, after: null }, { ...wanted, expression: report });
    expect(heads).toEqual(
      messages.map((summary) => ({ place: summary.place, receivedAt: summary.receivedAt, summary })),
    );
    expect(scene.server.commands.slice(before)).toEqual([
      "NOOP",
      'UID SEARCH 1:3 SUBJECT "report"',
      "UID FETCH 10:12 (UID FLAGS)",
    ]);
    const { next } = await scene.mailbox.heads("INBOX", { limit: 2, after: null }, { ...wanted, expression: report });
    expect(next).toEqual({ uid: 11, sequence: 2 });
  });

  test("look at whole messages where the search needs it", async () => {
    const scene = await start([{ uid: 10, attached: true }, { uid: 11 }], plain);
    const { heads } = await scene.mailbox.heads(
      "INBOX",
      { limit: 5, after: null },
      { ...wanted, expression: { op: "hasAttachment" } },
    );
    expect(heads.map(({ place }) => place.uid)).toEqual([10]);
  });
});

describe("time", () => {
  test("a server that does not answer is given up", async () => {
    const clock = createFakeClock();
    const scene = await start(some(10, 11), plain, clock);
    scene.folder.refuse = (command) => (command.includes("SEARCH") ? "" : undefined);
    const failed = failureOf(scene.search(unseen));
    await expect.poll(() => scene.searched()).toHaveLength(1);
    await clock.advance(20_001);
    expect((await failed).code).toBe("upstream-timeout");
    expect(scene.mailbox.dead).toBe(true);
  });

  test("the deadline is over all commands together", async () => {
    const clock = createFakeClock();
    const scene = await start(some(10, 11), plain, clock);
    scene.folder.refuse = (command) => {
      if (command.includes("SEARCH")) void clock.advance(15_000);
      return command.includes("FETCH") ? "" : undefined;
    };
    const failed = failureOf(scene.search(unseen));
    await expect.poll(() => scene.server.commands.at(-1)).toContain("FETCH");
    await clock.advance(5_001);
    expect((await failed).code).toBe("upstream-timeout");
    expect(scene.mailbox.dead).toBe(true);
  });

  test("who comes too late costs no session", async () => {
    const clock = createFakeClock();
    const scene = await start(some(10, 11), plain, clock);
    const late = scene.search(unseen, {}, { until: clock.now() });
    expect((await failureOf(late)).code).toBe("upstream-timeout");
    expect(scene.mailbox.dead).toBe(false);
  });

  test.each(["newest", "oldest"] as const)(
    "a page that takes long ends early, and the next goes on there: %s",
    async (order) => {
      const clock = createFakeClock();
      const scene = await start(large(12_000, 3_000), plain, clock);
      scene.folder.refuse = (command) => {
        if (command.includes("SEARCH")) void clock.advance(10_000);
        return undefined;
      };
      const pages = await pagesOf(scene, unseen, order);
      expect(pages).toEqual(order === "newest" ? [[], [3_000], []] : [[3_000], [], []]);
      const windows = scene.searched().map((command) => /\d+:\d+/.exec(command)?.[0]);
      const inOrder =
        order === "newest" ? ["7001:12000", "2001:7000", "1:2000"] : ["1:5000", "5001:10000", "10001:12000"];
      expect(windows).toEqual(inOrder);
    },
  );

  test.each(["newest", "oldest"] as const)("nothing is lost then when others go meanwhile: %s", async (order) => {
    for (const gone of [1, 4_001, 6_500, 9_500, 11_900]) {
      const clock = createFakeClock();
      const near = [4_990, 5_000, 5_001, 5_010, 6_990, 7_000, 7_001, 7_010];
      const scene = await start(large(12_000, ...near), plain, clock);
      let isFirst = true;
      scene.folder.refuse = (command) => {
        if (!command.includes("SEARCH")) return undefined;
        void clock.advance(10_000);
        if (isFirst) scene.folder.expunge(...Array.from({ length: 50 }, (_, index) => gone + index));
        isFirst = false;
        return undefined;
      };
      const pages = await pagesOf(scene, unseen, order);
      expect([gone, pages.flat()]).toEqual([gone, order === "newest" ? near.toReversed() : near]);
    }
  });

  test("nothing is lost when all goes that was looked at", async () => {
    const clock = createFakeClock();
    const near = [1_000, 1_999, 2_000];
    const scene = await start(large(7_000, ...near), plain, clock);
    scene.folder.refuse = (command) => {
      if (!command.includes("SEARCH")) return undefined;
      void clock.advance(10_000);
      if (scene.folder.mails.length === 7_000)
        scene.folder.expunge(...Array.from({ length: 5_000 }, (_, index) => 2_001 + index));
      return undefined;
    };
    const pages = await pagesOf(scene, unseen, "newest");
    expect(pages.flat()).toEqual(near.toReversed());
  });

  test("a slow server is searched in smaller windows", async () => {
    const clock = createFakeClock();
    const scene = await start(large(12_000), plain, clock);
    scene.folder.refuse = (command) => {
      if (command.includes("SEARCH")) void clock.advance(4_000);
      return undefined;
    };
    await scene.search(unseen, {}, { until: clock.now() + 60_000 });
    expect(scene.searched().slice(0, 4)).toEqual(
      ["7001:12000", "4501:7000", "3251:4500", "2251:3250"].map((window) => `UID SEARCH ${window} UNSEEN`),
    );
  });
});

describe("a server that reads sequence numbers of UID SEARCH as UIDs", () => {
  test("is asked for sequence numbers, and then for their UIDs", async () => {
    const scene = await start(some(10, 20, 30, 40), "IMAP4rev1");
    expect(await pagesOf(scene, unseen, "newest")).toEqual([
      [40, 30],
      [20, 10],
    ]);
    expect(scene.searched()).toEqual(["SEARCH 1:4 UNSEEN", "SEARCH 1:2 UNSEEN"]);
    expect(await pagesOf(scene, unseen, "oldest")).toEqual([
      [10, 20],
      [30, 40],
    ]);
  });

  test("and so is what only it can tell", async () => {
    const words = ["OR"];
    const scene = await start(
      [
        { uid: 10, words: ["OR", "SUBJECT"] },
        { uid: 20, words },
      ],
      "IMAP4rev1",
    );
    expect(uidsOf(await scene.search({ op: "or", of: [report, from2030] }))).toEqual([10]);
    expect(scene.searched().at(-1)).toBe('SEARCH 1:2 SUBJECT "report"');
  });
});

test.each(["newest", "oldest"] as const)(
  "a page goes on behind its last message, also when that goes at once: %s",
  async (order) => {
    const scene = await start(some(10, 11, 12, 13, 14), plain);
    const heads = (after: Page<ImapPlace>["after"]) =>
      scene.mailbox.heads(
        "INBOX",
        { limit: 1, after, order },
        { expression: { op: "all" }, count: false, until: Number.MAX_SAFE_INTEGER },
      );
    await scene.mailbox.list("INBOX", { limit: 10, after: null });
    const told: number[] = [];
    let after: Page<ImapPlace>["after"] = null;
    scene.folder.refuse = (command) => {
      // What has gone by the time that it is looked at is not told, and what was told last has gone by the next page.
      if (/SEARCH/.test(command) && told.length < 2)
        scene.folder.expunge(order === "newest" ? 14 - told.length : 10 + told.length);
      return undefined;
    };
    do {
      const page = await heads(after);
      told.push(...page.heads.map(({ place }) => place.uid));
      after = page.next;
    } while (after !== null);
    expect(told).toEqual(order === "newest" ? [13, 12, 11, 10] : [11, 12, 13, 14]);
  },
);

test("a set that can't be read is no empty one", async () => {
  const scene = await start(some(10, 11), extended);
  scene.server.setScript((command, tag, socket) =>
    command.includes("SEARCH")
      ? `* ESEARCH (TAG "${tag}") UID ALL 10:x\r\n${tag} OK done\r\n`
      : scene.folder.script(command, tag, socket),
  );
  expect((await failureOf(scene.search(unseen))).code).toBe("upstream-protocol-error");
});

test("what can't match, and an empty folder, cost no search", async () => {
  const scene = await start([], plain);
  expect(uidsOf(await scene.search(unseen))).toEqual([]);
  scene.folder.mails = some(10);
  const { messages, answer } = await scene.search({ op: "none" }, {}, { count: true });
  expect([messages, answer]).toEqual([[], { engine: "none", exact: true, undecided: 0, total: 0 }]);
  expect(scene.searched()).toEqual([]);
});

test("messages that nobody can decide are counted", async () => {
  const scene = await start([{ uid: 10 }, { uid: 11, attached: true }], plain);
  const { script } = scene.folder;
  scene.server.setScript((command, tag, socket) =>
    script(command, tag, socket)?.replaceAll(
      'BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 5 1)',
      "BODYSTRUCTURE ()",
    ),
  );
  const { messages, answer, next } = await scene.search({ op: "hasAttachment" });
  expect([messages.map(({ place }) => place.uid), answer.undecided, next]).toEqual([[11], 1, null]);
});

test.each([0, -1, 1.5, Number.NaN])("a limit of %s is refused", async (limit) => {
  const scene = await start(some(10), plain);
  expect((await failureOf(scene.search(unseen, { limit }))).code).toBe("validation-failed");
});
