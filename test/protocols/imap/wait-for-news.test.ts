import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { createFakeClock } from "../../fake-clock.ts";
import { failureOf } from "../failure-of.ts";
import { mirror, watchingOf } from "../mirror.ts";
import { news, openWatched, watchedFolder } from "./watched-folder.ts";

const { signal } = new AbortController();
const sockets: Socket[] = [];

test.each<[answer: string, code: string]>([
  ["BAD what?", "unsupported-by-server"],
  ["NO not now", "unsupported-by-server"],
  ["NO [UNAVAILABLE] later", "upstream-throttled"],
  ["OK idled", "unsupported-by-server"],
])("IDLE that is answered with %s fails %s, and the session goes on", async (answer, code) => {
  const { mailbox } = await openWatched(
    { INBOX: watchedFolder([11]) },
    { lie: (command, tag) => (command === "IDLE" ? `${tag} ${answer}\r\n` : undefined) },
  );
  const seen = await mirror(mailbox);
  expect((await failureOf(watchingOf(mailbox).waitForNews("INBOX", 60_000, signal))).code).toBe(code);
  expect(mailbox.dead).toBe(false);
  expect(await seen.look(mailbox)).toMatchObject({ created: [] });
});

test("a server without IDLE is not asked to idle", async () => {
  const { mailbox, server } = await openWatched({ INBOX: watchedFolder([11]) }, { capability: "IMAP4rev1 UIDPLUS" });
  const waiting = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  expect((await failureOf(waiting)).code).toBe("unsupported-by-server");
  expect(server.commands).not.toContain("IDLE");
});

test("news that comes between DONE and its answer is news", async () => {
  const folder = watchedFolder([11]);
  let idleTag = "";
  const { mailbox } = await openWatched(
    { INBOX: folder },
    {
      lie: (command, tag) => {
        if (command === "IDLE") idleTag = tag;
        if (command !== "") return undefined;
        folder.uids.push(12);
        return `${news(folder)}${idleTag} OK idled\r\n`;
      },
    },
  );
  const seen = await mirror(mailbox);
  expect(await watchingOf(mailbox).waitForNews("INBOX", 50, signal)).toMatchObject({ arrived: true });
  expect((await seen.look(mailbox))?.created).toEqual([12]);
});

test("each kind of news is told as what it is", async () => {
  const { mailbox, push, idles } = await openWatched({ INBOX: watchedFolder([11, 12, 13]) });
  const { watching } = mailbox;
  if (watching.kind !== "folders") throw new Error("this is a maildrop");
  const seen = await mirror(mailbox);
  for (const [line, told] of [
    ["* 4 EXISTS", { arrived: true, expunged: false, flags: false }],
    ["* 1 EXPUNGE", { arrived: false, expunged: true, flags: false }],
    ["* VANISHED 12", { arrived: false, expunged: true, flags: false }],
    ["* 2 FETCH (FLAGS (\\Seen))", { arrived: false, expunged: false, flags: true }],
  ] as const) {
    const waiting = watching.waitForNews("INBOX", 60_000, signal);
    await expect.poll(idles).toBe(true);
    push("* OK still here\r\n");
    push(`${line}\r\n`);
    expect([line, await waiting]).toEqual([line, told]);
    await seen.look(mailbox, { rereadFlags: 0 });
  }
});

test("a BYE ends the wait as what it says", async () => {
  const { mailbox, push, idles } = await openWatched({ INBOX: watchedFolder([11]) });
  await mirror(mailbox);
  const failed = failureOf(watchingOf(mailbox).waitForNews("INBOX", 60_000, signal));
  await expect.poll(idles).toBe(true);
  push("* BYE [UNAVAILABLE] going down\r\n");
  expect((await failed).code).toBe("upstream-throttled");
  expect(mailbox.dead).toBe(true);
});

test.each([
  ["DONE", ""],
  ["IDLE", "IDLE"],
])("a server that says nothing to %s for 30 s is given up", async (_, silentTo) => {
  const clock = createFakeClock();
  const { mailbox, server } = await openWatched(
    { INBOX: watchedFolder([11]) },
    { clock, lie: (command) => (command === silentTo ? "" : undefined) },
  );
  await mirror(mailbox);
  const leaving = new AbortController();
  const waiting = failureOf(watchingOf(mailbox).waitForNews("INBOX", 60_000, leaving.signal));
  await expect.poll(() => server.commands.at(-1)).toBe("IDLE");
  await new Promise((resolve) => setTimeout(resolve, 50));
  leaving.abort();
  await expect.poll(() => server.heard.at(-1)).toMatch(silentTo === "" ? /^DONE$/ : /IDLE$/);
  await clock.advance(29_000);
  expect(mailbox.dead).toBe(false);
  await clock.advance(1_000);
  expect((await waiting).code).toBe("upstream-timeout");
  expect(mailbox.dead).toBe(true);
});

test("IDLE is sent anew after 9 minutes, and news after a long quiet costs no proof of the line", async () => {
  const clock = createFakeClock();
  const { mailbox, folder, server, push, idles, sent } = await openWatched({ INBOX: watchedFolder([11]) }, { clock });
  const seen = await mirror(mailbox);
  const waiting = watchingOf(mailbox).waitForNews("INBOX", 20 * 60_000, signal);
  await expect.poll(idles).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await clock.advance(9 * 60_000);
  await expect.poll(() => server.commands.filter((line) => line === "IDLE")).toHaveLength(2);
  await expect.poll(idles).toBe(true);
  await clock.advance(8 * 60_000);
  folder.uids.push(12);
  push(news(folder));
  expect(await waiting).toMatchObject({ arrived: true });
  const before = server.commands.length;
  expect((await seen.look(mailbox, { rereadFlags: 0 }))?.created).toEqual([12]);
  expect(sent(before)).toHaveLength(1);
});

test("another call ends the wait, also one that waits when it begins", async () => {
  const { mailbox, server, idles } = await openWatched({ INBOX: watchedFolder([11]) });
  await mirror(mailbox);
  const first = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  const second = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  const status = mailbox.summaries([{ path: "INBOX", uidValidity: 7, uid: 11 }]);
  expect(await first).toBeNull();
  expect(await second).toBeNull();
  expect(await status).toHaveLength(1);
  const third = watchingOf(mailbox).waitForNews("INBOX", 60_000, signal);
  await expect.poll(idles).toBe(true);
  await mailbox.list("INBOX", { limit: 1, after: null });
  expect(await third).toBeNull();
  expect(server.heard.filter((line) => line === "DONE")).toHaveLength(3);
});

test("a folder that was not looked at has news", async () => {
  const { mailbox, server } = await openWatched({ INBOX: watchedFolder([11]) });
  expect(await watchingOf(mailbox).waitForNews("INBOX", 60_000, signal)).toMatchObject({ arrived: true });
  expect(server.commands).not.toContain("IDLE");
});

test("a wait that is called off as its line breaks fails, and nothing else", async () => {
  const { mailbox, idles } = await openWatched(
    { INBOX: watchedFolder([11]) },
    { meet: (socket) => void sockets.push(socket) },
  );
  await mirror(mailbox);
  const leaving = new AbortController();
  const failed = failureOf(watchingOf(mailbox).waitForNews("INBOX", 60_000, leaving.signal));
  await expect.poll(idles).toBe(true);
  for (const socket of sockets.splice(0)) socket.destroy();
  const closing = mailbox.close();
  leaving.abort();
  expect((await failed).code).toBe("upstream-unreachable");
  await closing;
});
