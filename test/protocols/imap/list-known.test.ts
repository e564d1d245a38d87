import { afterEach, expect, test } from "vitest";
import type { Mailbox, Page } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { fetchResponse, scriptedTarget, startScripted, type ScriptedImap } from "./scripted-imap.ts";

/** A folder that changes as others use it; it tells news on NOOP only, as RFC 3501 asks at least. */
type Folder = { uids: number[]; shown: number[]; seen: Set<number>; uidValidity: number };

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function withoutMissing(shown: number[], uids: number[]): { rows: string; shown: number[] } {
  let rows = "";
  const left = [...shown];
  for (let index = left.length - 1; index >= 0; index--) {
    if (uids.includes(left[index] ?? 0)) continue;
    left.splice(index, 1);
    rows += `* ${index + 1} EXPUNGE\r\n`;
  }
  return { rows, shown: left };
}

function answer(folder: Folder, command: string, tag: string): string | undefined {
  if (command.startsWith("SELECT")) {
    folder.shown = [...folder.uids];
    return `* ${folder.shown.length} EXISTS\r\n* OK [UIDVALIDITY ${folder.uidValidity}] v\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] f\r\n${tag} OK [READ-WRITE] done\r\n`;
  }
  if (command === "NOOP") {
    const { rows } = withoutMissing(folder.shown, folder.uids);
    folder.shown = [...folder.uids];
    return `${rows}* ${folder.shown.length} EXISTS\r\n${tag} OK done\r\n`;
  }
  const fetch = /^(UID )?FETCH (\d+)(?::(\d+|\*))? (.*)$/.exec(command);
  if (!fetch) return undefined;
  const [, byUid, from, to = from, items = ""] = fetch;
  const high = to === "*" ? Infinity : Number(to);
  const rows = folder.shown.flatMap((uid, index) => {
    const number = byUid ? uid : index + 1;
    if (number < Number(from) || number > high) return [];
    if (items.includes("BODYSTRUCTURE")) return [fetchResponse(index + 1, uid)];
    return [`* ${index + 1} FETCH (UID ${uid} FLAGS (${folder.seen.has(uid) ? "\\Seen" : ""}))\r\n`];
  });
  return `${rows.join("")}${tag} OK done\r\n`;
}

type Scene = {
  folder: Folder;
  server: ScriptedImap;
  mailbox: Mailbox<ImapPlace>;
  list: (page?: Partial<Page<ImapPlace>>) => Promise<number[]>;
};

async function start(uids: number[]): Promise<Scene> {
  const folder: Folder = { uids, shown: [], seen: new Set(), uidValidity: 7 };
  const server = await startScripted({ script: (command, tag) => answer(folder, command, tag) });
  cleanUps.push(() => server.stop());
  const mailbox = await openImap(scriptedTarget(server));
  cleanUps.push(() => mailbox.close());
  const list = async (page: Partial<Page<ImapPlace>> = {}): Promise<number[]> => {
    const listing = await mailbox.list("INBOX", { limit: 3, after: null, ...page });
    return listing.messages.map(({ place }) => place.uid);
  };
  return { folder, server, mailbox, list };
}

/** What the last call sent. */
function sent(server: ScriptedImap, since: number): string[] {
  return server.commands.slice(since);
}

const flags = (set: string): string[] => ["NOOP", `UID FETCH ${set} (UID FLAGS)`];

test("a folder that was listed is asked for its flags only, with the news in the same round trip", async () => {
  const { folder, server, mailbox, list } = await start([11, 12, 13, 14, 15]);
  expect(await list()).toEqual([15, 14, 13]);
  folder.seen.add(14);
  const before = server.commands.length;
  const { messages, next } = await mailbox.list("INBOX", { limit: 3, after: null });
  expect(sent(server, before)).toEqual(flags("13:*"));
  expect(messages.map(({ place, envelope, flags }) => [place.uid, envelope.subject, flags.seen])).toEqual([
    [15, "s15", false],
    [14, "s14", true],
    [13, "s13", false],
  ]);
  expect(messages[0]?.structure?.contentType).toBe("text/plain");
  expect(next).toEqual({ uid: 13, sequence: 3 });
});

test("mail that came since is there at once, and only it is asked for in full", async () => {
  const { folder, server, list } = await start([11, 12, 13]);
  await list();
  folder.uids.push(20, 21);
  const before = server.commands.length;
  expect(await list()).toEqual([21, 20, 13]);
  const [noop, first, second, ...more] = sent(server, before);
  expect([noop, first]).toEqual(flags("11:*"));
  expect(second).toMatch(/^UID FETCH 20:21 \(.*BODYSTRUCTURE/);
  expect(more).toEqual([]);
  const again = server.commands.length;
  expect(await list()).toEqual([21, 20, 13]);
  expect(sent(server, again)).toEqual(flags("13:*"));
});

test("what others removed is gone, and the page is filled up from below", async () => {
  const { folder, list } = await start([11, 12, 13, 14, 15]);
  await list();
  folder.uids = [11, 12, 13, 15];
  expect(await list()).toEqual([15, 13, 12]);
  folder.uids = [11];
  expect(await list()).toEqual([11]);
  folder.uids = [];
  expect(await list()).toEqual([]);
  folder.uids = [30];
  expect(await list()).toEqual([30]);
});

test("the next pages are known as well, as far as they adjoin", async () => {
  const { folder, server, list } = await start([11, 12, 13, 14, 15, 16, 17, 18]);
  const second = { after: { uid: 16, sequence: 6 } };
  const third = { after: { uid: 13, sequence: 3 } };
  expect([await list(), await list(second), await list(third)]).toEqual([
    [18, 17, 16],
    [15, 14, 13],
    [12, 11],
  ]);
  folder.uids = [11, 12, 13, 15, 16, 17, 18, 19];
  const before = server.commands.length;
  expect(await list(second)).toEqual([15, 13, 12]);
  expect(sent(server, before).slice(0, 2)).toEqual(flags("13:15"));
  expect(await list()).toEqual([19, 18, 17]);
  expect(await list({ after: { uid: 17, sequence: 7 } })).toEqual([16, 15, 13]);
});

test("a page that does not adjoin what is known leaves no gap in it", async () => {
  const { list } = await start([11, 12, 13, 14, 15, 16, 17, 18]);
  await list({ limit: 2 });
  expect(await list({ limit: 2, after: { uid: 14, sequence: 4 } })).toEqual([13, 12]);
  expect(await list({ limit: 8 })).toEqual([18, 17, 16, 15, 14, 13, 12, 11]);
});

test("a folder that was rebuilt is listed anew", async () => {
  const { folder, mailbox, list } = await start([11, 12]);
  await list();
  folder.uidValidity = 8;
  await mailbox.list("Other", { limit: 1, after: null });
  const listing = await mailbox.list("INBOX", { limit: 3, after: null });
  expect(listing.uidValidity).toBe(8);
  expect(listing.messages.map(({ place }) => place.uidValidity)).toEqual([8, 8]);
});

test("an answer with a message left out is not believed", async () => {
  const { folder, server, list } = await start([11, 12, 13]);
  await list();
  let lies = 1;
  const honest = (command: string, tag: string): string | undefined => answer(folder, command, tag);
  server.setScript((command, tag) => {
    if (lies > 0 && command === "UID FETCH 11:* (UID FLAGS)") {
      lies--;
      return `* 1 FETCH (UID 11 FLAGS ())\r\n* 3 FETCH (UID 13 FLAGS ())\r\n${tag} OK done\r\n`;
    }
    return honest(command, tag);
  });
  expect(await list()).toEqual([13, 12, 11]);
  expect(lies).toBe(0);
});

test("a message that is known is read without its structure", async () => {
  const { server, mailbox, list } = await start([11, 12, 13]);
  await list();
  const before = server.commands.length;
  const { summary } = await mailbox.get({ path: "INBOX", uidValidity: 7, uid: 12 }, {});
  expect(sent(server, before)).toEqual(["NOOP", "UID FETCH 12 (UID FLAGS)"]);
  expect(summary.envelope.subject).toBe("s12");
});

test("a page that is known is not believed either where its first message is left out", async () => {
  const { folder, server, list } = await start([11, 12, 13, 14, 15]);
  const second = { limit: 2, after: { uid: 14, sequence: 4 } };
  expect([await list({ limit: 2 }), await list(second)]).toEqual([
    [15, 14],
    [13, 12],
  ]);
  server.setScript((command, tag) =>
    command === "UID FETCH 12:13 (UID FLAGS)"
      ? `* 2 FETCH (UID 12 FLAGS ())\r\n${tag} OK done\r\n`
      : answer(folder, command, tag),
  );
  expect(await list(second)).toEqual([13, 12]);
});
