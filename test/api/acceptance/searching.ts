import { describe, expect, test } from "vitest";
import type { Message } from "../../../src/mail/message.ts";
import type { SearchMeta } from "../../../src/operations/matching.ts";
import { good } from "../webhooks.ts";
import {
  arrivedIn,
  type Box,
  foldersOf,
  folderOf,
  newBox,
  type Page,
  put,
  sharedBoxes,
  type Stage,
  subjectOf,
} from "./stage.ts";
import { type Got, refused } from "./target.ts";

type Found = Page<Message> & { meta: SearchMeta };
type Refusal = { code: string; detail: string; errors?: { pointer: string; code: string }[]; positions?: number[] };

const off = { watch: { mode: "off" } };

function mail(from: string, subject: string, body: string): string {
  return [
    `From: =?utf-8?Q?${from}?= <a@werkstatt.test>`,
    "To: Ann <ann@postern.test>",
    `Subject: ${subject}`,
    "Date: Mon, 23 Nov 2026 08:00:00 +0100",
    `Message-ID: <${subject.replaceAll(" ", ".")}@werkstatt.test>`,
    "List-Id: <news.werkstatt.test>",
    "",
    body,
    "",
  ].join("\n");
}

const search = ({ call, path }: Box, body: object): Promise<Found> =>
  good(call<Found>("POST", `${path}/messages/search`, body));
const list = ({ call, path }: Box, query: Record<string, string>): Promise<Found> =>
  good(call<Found>("GET", `${path}/messages?${String(new URLSearchParams(query))}`));
const asked = ({ call, path }: Box, body: object): Promise<Got<Refusal>> =>
  call<Refusal>("POST", `${path}/messages/search`, body);
const subjects = ({ data }: Found): string[] => data.map(({ subject }) => subject);

export function searchingContract(stage: () => Stage): void {
  async function given(name: "ann" | "cleo") {
    const box = await newBox(stage(), stage().call, sharedBoxes[name], off);
    const [red, blue, green] = [subjectOf("red"), subjectOf("blue"), subjectOf("green")];
    for (const [from, subject] of [
      ["J=C3=BCrgen", red],
      ["Zo=C3=AB", blue],
      ["J=C3=BCrgen", green],
    ] as const) {
      put(stage(), box, mail(from, subject, "Hello there"));
      await arrivedIn(box, subject);
    }
    return { box, red, blue, green };
  }

  describe("a search", () => {
    test.each([
      ["IMAP", "ann"],
      ["POP3", "cleo"],
    ] as const)("by %s is a sentence, a tree, or filters: all mean the same", async (_, name) => {
      const { box, red, blue, green } = await given(name);
      const or = { or: [{ subject: red }, { from: "zoë" }] };
      const found = await search(box, { where: or });
      expect([subjects(found), found.nextCursor]).toEqual([[blue, red], null]);
      expect(found.meta).toMatchObject({ undecided: 0, failed: [], exact: true });
      expect(subjects(await search(box, { where: { ...or, not: { from: "JÜRGEN" } } }))).toEqual([blue]);
      expect(subjects(await search(box, { q: `from:jürgen -subject:"${red}"` }))).toEqual([green]);
      expect(subjects(await search(box, { q: "from:jürgen", where: { subject: red } }))).toEqual([red]);
      expect(subjects(await list(box, { q: `subject:"${red}"`, from: "jürgen" }))).toEqual([red]);
      expect(subjects(await list(box, { from: "jürgen", folder: "all", order: "oldest" }))).toEqual([red, green]);
      expect(subjects(await list(box, { header: "Message-ID: werkstatt.test", unseen: "true" }))).toEqual([
        green,
        blue,
        red,
      ]);
      expect(subjects(await list(box, { header: "In-Reply-To" }))).toEqual([]);
    });

    test("goes on page by page, and counts all", async () => {
      const { box, red, blue, green } = await given("ann");
      const body = { q: "is:unread", limit: 2, count: true };
      const first = await search(box, body);
      const second = await search(box, { ...body, cursor: first.nextCursor });
      expect([...subjects(first), ...subjects(second)]).toEqual([green, blue, red]);
      expect([first.meta.total, second.meta.total, second.nextCursor]).toEqual([3, 3, null]);
      expect(refused(await asked(box, { ...body, q: "is:read", cursor: first.nextCursor }))).toEqual([
        400,
        "invalid-cursor",
      ]);
    });

    test("of all folders knows where a message lies, and leaves out the folders that it is told to", async () => {
      const { box, red, blue, green } = await given("ann");
      const junk = await folderOf(box, "junk");
      const [message] = (await search(box, { where: { subject: red } })).data;
      await good(box.call("PATCH", `${box.path}/messages/${message?.id}`, { folderId: junk.id }));
      const everywhere = await search(box, {});
      expect(subjects(everywhere).sort()).toEqual([red, blue, green].sort());
      expect(everywhere.data.find(({ subject }) => subject === red)?.folderIds).toEqual([junk.id]);
      const selectable = (await foldersOf(box)).filter((one) => one.selectable).map(({ id }) => id);
      expect(everywhere.meta.folders.toSorted()).toEqual(selectable.toSorted());
      const without = await search(box, { q: "-in:spam" });
      expect([subjects(without), without.meta.folders.includes(junk.id)]).toEqual([[green, blue], false]);
      expect(subjects(await list(box, { folder: "all", q: `in:${junk.id}` }))).toEqual([red]);
    });

    test("that makes no sense, or can't be answered, is refused and says where", async () => {
      const { ann, cleo } = stage().boxes;
      const wrong: [body: object, pointer: string][] = [
        [{ q: "from:" }, "/q"],
        [{ q: "in:nowhere" }, "/q"],
        [{ where: {} }, "/where"],
        [{ where: { and: [{ from: "a" }, { form: "b" }] } }, "/where/and/1/form"],
        [{ where: { or: [{ not: { keyword: "two words" } }] } }, "/where/or/0/not/keyword"],
        [{ where: { since: "2026-02-01T00:00:00Z", before: "2026-01-01T00:00:00Z" } }, "/where/since"],
      ];
      for (const [body, pointer] of wrong) {
        const answer = await asked(ann, body);
        expect(refused(answer)).toEqual([422, "validation-failed"]);
        expect(answer.body.errors?.map((error) => error.pointer)).toEqual([pointer]);
      }
      expect((await asked(ann, { q: 'ok "open' })).body.positions).toHaveLength(1);
      const body = await asked(cleo, { where: { body: "hello" } });
      expect(refused(body)).toEqual([422, "unsupported-by-protocol"]);
      expect(body.body.detail).toContain("body");
      expect(refused(await asked(ann, { where: { inFolder: `fld_${"0".repeat(26)}` } }))).toEqual([404, "not-found"]);
    });
  });
}
