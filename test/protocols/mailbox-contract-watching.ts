import { expect } from "vitest";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { failureOf } from "./failure-of.ts";
import { type Bench, imapPlace, noKeywords } from "./mailbox-bench.ts";
import { mirror, watchingOf } from "./mirror.ts";

async function uidsOf(mailbox: Mailbox, path = "INBOX"): Promise<number[]> {
  const { messages } = await mailbox.list(path, { limit: 1_000, after: null });
  return messages.map(({ place }) => imapPlace(place).uid).reverse();
}

const nothing = { created: [], changed: [], vanished: [], subjects: [] };
const mail = (subject: string): string => `Subject: ${subject}\nMessage-ID: <${subject}@a.test>\n\n${subject}\n`;

/** Folders: seen for the first time, and looked at again. */
export function watching({ it, watch, open, fill, deliver, path, user: freshUser }: Bench): void {
  it("a survey tells the newest messages as they are, and a cursor that a look goes on from", ["folders"], async () => {
    const user = await freshUser();
    await fill(user, 30);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    const uids = await uidsOf(mailbox);
    expect([...seen.facts.keys()]).toEqual(uids);
    expect(seen.cursor()).toMatchObject({ exists: 30, uidNext: (uids.at(-1) ?? 0) + 1 });
    const { messages } = await mailbox.list("INBOX", { limit: 50, after: null });
    for (const { place, flags, keywords, key } of messages) {
      const { uid } = imapPlace(place);
      expect(seen.facts.get(uid)).toEqual({ uid, flags, keywords, key });
    }
    expect([...(await mirror(mailbox, "INBOX", 7)).facts.keys()]).toEqual(uids.slice(-7));
    expect(await seen.look(mailbox)).toEqual(nothing);
    expect((await mirror(mailbox, path("Archive"))).cursor()).toMatchObject({ exists: 0 });
  });

  it("new mail is told once, by this session and by the next", ["folders", "UIDVALIDITY that holds"], async () => {
    const user = await freshUser();
    await fill(user, 3);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    const elsewhere = await mirror(mailbox, path("Archive"));
    await deliver(user, mail("one"));
    expect((await seen.look(mailbox))?.subjects).toEqual(["one"]);
    await deliver(user, mail("two"));
    await deliver(user, mail("three"), path("Archive"));
    expect((await elsewhere.look(mailbox))?.subjects).toEqual(["three"]);
    expect((await seen.look(mailbox))?.subjects).toEqual(["two"]);
    await deliver(user, mail("four"));
    const next = await open(user);
    expect((await seen.look(next))?.subjects).toEqual(["four"]);
    expect(await seen.look(next)).toEqual(nothing);
    expect(await seen.look(mailbox)).toEqual(nothing);
    expect([...seen.facts.keys()]).toEqual(await uidsOf(next));
  });

  it("an empty folder gets its first message", ["folders"], async () => {
    const user = await freshUser();
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    expect(await seen.look(mailbox)).toEqual(nothing);
    await deliver(user, mail("first"));
    expect((await seen.look(mailbox))?.subjects).toEqual(["first"]);
  });

  it("a burst is told in slices, in order, whole", ["folders", "UIDVALIDITY that holds"], async () => {
    const user = await freshUser();
    await fill(user, 5);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    for (let number = 0; number < 25; number++) await deliver(user, mail(`burst ${number}`));
    const look = await watchingOf(mailbox).look("INBOX", {
      cursor: seen.cursor(),
      known: async () => [...seen.facts.keys()],
      lowest: 1,
      rereadFlags: 0,
      limit: 10,
    });
    expect([look?.created.length, look?.more, look?.cursor.exists]).toEqual([10, true, 15]);
    const later = await open(user);
    const told = await seen.look(later, { limit: 10 });
    expect(told?.subjects).toHaveLength(25);
    expect([...seen.facts.keys()]).toEqual(await uidsOf(later));
  });

  it("flags and removals by another session are told", ["folders", "news of removals by others"], async () => {
    const user = await freshUser();
    await fill(user, 12);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    const other = await open(user);
    const places = (await other.list("INBOX", { limit: 50, after: null })).messages.map(({ place }) =>
      imapPlace(place),
    );
    const [flagged, ...rest] = places;
    const removed = rest.slice(2, 6);
    if (!flagged) throw new Error("the folder is empty");
    const isFlagged = seen.facts.get(flagged.uid)?.flags.flagged === true;
    await other.setFlags([flagged], { flags: { flagged: !isFlagged }, keywords: noKeywords });
    await other.remove(removed);
    await deliver(user, mail("new"));
    const told = await seen.look(mailbox);
    expect(told).toMatchObject({ changed: [flagged.uid], subjects: ["new"] });
    expect(told?.vanished).toEqual(removed.map(({ uid }) => uid).sort((a, b) => a - b));
    expect(seen.facts.get(flagged.uid)?.flags.flagged).toBe(!isFlagged);
    expect(await seen.look(mailbox)).toEqual(nothing);
    await other.remove(rest.slice(0, 1));
    expect((await seen.look(await open(user)))?.vanished).toEqual([rest[0]?.uid]);
    expect([...seen.facts.keys()].sort((a, b) => a - b)).toEqual(await uidsOf(other));
  });

  it(
    "whatever others do, the looks of two sessions add up to what there is",
    ["folders", "news of removals by others", "UIDVALIDITY that holds"],
    async () => {
      const user = await freshUser();
      await fill(user, 40);
      const [watcher, borrowed, other] = [await watch(user), await open(user), await open(user)];
      const seen = await mirror(watcher);
      for (let round = 1; round <= 24; round++) {
        const { messages } = await other.list("INBOX", { limit: 1_000, after: null });
        const places = messages.map(({ place }) => imapPlace(place));
        const some = places.filter((_, index) => (index * 7 + round) % 11 === 0);
        if (round % 3 === 0) await other.remove(some.slice(0, 2));
        if (round % 2 === 0) {
          await other.setFlags(some, { flags: { flagged: round % 4 === 0 }, keywords: noKeywords });
        }
        for (let count = round % 5; count > 0; count--) await deliver(user, mail(`round ${round} ${count}`));
        await seen.look(round % 4 === 3 ? borrowed : watcher, { limit: 3 });
      }
      await seen.look(watcher);
      await seen.look(watcher);
      const { messages } = await other.list("INBOX", { limit: 1_000, after: null });
      const truth = messages.map(({ place, flags }) => [imapPlace(place).uid, flags]).reverse();
      expect([...seen.facts.values()].map(({ uid, flags }) => [uid, flags])).toEqual(truth);
      expect(seen.cursor().exists).toBe(truth.length);
    },
  );

  it("a folder that was made anew is told as such", ["folders"], async () => {
    const mailbox = await watch(await freshUser());
    const seen = await mirror(mailbox);
    const cursor = { ...seen.cursor(), uidValidity: seen.cursor().uidValidity + 1 };
    expect(await seen.look(mailbox, { cursor })).toBeNull();
    expect((await failureOf(watchingOf(mailbox).survey("Nowhere", 5))).code).toBe("not-found");
  });

  it("tells from where on messages arrived at a time", ["folders", "UIDs"], async () => {
    const user = await freshUser();
    await fill(user, 40);
    const mailbox = await watch(user);
    const { messages } = await mailbox.list("INBOX", { limit: 50, after: null });
    const newest = messages[0]?.receivedAt ?? 0;
    const first = await watchingOf(mailbox).firstSince("INBOX", newest);
    const uids = messages.map(({ place }) => imapPlace(place).uid);
    expect(uids).toContain(first);
    const at = messages.find(({ place }) => imapPlace(place).uid === first)?.receivedAt ?? 0;
    expect(at).toBeGreaterThanOrEqual(newest - 2.5 * 86_400_000);
    expect(await watchingOf(mailbox).firstSince("INBOX", Date.UTC(2030, 0, 1))).toBeNull();
    expect(await watchingOf(mailbox).firstSince("INBOX", 0)).toBe(Math.min(...uids));
  });

  it("IDLE ends with news, with time, and when it is called off", ["folders", "IDLE"], async () => {
    const user = await freshUser();
    await fill(user, 3);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    const watching = watchingOf(mailbox);
    const { signal } = new AbortController();
    expect(await watching.waitForNews("INBOX", 200, signal)).toBeNull();
    const news = watching.waitForNews("INBOX", 60_000, signal);
    await deliver(user, mail("woken"));
    expect(await news).toMatchObject({ arrived: true });
    expect((await seen.look(mailbox))?.subjects).toEqual(["woken"]);
    const leaving = new AbortController();
    const left = watching.waitForNews("INBOX", 60_000, leaving.signal);
    setTimeout(() => leaving.abort(), 100);
    expect(await left).toBeNull();
    const interrupted = watching.waitForNews("INBOX", 60_000, signal);
    expect((await mailbox.status("INBOX")).messages).toBe(4);
    expect(await interrupted).toBeNull();
    expect((await mailbox.folders()).length).toBeGreaterThan(1);
  });

  it("news that came before the wait ends it at once", ["folders", "IDLE", "UIDVALIDITY that holds"], async () => {
    const user = await freshUser();
    await fill(user, 3);
    const mailbox = await watch(user);
    const seen = await mirror(mailbox);
    const watching = watchingOf(mailbox);
    const { signal } = new AbortController();
    await deliver(user, mail("early"));
    await mailbox.status("INBOX");
    expect(await watching.waitForNews("INBOX", 60_000, signal)).toMatchObject({ arrived: true });
    await seen.look(mailbox);
    await deliver(user, mail("while away"));
    await mailbox.list(path("Archive"), { limit: 5, after: null });
    expect(await watching.waitForNews("INBOX", 60_000, signal)).toMatchObject({ arrived: true });
    expect((await seen.look(mailbox))?.subjects).toEqual(["while away"]);
    expect(await watching.waitForNews("INBOX", 100, signal)).toBeNull();
  });

  it("summaries tell messages by their places, without those that are gone", [], async () => {
    const user = await freshUser();
    await fill(user, 6);
    const mailbox = await watch(user);
    const { messages } = await mailbox.list("INBOX", { limit: 50, after: null });
    const places = messages.map(({ place }) => place);
    expect(await mailbox.summaries(places.slice(1, 4))).toEqual(messages.slice(1, 4));
    expect(await mailbox.summaries([])).toEqual([]);
  });
}
