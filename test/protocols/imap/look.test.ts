import { expect, test } from "vitest";
import type { Since } from "../../../src/mail/watch.ts";
import { mirror, watchingOf } from "../mirror.ts";
import { fetchResponse } from "./scripted-imap.ts";
import { news, openWatched, watchedFolder, type Watched } from "./watched-folder.ts";

const condstore = "IMAP4rev1 UIDPLUS IDLE CONDSTORE";
const qresync = `${condstore} ENABLE QRESYNC`;
const { signal } = new AbortController();
const nothing = { created: [], changed: [], vanished: [], subjects: [] };

/** New mail comes while the session idles; the commands of the look that follows. */
async function arrival(watched: Watched, uid: number): Promise<{ subjects: string[]; commands: string[] }> {
  const { mailbox, folder, push, idles, server, sent } = watched;
  const seen = await mirror(mailbox);
  const waiting = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  await expect.poll(idles).toBe(true);
  folder.uids.push(uid);
  if (folder.modSeq !== null) folder.changed.set(uid, ++folder.modSeq);
  push(news(folder));
  expect(await waiting).toEqual({ arrived: true, expunged: false, flags: false });
  const before = server.commands.length;
  const told = await seen.look(mailbox, { rereadFlags: 0 });
  return { subjects: told?.subjects ?? [], commands: sent(before) };
}

test.each([
  ["without extensions", undefined, null],
  ["with CONDSTORE", condstore, 5],
  ["with QRESYNC", qresync, 5],
])("a new message is fetched in one round trip %s", async (_, capability, modSeq) => {
  const watched = await openWatched(
    { INBOX: watchedFolder([11, 12, 13], { modSeq }) },
    capability === undefined ? {} : { capability },
  );
  const { subjects, commands } = await arrival(watched, 20);
  expect(subjects).toEqual(["s20"]);
  expect(commands).toHaveLength(1);
  expect(commands[0]).toMatch(/^UID FETCH 14:\* \(UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE/);
});

test("a change of flags that came with new mail is told by the look after", async () => {
  const watched = await openWatched({ INBOX: watchedFolder([11, 12, 13], { modSeq: 5 }) }, { capability: condstore });
  const { mailbox, folder, push, idles } = watched;
  const seen = await mirror(mailbox);
  const waiting = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  await expect.poll(idles).toBe(true);
  folder.uids.push(14);
  folder.changed.set(14, 6);
  folder.seen.add(12);
  folder.changed.set(12, 7);
  folder.modSeq = 7;
  push(news(folder));
  await waiting;
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ created: [14], changed: [] });
  expect(seen.cursor().modSeq).toBe("5");
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ created: [], changed: [12] });
  expect(seen.cursor().modSeq).toBe("7");
});

test("the last message, which n:* always tells, is not taken for a new one", async () => {
  const { mailbox, server, sent } = await openWatched({ INBOX: watchedFolder([11, 12, 13]) });
  const seen = await mirror(mailbox);
  const before = server.commands.length;
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toEqual(nothing);
  expect(sent(before).map((line) => line.split(" (")[0])).toEqual(["NOOP", "UID FETCH 14:*"]);
  expect(seen.cursor()).toEqual({ uidValidity: 7, uidNext: 14, modSeq: null, exists: 3 });
});

test("nothing is asked where HIGHESTMODSEQ is what it was", async () => {
  const { mailbox, server, sent } = await openWatched(
    { INBOX: watchedFolder([11, 12], { modSeq: 5 }), Other: watchedFolder([1]) },
    { capability: condstore },
  );
  const seen = await mirror(mailbox);
  await mailbox.list("Other", { limit: 1, after: null });
  const before = server.commands.length;
  expect(await seen.look(mailbox)).toEqual(nothing);
  expect(sent(before)).toEqual(['SELECT "INBOX" (CONDSTORE)']);
});

test.each([
  ["EXPUNGE", undefined],
  ["VANISHED", qresync],
])("what has gone is told (%s), also with new mail in the same look", async (_, capability) => {
  const folder = watchedFolder([11, 12, 13, 14, 15], { modSeq: capability ? 5 : null });
  const { mailbox } = await openWatched({ INBOX: folder }, capability === undefined ? {} : { capability });
  const seen = await mirror(mailbox);
  folder.uids = [11, 14, 15, 16];
  folder.gone = [12, 13];
  if (folder.modSeq !== null) folder.changed.set(16, ++folder.modSeq);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ created: [16], vanished: [12, 13] });
  expect(seen.cursor().exists).toBe(4);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toEqual(nothing);
});

test("fewer messages without an EXPUNGE are found out about", async () => {
  const folder = watchedFolder([11, 12, 13, 14]);
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      lie: (command, tag) => {
        if (command !== "NOOP" || folder.shown.length === folder.uids.length) return undefined;
        folder.shown = [...folder.uids];
        return `* ${folder.shown.length} EXISTS\r\n${tag} OK done\r\n`;
      },
    },
  );
  const seen = await mirror(mailbox);
  folder.uids = [11, 14];
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ vanished: [12, 13] });
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toEqual(nothing);
});

test.each([
  "* VANISHED 1:4294967295",
  "* VANISHED (EARLIER) 1:4294967295",
  "* VANISHED (EARLIER) 4294967295:1,9999999999",
])("a server that says that everything has gone is not believed: %s", async (line) => {
  const folder = watchedFolder([11, 12, 13], { modSeq: 5 });
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      capability: qresync,
      lie: (command, tag) => (command.includes("CHANGEDSINCE") ? `${line}\r\n${tag} OK done\r\n` : undefined),
    },
  );
  const seen = await mirror(mailbox);
  folder.modSeq = 6;
  const started = performance.now();
  expect(await seen.look(mailbox)).toEqual(nothing);
  expect(performance.now() - started).toBeLessThan(1_000);
  folder.uids.push(14);
  expect(await seen.look(mailbox)).toMatchObject({ created: [14], vanished: [] });
});

test.each<[string, string]>([
  ["0", "* OK [HIGHESTMODSEQ 0] none"],
  ["none", "* OK [NOMODSEQ] none"],
  ["no number", "* OK [HIGHESTMODSEQ many] none"],
])("mod-sequences that are none (%s) are not asked for", async (_, line) => {
  const folder = watchedFolder([11, 12, 13]);
  const { mailbox, server, sent } = await openWatched(
    { INBOX: folder },
    {
      capability: condstore,
      lie: (command, tag) =>
        command.startsWith("SELECT")
          ? `* ${(folder.shown = [...folder.uids]).length} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n${line}\r\n${tag} OK [READ-WRITE] done\r\n`
          : undefined,
    },
  );
  const seen = await mirror(mailbox);
  expect(seen.cursor().modSeq).toBeNull();
  folder.seen.add(12);
  const before = server.commands.length;
  expect(await seen.look(mailbox)).toMatchObject({ changed: [12] });
  expect(sent(before).some((line) => line.includes("CHANGEDSINCE"))).toBe(false);
});

test("mod-sequences that have begun anew make all flags be read", async () => {
  const folder = watchedFolder([11, 12, 13], { modSeq: 900 });
  const { mailbox } = await openWatched({ INBOX: folder, Other: watchedFolder([]) }, { capability: condstore });
  const seen = await mirror(mailbox);
  await mailbox.list("Other", { limit: 1, after: null });
  folder.modSeq = 4;
  folder.seen.add(11);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ changed: [11] });
  expect(seen.cursor().modSeq).toBe("4");
});

test("a server that refuses CHANGEDSINCE is asked for flags and counted", async () => {
  const folder = watchedFolder([11, 12, 13], { modSeq: 5 });
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      capability: condstore,
      lie: (command, tag) => (command.includes("CHANGEDSINCE") ? `${tag} BAD what?\r\n` : undefined),
    },
  );
  const seen = await mirror(mailbox);
  folder.seen.add(12);
  folder.uids = [11, 12, 14];
  expect(await seen.look(mailbox)).toMatchObject({ created: [14], changed: [12], vanished: [13] });
  expect(seen.cursor()).toMatchObject({ modSeq: null, exists: 3 });
});

test("a server that refuses SELECT (CONDSTORE) is asked without", async () => {
  const { mailbox, server } = await openWatched(
    { INBOX: watchedFolder([11], { modSeq: 5 }) },
    {
      capability: condstore,
      lie: (command, tag) => (command.endsWith("(CONDSTORE)") ? `${tag} BAD what?\r\n` : undefined),
    },
  );
  expect((await mirror(mailbox)).facts.size).toBe(1);
  expect(server.commands.filter((line) => line.endsWith("(CONDSTORE)"))).toHaveLength(1);
});

test("a new message that the server leaves out is asked for again", async () => {
  const folder = watchedFolder([11, 12, 13]);
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      lie: (command, tag) =>
        command.startsWith("UID FETCH 14:* (UID FLAGS") && folder.shown.length === 5
          ? `${fetchResponse(5, 15)}${tag} OK done\r\n`
          : undefined,
    },
  );
  const seen = await mirror(mailbox);
  folder.uids.push(14, 15);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toMatchObject({ created: [14, 15] });
  expect(seen.cursor()).toMatchObject({ uidNext: 16, exists: 5 });
});

test("a count that is wrong for good is looked into once", async () => {
  const folder = watchedFolder([11, 12, 13]);
  const lie = (command: string, tag: string): string | undefined =>
    command === "NOOP" ? `* 9 EXISTS\r\n${tag} OK done\r\n` : undefined;
  const { mailbox } = await openWatched({ INBOX: folder }, { lie });
  const seen = await mirror(mailbox);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toEqual(nothing);
  expect(await seen.look(mailbox, { rereadFlags: 0 })).toEqual(nothing);
  expect(await watchingOf(mailbox).waitForNews("INBOX", 50, signal)).toBeNull();
});

test("many new messages are told oldest first, each once, though others go meanwhile", async () => {
  const folder = watchedFolder([11, 12, 13, 14, 15]);
  const { mailbox } = await openWatched({ INBOX: folder });
  const seen = await mirror(mailbox);
  const arrived = Array.from({ length: 40 }, (_, index) => 20 + index);
  folder.uids = [11, 14, ...arrived];
  const known = async (): Promise<number[]> => [...seen.facts.keys()];
  let since: Since = { cursor: seen.cursor(), known, lowest: 11, rereadFlags: 0, limit: 9 };
  const created: number[] = [];
  const vanished: number[] = [];
  for (let round = 0; round < 10; round++) {
    const told = await watchingOf(mailbox).look("INBOX", since);
    if (!told) throw new Error("the folder was made anew");
    expect(told.created.length).toBeLessThanOrEqual(9);
    created.push(...told.created.map(({ place }) => place.uid));
    vanished.push(...told.vanished);
    for (const uid of told.vanished) seen.facts.delete(uid);
    expect(told.cursor.exists).toBe(folder.shown.filter((uid) => uid < told.cursor.uidNext).length);
    since = { ...since, cursor: told.cursor };
    if (!told.more && told.created.length === 0) break;
    folder.uids = folder.uids.filter((uid) => uid !== 11);
  }
  expect(created).toEqual(arrived);
  expect(vanished.sort((a, b) => a - b)).toEqual([11, 12, 13, 15]);
});

test("with QRESYNC each folder is counted by itself, whichever was selected before", async () => {
  const folders = {
    INBOX: watchedFolder([11, 12, 13], { modSeq: 5 }),
    Sent: watchedFolder([1, 2, 3, 4], { modSeq: 9 }),
    Trash: watchedFolder([7], { modSeq: 2 }),
  };
  let closing = "";
  const { mailbox, server } = await openWatched(folders, {
    capability: qresync,
    // What the former folder had to tell comes with the SELECT of the next one, before CLOSED (RFC 7162 §3.2.11).
    lie: (command, tag, socket) => {
      if (command.startsWith("SELECT") && closing !== "") socket.write(`${closing}* OK [CLOSED] closed\r\n`);
      closing = "";
      return undefined;
    },
  });
  expect(server.commands.filter((line) => line.startsWith("ENABLE"))).toEqual(["ENABLE QRESYNC"]);
  const inbox = await mirror(mailbox);
  const sent = await mirror(mailbox, "Sent");
  const trash = await mirror(mailbox, "Trash");
  const remove = (folder: (typeof folders)["Sent"], uid: number): void => {
    folder.uids = folder.uids.filter((one) => one !== uid);
    folder.gone.push(uid);
    folder.modSeq = (folder.modSeq ?? 0) + 1;
  };
  closing = "* VANISHED 7\r\n* 0 EXISTS\r\n";
  remove(folders.Sent, 2);
  folders.INBOX.uids.push(14);
  folders.INBOX.changed.set(14, 6);
  folders.INBOX.modSeq = 6;
  expect(await inbox.look(mailbox)).toMatchObject({ created: [14], vanished: [] });
  expect(await sent.look(mailbox)).toMatchObject({ created: [], vanished: [2] });
  remove(folders.Sent, 4);
  closing = "* VANISHED 4\r\n";
  remove(folders.Trash, 7);
  expect(await trash.look(mailbox)).toMatchObject({ vanished: [7] });
  expect(await sent.look(mailbox)).toMatchObject({ vanished: [4] });
  remove(folders.Sent, 1);
  expect(await sent.look(mailbox)).toMatchObject({ vanished: [1] });
  expect([inbox.cursor().exists, sent.cursor().exists, trash.cursor().exists]).toEqual([4, 1, 0]);
  expect(await inbox.look(mailbox)).toEqual(nothing);
});

test("a survey tells all although others remove messages between its pieces", async () => {
  const uids = Array.from({ length: 2_600 }, (_, index) => index + 1);
  const folder = watchedFolder(uids);
  const { mailbox } = await openWatched({ INBOX: folder, Other: watchedFolder([]) });
  const { cursor, facts } = await watchingOf(mailbox).survey("INBOX", 2_500);
  const seen: number[] = [];
  const removed = new Set([50, 150, 1_100, 2_300]);
  for await (const some of facts) {
    seen.push(...some.map(({ uid }) => uid));
    folder.uids = folder.uids.filter((uid) => !removed.has(uid));
    if (seen.length < 2_000) await mailbox.list("INBOX", { limit: 1, after: null });
    else await mailbox.list("Other", { limit: 1, after: null });
  }
  expect(cursor).toMatchObject({ exists: 2_600, uidNext: 2_601 });
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
  const untold = uids.slice(100).filter((uid) => !seen.includes(uid));
  expect(untold).toEqual([2_300]);
});

test("a server that does not take HIGHESTMODSEQ in LIST is asked without, from then on", async () => {
  const status = '* LIST () "/" INBOX\r\n* STATUS INBOX (MESSAGES 1 UNSEEN 0 UIDNEXT 12 UIDVALIDITY 7)\r\n';
  const { mailbox, server } = await openWatched(
    { INBOX: watchedFolder([11]) },
    {
      capability: `${condstore} LIST-EXTENDED LIST-STATUS`,
      lie: (command, tag) => {
        if (!command.startsWith("LIST")) return undefined;
        return command.includes("HIGHESTMODSEQ") ? `${tag} BAD what?\r\n` : `${status}${tag} OK done\r\n`;
      },
    },
  );
  for (const round of [1, 2]) {
    const [inbox] = await mailbox.folders();
    expect([round, inbox?.status]).toMatchObject([round, { messages: 1, modSeq: null }]);
  }
  expect(server.commands.filter((line) => line.includes("HIGHESTMODSEQ"))).toHaveLength(1);
});

test("on a server that refuses to be asked for what is not there, a look finds what came and what went", async () => {
  const folder = watchedFolder([11, 12, 13]);
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      capability: "IMAP4rev1 IDLE",
      lie: (command, tag) => {
        const [, from, to] = /^UID FETCH (\d+)(?::(\d+|\*))?(?:,\S+)? /.exec(command) ?? [];
        const asked = [from, to].flatMap((uid) => (uid === undefined || uid === "*" ? [] : [Number(uid)]));
        return asked.every((uid) => folder.shown.includes(uid)) ? undefined : `${tag} NO no such message\r\n`;
      },
    },
  );
  const seen = await mirror(mailbox);
  expect(await seen.look(mailbox)).toEqual(nothing);
  folder.uids = [11, 13, 15];
  folder.seen.add(13);
  expect(await seen.look(mailbox)).toMatchObject({ created: [15], changed: [13], vanished: [12] });
  expect(await seen.look(mailbox)).toEqual(nothing);
});

test("a server that counts many more messages than it has costs nothing but a look", async () => {
  const folder = watchedFolder([11, 12, 13]);
  let isLying = false;
  const { mailbox } = await openWatched(
    { INBOX: folder },
    { lie: (command, tag) => (command === "NOOP" && isLying ? `* 900 EXISTS\r\n${tag} OK done\r\n` : undefined) },
  );
  const seen = await mirror(mailbox);
  isLying = true;
  expect(await seen.look(mailbox)).toEqual(nothing);
  expect(await seen.look(mailbox)).toEqual(nothing);
  folder.uids.push(14);
  isLying = false;
  expect(await seen.look(mailbox)).toMatchObject({ created: [14], vanished: [] });
});
