import { expect } from "vitest";
import type { Listing } from "../../src/mail/mailbox.ts";
import { failureOf } from "./failure-of.ts";
import { type Bench, imapPlace, nameOf, namesOf, newest, nowhere, page } from "./mailbox-bench.ts";

const idsOf = (messages: Listing["messages"]): Set<string | null> =>
  new Set(messages.map(({ envelope }) => envelope.messageId));

/** Moves and removals: exactly these, found again, and nothing of anybody else's. */
export function removing({ it, filled, open, next, user: freshUser, deliver, path, marks, lacks }: Bench): void {
  it("removes exactly what it is told to", [], async () => {
    const { mailbox, user } = await filled(6);
    const all = (await mailbox.list("INBOX", page)).messages;
    const [one, two] = [all[1], all[3]];
    if (!one || !two) throw new Error("too few messages");
    const absent = nowhere(one.place);
    expect(await mailbox.remove([one.place, absent, two.place])).toEqual({ missing: [absent] });
    const left = all.filter((message) => message !== one && message !== two);
    const after = await next(mailbox, user);
    expect(idsOf((await after.list("INBOX", page)).messages)).toEqual(idsOf(left));
    expect((await failureOf(after.get(one.place, {}))).code).toBe("message-gone");
    expect(await after.remove([absent])).toEqual({ missing: [absent] });
    await after.close();
    expect(idsOf((await (await open(user)).list("INBOX", page)).messages)).toEqual(idsOf(left));
  });

  it("moves, and tells where each message is now", ["move"], async () => {
    const { mailbox } = await filled(6);
    const archive = path("Archive");
    const all = (await mailbox.list("INBOX", page)).messages;
    const [six, , four] = all.map(({ place }) => place);
    if (!six || !four) throw new Error("too few messages");
    const { uidNext } = await mailbox.status(archive);
    const absent = nowhere(six);
    const { moved, missing } = await mailbox.move(
      [imapPlace(six), imapPlace(absent), imapPlace(four)],
      archive,
      uidNext,
    );
    expect(missing).toEqual([absent]);
    expect(moved.map(({ from }) => from)).toEqual([six, four]);
    const archived = (await mailbox.list(archive, page)).messages;
    expect(archived).toHaveLength(2);
    for (const { from, to } of moved) {
      const original = all.find(({ place }) => nameOf(place) === nameOf(from));
      const copy = archived.find(({ place }) => to && nameOf(place) === nameOf(to));
      expect(copy?.envelope).toEqual(original?.envelope);
      expect(copy?.flags).toEqual(original?.flags);
      expect(copy?.key).toEqual(original?.key);
      expect(to).toEqual(copy?.place);
    }
    const left = all.filter(({ place }) => place !== six && place !== four);
    expect(idsOf((await mailbox.list("INBOX", page)).messages)).toEqual(idsOf(left));
  });

  it("moves into the folder where it is: nothing happens", ["move"], async () => {
    const { mailbox } = await filled(2);
    const { place } = await newest(mailbox);
    expect(await mailbox.move([imapPlace(place)], "INBOX", null)).toEqual({
      moved: [{ from: place, to: place }],
      missing: [],
    });
    expect((await mailbox.status("INBOX")).messages).toBe(2);
  });

  it("finds what it moved without being told UIDNEXT", ["move"], async () => {
    const { mailbox } = await filled(3);
    const { place, envelope } = await newest(mailbox);
    const { moved } = await mailbox.move([imapPlace(place)], path("Archive"), null);
    const archived = await newest(mailbox, path("Archive"));
    expect(archived.envelope.messageId).toBe(envelope.messageId);
    expect([archived.place, null]).toContainEqual(moved[0]?.to);
    expect((await mailbox.status("INBOX")).messages).toBe(2);
  });

  it("copies that can't be told apart have no known place, and none is lost", ["move"], async () => {
    const user = await freshUser();
    for (const _ of [1, 2, 3]) await deliver(user, "Message-ID: <twin@a.test>\nSubject: twin\n\ntwin\n");
    const mailbox = await open(user);
    const places = (await mailbox.list("INBOX", page)).messages.map(({ place }) => place);
    const { uidNext } = await mailbox.status(path("Archive"));
    const { moved } = await mailbox.move(places.map(imapPlace), path("Archive"), uidNext);
    const there = namesOf(await mailbox.list(path("Archive"), page));
    expect(there).toHaveLength(3);
    const told = moved.flatMap(({ to }) => (to ? nameOf(to) : []));
    expect(new Set(told).size).toBe(told.length);
    for (const uid of told) expect(there).toContain(uid);
    expect(await mailbox.status("INBOX")).toMatchObject({ messages: 0 });
  });

  it("moving to a folder that is not there is not-found and moves nothing", ["move"], async () => {
    const { mailbox } = await filled(2);
    const { place } = await newest(mailbox);
    expect((await failureOf(mailbox.move([imapPlace(place)], path("Nowhere"), 1))).code).toBe("not-found");
    expect((await failureOf(mailbox.move([imapPlace(place)], path("Nowhere"), null))).code).toBe("not-found");
    expect((await mailbox.status("INBOX")).messages).toBe(2);
  });

  it("moves and removes many at once", ["move"], async () => {
    const { mailbox } = await filled(60);
    const places = (await mailbox.list("INBOX", { limit: 100, after: null })).messages.map(({ place }) => place);
    const odd = places.filter((_, index) => index % 2 === 1);
    const { moved } = await mailbox.move(
      odd.map(imapPlace),
      path("Archive"),
      (await mailbox.status(path("Archive"))).uidNext,
    );
    expect(moved.filter(({ to }) => to !== null)).toHaveLength(30);
    expect((await mailbox.status("INBOX")).messages).toBe(30);
    expect(await mailbox.remove(places)).toEqual({ missing: odd });
    expect((await mailbox.status("INBOX")).messages).toBe(0);
    expect((await mailbox.status(path("Archive"))).messages).toBe(30);
  });

  it("finds a message by its permanent key after somebody moved it", ["permanent keys", "move"], async () => {
    const { mailbox } = await filled(3);
    const { place, key } = await newest(mailbox);
    if (!key) throw new Error("no key");
    expect(await mailbox.locate("INBOX", [key])).toEqual([{ key, place }]);
    const { moved } = await mailbox.move([imapPlace(place)], path("Archive"), null);
    expect(await mailbox.locate("INBOX", [key])).toEqual([]);
    expect(await mailbox.locate(path("Archive"), [key])).toEqual([{ key, place: moved[0]?.to }]);
  });

  if (lacks["permanent keys"] !== undefined) {
    it("tells no keys, and says that it can't find by them", [], async () => {
      const { mailbox } = await filled(2);
      const { place, key } = await newest(mailbox);
      expect([key, (await mailbox.get(place, { headers: true })).summary.key]).toEqual([null, null]);
      const search = mailbox.locate("INBOX", [{ kind: "guid", value: "0123456789abcdef" }]);
      expect((await failureOf(search)).code).toMatch(/^unsupported-by-/);
    });
  }

  if (marks) {
    it("what others have marked as deleted stays, and stays marked", ["news of removals by others"], async () => {
      const { mailbox, user } = await filled(6);
      const places = (await mailbox.list("INBOX", page)).messages.map(({ place }) => imapPlace(place));
      const [one, two, three, four] = places;
      if (!one || !two || !three || !four) throw new Error("too few messages");
      await marks.set(user, "INBOX", [two.uid, four.uid]);
      expect(await mailbox.remove([one])).toEqual({ missing: [] });
      await mailbox.move([three], path("Archive"), (await mailbox.status(path("Archive"))).uidNext);
      expect(namesOf(await mailbox.list("INBOX", page))).not.toContain(three.uid);
      expect((await mailbox.status("INBOX")).messages).toBe(4);
      expect(await marks.get(user, "INBOX")).toEqual([four.uid, two.uid]);
      // One of ours may be marked already.
      expect(await mailbox.remove([two])).toEqual({ missing: [] });
      expect(await marks.get(user, "INBOX")).toEqual([four.uid]);
    });
  }
}
