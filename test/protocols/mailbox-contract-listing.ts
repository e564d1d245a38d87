import { expect } from "vitest";
import type { SearchFilters } from "../../src/mail/filter-expression.ts";
import type { Page } from "../../src/mail/mailbox.ts";
import { failureOf } from "./failure-of.ts";
import { type Bench, nameOf, namesOf, newest, noKeywords, page, searchFor, walk } from "./mailbox-bench.ts";

const awkward = [
  "From: =?utf-8?Q?J=C3=BCrgen?= <j@a.test>",
  'To: "O\'Neil, B" <b@a.test>, group:;',
  "Subject: =?utf-8?Q?gr=C3=B6=C3=9Fer?=",
  "Date: nonsense",
  "Message-ID: <1@a.test>",
  "In-Reply-To: <0@a.test>",
  "",
  "hi",
  "",
].join("\n");

/** Each once; UIDs from the highest down. The keys of a maildrop have no order of their own. */
function inOrder(names: (number | string)[]): (number | string)[] {
  return [...new Set(names)].sort((a, b) => (typeof a === "number" && typeof b === "number" ? b - a : 0));
}

/** Lists: complete, newest first, exact filters, and true while things change. */
export function listing({ it, filled, open, next, user: freshUser, deliver }: Bench): void {
  it("lists every message once, newest first, page by page", [], async () => {
    const { mailbox } = await filled(130);
    const all = await walk(mailbox, 50);
    expect(all).toHaveLength(130);
    expect(all).toEqual(inOrder(all));
    expect(await walk(mailbox, 1_000)).toEqual(all);
    expect(await walk(mailbox, 7)).toEqual(all);
  });

  it("an empty inbox is an empty list", [], async () => {
    const mailbox = await open(await freshUser());
    expect(await mailbox.list("INBOX", page)).toMatchObject({ messages: [], next: null });
    expect(await mailbox.search("INBOX", page, searchFor({ unseen: true }))).toMatchObject({
      messages: [],
      next: null,
    });
  });

  it("tells what a message is", [], async () => {
    const user = await freshUser();
    await deliver(user, awkward);
    const mailbox = await open(user);
    const message = await newest(mailbox);
    expect(message.envelope).toEqual({
      messageId: "<1@a.test>",
      inReplyTo: "<0@a.test>",
      references: [],
      subject: "größer",
      from: { name: "Jürgen", email: "j@a.test" },
      sender: null,
      replyTo: [],
      to: [{ name: "O'Neil, B", email: "b@a.test" }],
      cc: [],
      bcc: [],
      date: null,
    });
    expect(message.warnings).toEqual(["date-unparseable"]);
    expect(message.flags).toEqual({ seen: false, flagged: false, answered: false, draft: false });
    expect(message.keywords).toEqual([]);
    expect(message.size).toBeGreaterThanOrEqual(awkward.length);
  });

  it("a listing tells what a message consists of", ["structure in listings"], async () => {
    const user = await freshUser();
    await deliver(user, awkward);
    expect((await newest(await open(user))).structure?.contentType).toBe("text/plain");
  });

  it("new mail is in the next listing", [], async () => {
    const { mailbox, user } = await filled(3);
    expect((await mailbox.list("INBOX", page)).messages).toHaveLength(3);
    const warm = await next(mailbox, user, () => deliver(user, "Subject: new\nMessage-ID: <new@a.test>\n\nnew\n"));
    const message = await newest(warm);
    expect(message.envelope.subject).toBe("new");
    expect((await warm.get(message.place, {})).summary.envelope.subject).toBe("new");
    const warmer = await next(warm, user, () => deliver(user, "Subject: newer\n\nnewer\n"));
    expect((await newest(warmer)).envelope.subject).toBe("newer");
    expect((await warmer.status("INBOX")).messages).toBe(5);
  });

  it("a cursor goes on where it was although newer mail came", [], async () => {
    const { mailbox, user } = await filled(10);
    const first = await mailbox.list("INBOX", { limit: 4, after: null });
    const later = await next(mailbox, user, () => deliver(user, "Subject: new\n\nnew\n"));
    const rest = await later.list("INBOX", { limit: 50, after: first.next });
    expect([...namesOf(first), ...namesOf(rest)]).toEqual((await walk(later, 50)).slice(1));
  });

  it("a cursor goes on where it was although messages before it were removed", [], async () => {
    const { mailbox, user } = await filled(30);
    const all = (await mailbox.list("INBOX", page)).messages.map(({ place }) => place);
    const first = await mailbox.list("INBOX", { limit: 10, after: null });
    await mailbox.remove(all.slice(2, 7));
    const rest = await (await next(mailbox, user)).list("INBOX", { limit: 50, after: first.next });
    expect(namesOf(rest)).toEqual(all.slice(10).map(nameOf));
  });

  it("a cursor goes on where it was although its message was removed, and others around it", [], async () => {
    const { mailbox, user } = await filled(30);
    const all = (await mailbox.list("INBOX", page)).messages.map(({ place }) => place);
    const first = await mailbox.list("INBOX", { limit: 10, after: null });
    await mailbox.remove(all.slice(4, 12));
    const rest = await (await next(mailbox, user)).list("INBOX", { limit: 50, after: first.next });
    expect(namesOf(rest)).toEqual(all.slice(12).map(nameOf));
  });

  it("lists on after the last message of a page that it knows was removed", [], async () => {
    const { mailbox, user } = await filled(10);
    const all = await walk(mailbox, 50);
    const { messages } = await mailbox.list("INBOX", { limit: 4, after: null });
    await mailbox.remove(messages.slice(3).map(({ place }) => place));
    const left = all.filter((_, index) => index !== 3);
    const after = await next(mailbox, user);
    expect(namesOf(await after.list("INBOX", { limit: 4, after: null }))).toEqual(left.slice(0, 4));
    expect(await walk(after, 4)).toEqual(left);
  });

  it("filters exactly, across pages", [], async () => {
    const { mailbox } = await filled(120);
    const some = (await mailbox.list("INBOX", { limit: 300, after: null })).messages.map(({ place }) => place);
    const seen = some.filter((_, index) => index % 3 === 0);
    await mailbox.setFlags(seen, { flags: { seen: true }, keywords: noKeywords });
    const flagged = some.filter((_, index) => index % 5 === 0);
    await mailbox.setFlags(flagged, { flags: { flagged: true }, keywords: noKeywords });
    const all = (await mailbox.list("INBOX", { limit: 300, after: null })).messages;
    const expected = (passes: (message: (typeof all)[number]) => boolean): (number | string)[] =>
      namesOf({ messages: all.filter(passes) });
    const since = all[100]?.receivedAt ?? 0;
    const before = all[20]?.receivedAt ?? 0;
    const at = (receivedAt: number | null): number => receivedAt ?? Number.NaN;
    const cases: [SearchFilters, (message: (typeof all)[number]) => boolean][] = [
      [{ since, before }, ({ receivedAt }) => at(receivedAt) >= since && at(receivedAt) < before],
      [{ since: since + 1 }, ({ receivedAt }) => at(receivedAt) > since],
      [{ unseen: true }, ({ flags }) => !flags.seen],
      [{ unseen: false, flagged: true }, ({ flags }) => flags.seen && flags.flagged],
      [{ from: "grace@navy.test" }, ({ envelope }) => envelope.from?.email === "grace@navy.test"],
      [{ from: 'nobody"\\' }, () => false],
    ];
    for (const [filter, passes] of cases)
      expect([filter, await walk(mailbox, 7, filter)]).toEqual([filter, expected(passes)]);
    expect(expected(({ flags }) => flags.seen && flags.flagged).length).toBeGreaterThan(0);
  });

  it("finds text that is not ASCII", [], async () => {
    const { mailbox } = await filled(120);
    const all = (await mailbox.list("INBOX", { limit: 300, after: null })).messages;
    const found = all.filter(({ envelope }) => envelope.subject.includes("größer"));
    expect(found.length).toBeGreaterThan(0);
    expect(await walk(mailbox, 7, { subject: "größer" })).toEqual(namesOf({ messages: found }));
  });

  it("a known message's flags are told as they are now", ["sessions at once"], async () => {
    const { mailbox, user } = await filled(3);
    await mailbox.list("INBOX", page);
    const other = await open(user);
    const { place, flags } = await newest(other);
    await other.setFlags([place], { flags: { flagged: !flags.flagged }, keywords: noKeywords });
    await other.close();
    const fresh = await open(user);
    await fresh.list("INBOX", page);
    expect((await newest(fresh)).flags.flagged).toBe(!flags.flagged);
  });

  it(
    "loses no message from a listing while another session removes others",
    ["news of removals by others", "sessions at once"],
    async () => {
      const { user, mailbox } = await filled(120);
      const all = await walk(mailbox, 200);
      const remover = await open(user);
      const listed = (await remover.list("INBOX", { limit: 200, after: null })).messages;
      const doomed = listed.filter((_, index) => index % 3 === 0).map(({ place }) => place);
      const removing = (async () => {
        for (let start = 0; start < doomed.length; start += 4) await remover.remove(doomed.slice(start, start + 4));
      })();
      const isDoomed = new Set(doomed.map(nameOf));
      const stays = all.filter((uid) => !isDoomed.has(uid));
      for (let round = 0; round < 6; round++) {
        const seen = await walk(mailbox, 10, round % 2 ? { from: "@" } : undefined);
        expect(seen.filter((uid) => !isDoomed.has(uid))).toEqual(stays);
        expect(seen).toEqual(inOrder(seen));
      }
      await removing;
      expect(await walk(mailbox, 10)).toEqual(stays);
    },
  );

  it("refuses pages that mean nothing", [], async () => {
    const { mailbox } = await filled(1);
    const none: Page = { limit: 0, after: null };
    expect((await failureOf(mailbox.list("INBOX", none))).code).toBe("validation-failed");
    expect((await failureOf(mailbox.search("INBOX", none, searchFor({})))).code).toBe("validation-failed");
    expect(mailbox.dead).toBe(false);
  });
}
