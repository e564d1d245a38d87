import { expect } from "vitest";
import { failureOf } from "./failure-of.ts";
import { type Bench, elsewhereOf, newest, noKeywords, nowhere, page } from "./mailbox-bench.ts";

const seenAndFlagged = { flags: { seen: true, flagged: true }, keywords: noKeywords };

/** Flags and keywords: set, cleared, kept, and refused by name. */
export function changing({ it, filled, open, deliver, lacks }: Bench): void {
  it("sets and clears flags, and tells which places are missing", [], async () => {
    const { mailbox, user } = await filled(5);
    const all = (await mailbox.list("INBOX", page)).messages;
    const [first, second] = all.map(({ place }) => place);
    if (!first || !second) throw new Error("too few messages");
    const absent = nowhere(first);
    const elsewhere = elsewhereOf(first);
    const places = [first, absent, second, elsewhere];
    expect(await mailbox.setFlags(places, seenAndFlagged)).toEqual({ missing: [absent, elsewhere] });
    const now = (await mailbox.list("INBOX", page)).messages;
    for (const { flags } of now.slice(0, 2)) expect(flags).toMatchObject({ seen: true, flagged: true });
    // Not one of the others was touched, nor was another message taken for the absent one.
    expect(now.slice(2).map(({ flags }) => flags)).toEqual(all.slice(2).map(({ flags }) => flags));
    await mailbox.setFlags([first], { flags: { flagged: false, answered: true }, keywords: noKeywords });
    expect((await newest(mailbox)).flags).toMatchObject({ seen: true, flagged: false, answered: true });
    await mailbox.close();
    const flags = (await newest(await open(user))).flags;
    expect(flags).toMatchObject({ seen: true, flagged: false, answered: true });
  });

  it("flags mail that came since the session looked", ["lasting sessions", "UIDVALIDITY that holds"], async () => {
    const { mailbox, user } = await filled(2);
    await mailbox.list("INBOX", page);
    await deliver(user, "Subject: new\n\nnew\n");
    const { place } = await newest(await open(user));
    expect(await mailbox.setFlags([place], seenAndFlagged)).toEqual({ missing: [] });
    expect(await newest(mailbox)).toMatchObject({ place, flags: { seen: true, flagged: true } });
  });

  it("all that are missing are told, with nothing changed", [], async () => {
    const { mailbox } = await filled(3);
    const before = (await mailbox.list("INBOX", page)).messages;
    const absent = nowhere((await newest(mailbox)).place);
    expect(await mailbox.setFlags([absent], seenAndFlagged)).toEqual({ missing: [absent] });
    expect((await mailbox.list("INBOX", page)).messages).toEqual(before);
  });

  it("sets, keeps and clears keywords", ["keywords"], async () => {
    const { mailbox } = await filled(2);
    const { place } = await newest(mailbox);
    expect(mailbox.capabilities().keywords).toBe(true);
    await mailbox.setFlags([place], { flags: {}, keywords: { add: ["$Work", "later"], remove: [] } });
    expect((await newest(mailbox)).keywords.sort()).toEqual(["$Work", "later"]);
    await mailbox.setFlags([place], { flags: {}, keywords: { add: [], remove: ["$Work"] } });
    expect((await newest(mailbox)).keywords).toEqual(["later"]);
    await mailbox.setFlags([place], seenAndFlagged);
    expect((await newest(mailbox)).keywords).toEqual(["later"]);
  });

  if (lacks.keywords !== undefined) {
    it("a keyword that can't be stored is refused by name, and there is none to take off", [], async () => {
      const { mailbox } = await filled(2);
      const { place, flags } = await newest(mailbox);
      expect(mailbox.capabilities().keywords).toBe(false);
      const keyword = { flags: { flagged: !flags.flagged }, keywords: { add: ["$Work"], remove: [] } };
      expect((await failureOf(mailbox.setFlags([place], keyword))).code).toMatch(/^unsupported-by-/);
      const removal = { flags: {}, keywords: { add: [], remove: ["$Work"] } };
      expect(await mailbox.setFlags([place], removal)).toEqual({ missing: [] });
      expect((await newest(mailbox)).flags).toEqual(flags);
    });
  }

  it("what is no keyword is never sent", [], async () => {
    const { mailbox } = await filled(2);
    const { place, flags } = await newest(mailbox);
    const keyword = (name: string) => ({ flags: { flagged: !flags.flagged }, keywords: { add: [name], remove: [] } });
    for (const name of ["a b", "", "\\Seen", "x)", "größe"]) {
      expect((await failureOf(mailbox.setFlags([place], keyword(name)))).code).toBe("validation-failed");
    }
    const nothing = { flags: {}, keywords: noKeywords };
    expect((await failureOf(mailbox.setFlags([place], nothing))).code).toBe("validation-failed");
    expect((await newest(mailbox)).flags).toEqual(flags);
    expect(mailbox.dead).toBe(false);
  });
}
