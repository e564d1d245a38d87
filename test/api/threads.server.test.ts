import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../../src/mail/message.ts";
import type { ListedThread, ThreadMeta, WholeThread } from "../../src/operations/view-thread.ts";
import { asAnother } from "../servers/as-another.ts";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";
import { eventsOf, until, untilLooked } from "./watching.ts";

type Page = { data: ListedThread[]; nextCursor: string | null; meta: ThreadMeta };
type Problem = { code: string };

const docs = readFileSync(join(import.meta.dirname, "../../docs/threads.md"), "utf8");

let stack: MailStack;
let api: Api;
let front: ImapWithout;

/** A server with a key for life, one without and with little else, and a maildrop. */
const kinds = ["full", "poor", "POP3"] as const;
type Kind = (typeof kinds)[number];
const lacking: ExtensionName[] = [
  "X-GUID",
  "OBJECTID",
  "MOVE",
  "UIDPLUS",
  "LIST-STATUS",
  "ESEARCH",
  "CONDSTORE",
  "QRESYNC",
];

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 500, maildrop: 500 } });
  const { host, ports } = stack.dovecot;
  front = await startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await stack.stop();
});

/** Stands for the time of a message's delivery: what has no Received field arrived, by POP3, at its Date. */
const now = "{now}";
const dated = (raw: string): string => raw.replace(now, new Date().toUTCString().replace("GMT", "+0000"));

/** A message by its own id and the ids that it refers to, not dated yet. */
function mail(id: string, references: string[] = [], { subject = id, messageId = true } = {}): string {
  const ids = references.map((one) => `<${one}@postern.test>`);
  return [
    "From: Ann <ann@postern.test>",
    "To: me@postern.test",
    `Subject: ${subject}`,
    `Date: ${now}`,
    ...(messageId ? [`Message-ID: <${id}@postern.test>`] : []),
    ...(ids.length > 0 ? [`In-Reply-To: ${ids.at(-1)}`, `References: ${ids.join(" ")}`] : []),
    "",
    `Words of ${id}.`,
    "",
  ].join("\n");
}

async function box(kind: Kind, before: string[] = [], { isWatched = true } = {}) {
  const user = stack.dovecot.user();
  const inbox = stack.dovecot.maildir(user);
  for (const raw of before) deliver(inbox, dated(raw));
  const account =
    kind === "POP3"
      ? maildropOn(stack, user)
      : accountOn(stack, user, kind === "poor" ? { imapsPort: front.port } : {});
  const path = await storeAccount(api, { ...account, ...(!isWatched && { watch: { mode: "off" } }) });
  const get = async <T>(route: string): Promise<T> => {
    const { status, body, text } = await api.call<T>("GET", path + route);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body;
  };
  const list = (query = ""): Promise<Page> => get(`/threads${query}`);
  const read = (id: string, query = ""): Promise<WholeThread> => get(`/threads/${id}${query}`);
  const refused = async (route: string): Promise<unknown[]> => {
    const { status, body } = await api.call<Problem>("GET", path + route);
    return [status, body.code];
  };
  /** The list, once it is as it should be. */
  const listed = (isGood: (page: Page) => boolean, query = ""): Promise<Page> => until(() => list(query), isGood);
  const known = async (): Promise<number> =>
    (await list("?limit=1")).meta.indexed.folders.reduce((sum, folder) => sum + folder.known, 0);
  /** Delivers one message after the other, each in a second of its own, which is what arrivals are told by, and waits until it is indexed. */
  const arrive = async (...raws: string[]): Promise<void> => {
    for (const raw of raws) {
      await nextSecond();
      const before = await known();
      deliver(inbox, dated(raw));
      await until(known, (count) => count > before);
    }
  };
  const ids = async (): Promise<Record<string, string>> => {
    const { data } = await get<{ data: Message[] }>("/messages?include=threadId&limit=200&folder=inbox");
    return Object.fromEntries(data.map(({ subject, threadId = "" }) => [subject, threadId]));
  };
  const folderId = async (role: string): Promise<string> => {
    const { data } = await get<{ data: { id: string; role: string | null }[] }>("/folders");
    return data.find((one) => one.role === role)?.id ?? "";
  };
  if (isWatched) await untilLooked(api, path);
  return { user, path, inbox, get, list, read, refused, listed, arrive, ids, folderId };
}

async function nextSecond(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));
}

const subjects = ({ messages }: WholeThread): string[] => messages.map(({ subject }) => subject);
const shown = ({ data }: Page): [string, number][] => data.map(({ subject, messageCount }) => [subject, messageCount]);

describe.concurrent.each(kinds)("threads, server %s", (kind) => {
  test("what was there before is indexed, and its threads told newest first with their latest message", async () => {
    const before = [mail("a"), mail("z"), mail("b", ["a"], { subject: "Re: AW: a" })];
    const { listed, read, get, path } = await box(kind, before);
    const page = await listed(({ meta }) => meta.indexed.state === "built");
    const inbox = page.meta.indexed.folders.find(({ of }) => of > 0);
    expect(page.meta).toMatchObject({ failed: [], indexed: { complete: true } });
    expect(inbox).toMatchObject({ known: 3, of: 3 });
    expect(page.data.map(({ subject }) => subject).toSorted()).toEqual(["a", "z"]);
    const one = page.data.find(({ subject }) => subject === "a");
    expect(one).toMatchObject({
      messageCount: 2,
      accountId: path.split("/").at(-1),
      folderIds: [inbox?.folderId],
      latest: { folderIds: [inbox?.folderId], threadId: one?.id },
    });
    const thread = await read(one?.id ?? "", "?include=preview,references");
    expect(subjects(thread).toSorted()).toEqual(["Re: AW: a", "a"]);
    expect(thread).toMatchObject({ id: one?.id, messageCount: 2, truncated: false, meta: { failed: [] } });
    for (const message of thread.messages) {
      expect(message).toMatchObject({ threadId: one?.id, preview: expect.stringMatching(/^Words of [ab]\.$/) });
      const whole = await get<Message>(`/messages/${message.id}`);
      expect(whole.threadId).toBe(one?.id);
    }
  });

  test("new mail joins what it answers, also past what is missing and under another subject, and comes to the front", async () => {
    const { arrive, list, listed, read, ids, path } = await box(kind);
    await arrive(mail("a"), mail("other"), mail("c", ["a", "b"], { subject: "Something else" }));
    const page = await listed(({ data }) => data.length === 2);
    expect(shown(page)).toEqual([
      ["Something else", 2],
      ["other", 1],
    ]);
    await arrive(mail("lone", ["never", "seen"]), mail("d", ["other"], { subject: "Fwd: other" }));
    const later = await listed(({ data }) => data.length === 3 && data[0]?.subject === "other");
    expect(shown(later)).toEqual([
      ["other", 2],
      ["lone", 1],
      ["Something else", 2],
    ]);
    const times = later.data.map(({ lastMessageAt }) => lastMessageAt);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(subjects(await read(later.data[2]?.id ?? ""))).toEqual(["a", "Something else"]);
    // What lists, events and threads tell is one.
    const told = await ids();
    for (const { data } of (await eventsOf(api, path)).filter(({ type }) => type === "message.created"))
      expect(data).toMatchObject({ threadId: told[data.subject] });
    expect(told["lone"]).toBe(later.data[1]?.id);
    expect((await list("?limit=1")).data[0]?.id).toBe(told["Fwd: other"]);
  });

  test("a late message joins two, and the old id leads to the one that stays", async () => {
    const { arrive, list, listed, read, ids, refused } = await box(kind);
    await arrive(mail("old"), mail("new"));
    await listed(({ data }) => data.length === 2);
    const before = await ids();
    await arrive(mail("late", ["old", "new"]));
    const page = await listed(({ data }) => data.length === 1);
    expect(page.data[0]).toMatchObject({ id: before["old"], subject: "late", messageCount: 3 });
    const [loser, winner] = [await read(before["new"] ?? ""), await read(before["old"] ?? "")];
    expect(loser).toEqual(winner);
    expect(loser.id).toBe(before["old"]);
    expect(subjects(loser)).toEqual(["old", "new", "late"]);
    expect(new Set(Object.values(await ids()))).toEqual(new Set([before["old"]]));
    expect((await list()).data).toHaveLength(1);
    expect(await refused(`/threads/thr_${"0".repeat(26)}`)).toEqual([404, "not-found"]);
    expect(await refused("/threads/nonsense")).toEqual([404, "not-found"]);
  });

  test("the same message twice is told as what it is, and counted once", async () => {
    const { arrive, listed, read } = await box(kind);
    await arrive(mail("a"), mail("twin", ["a"]), mail("twin", ["a"]));
    const { data } = await listed((page) => page.data[0]?.messageCount === 2 && page.meta.indexed.complete);
    const thread = await until(
      () => read(data[0]?.id ?? ""),
      ({ messages }) => messages.length === 3,
    );
    expect(subjects(thread)).toEqual(["a", "twin", "twin"]);
    expect(new Set(thread.messages.map(({ id }) => id)).size).toBe(3);
    expect(thread.messageCount).toBe(2);
  });

  test("without a Message-ID is a thread of its own", async () => {
    const { arrive, listed, ids } = await box(kind);
    await arrive(mail("x", [], { messageId: false }), mail("y", [], { messageId: false }));
    const { data } = await listed((page) => page.data.length === 2);
    expect(new Set(data.map(({ id }) => id))).toEqual(new Set(Object.values(await ids())));
  });

  test("its last message gone, a thread is gone; its latest gone, the one before is shown", async () => {
    const { arrive, listed, list, path, refused } = await box(kind);
    await arrive(mail("single"), mail("a"), mail("b", ["a"]));
    const page = await listed(({ data }) => data.length === 2);
    const remove = async (id: string | undefined) =>
      expect((await api.call("DELETE", `${path}/messages/${id}?permanent=true`)).status).toBe(204);
    await remove(page.data[0]?.latest.id);
    // At once, whether somebody has looked or not.
    const next = await list();
    expect(next.data.map(({ latest }) => latest.subject)).toEqual(["a", "single"]);
    await remove(page.data[1]?.latest.id);
    expect((await list()).data.map(({ latest }) => latest.subject)).toEqual(["a"]);
    expect(await refused(`/threads/${page.data[1]?.id}`)).toEqual([404, "not-found"]);
    const last = await listed(({ data }) => data[0]?.messageCount === 1);
    expect(shown(last)).toEqual([["a", 1]]);
    await remove(last.data[0]?.latest.id);
    await until(
      () => refused(`/threads/${last.data[0]?.id}`),
      ([status]) => status === 404,
    );
  });

  test("pages hold each thread once while mail arrives; a cursor is good for its own list only", async () => {
    const { arrive, list, listed, refused, inbox, path } = await box(kind);
    for (let n = 0; n < 7; n += 1) deliver(inbox, dated(mail(`t${n}`)));
    await listed(({ data }) => data.length === 7);
    const seen: string[] = [];
    let cursor = "";
    for (let nth = 0; ; nth += 1) {
      const page: Page = await list(`?limit=2${cursor}`);
      seen.push(...page.data.map(({ id }) => id));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
      await arrive(mail(`new${nth}`));
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
    expect((await list()).data.slice(0, 3).map(({ subject }) => subject)).toEqual(["new2", "new1", "new0"]);
    const { nextCursor } = await list("?limit=2");
    for (const route of [`?folder=inbox&cursor=${nextCursor}`, `?cursor=${nextCursor?.slice(0, -1)}`])
      expect(await refused(`/threads${route}`)).toEqual([400, "invalid-cursor"]);
    const other = await box(kind);
    expect(other.path).not.toBe(path);
    expect(await other.refused(`/threads?cursor=${nextCursor}`)).toEqual([400, "invalid-cursor"]);
    expect(await other.refused(`/threads/${seen[0]}`)).toEqual([404, "not-found"]);
  });

  test("an account that nobody watches says so", async () => {
    const { list, ids, refused } = await box(kind, [mail("a"), mail("b", ["a"])], { isWatched: false });
    const page = await list();
    expect(page).toMatchObject({ data: [], nextCursor: null, meta: { indexed: { state: "off", complete: false } } });
    const { a, b } = await ids();
    expect(a).toMatch(/^thr_/);
    expect(b).toBe(a);
    expect(await refused(`/threads/${a}`)).toEqual([404, "not-found"]);
  });
});

test("what docs/threads.md shows works", async () => {
  const { listed, get } = await box("full", [mail("a")]);
  const { data } = await listed((page) => page.data.length === 1);
  const shown = docs.matchAll(/^ {4}curl "\$A(\S+)" -H/gm);
  const routes = [...shown].map(([, route = ""]) => route.replace("thr_…", data[0]?.id ?? ""));
  expect(routes).toHaveLength(4);
  for (const route of routes) expect(JSON.stringify(await get(route))).toContain('"subject":"a"');
  for (const [, json = ""] of docs.matchAll(/^```json\n(.*?)^```/gms)) expect(JSON.parse(json)).toBeTypeOf("object");
});

describe.concurrent.each(["full", "poor"] as const)("threads across folders, server %s", (kind) => {
  test("hold what was sent, and a message in two folders as its ids have it", async () => {
    const { user, arrive, listed, list, read, ids, folderId } = await box(kind);
    await arrive(mail("a"));
    const [inbox, sent, archive] = await Promise.all(["inbox", "sent", "archive"].map(folderId));
    await nextSecond();
    await asAnother(stack.dovecot, user, async (client) => {
      const sentMail = dated(mail("b", ["a"], { subject: "Re: a" }));
      await client.append("Sent", sentMail.replaceAll("\n", "\r\n"), ["\\Seen"]);
      await client.mailboxOpen("INBOX");
      await client.messageCopy("1", "Archive", { uid: true });
    });
    const complete = await listed(({ data, meta }) => data[0]?.messageCount === 2 && meta.indexed.complete);
    const page = await listed(({ data }) => data[0]?.folderIds.length === 3);
    expect(complete.meta.indexed.folders.length).toBeGreaterThan(3);
    expect(page.data).toHaveLength(1);
    expect(new Set(page.data[0]?.folderIds)).toEqual(new Set([inbox, sent, archive]));
    expect(page.data[0]?.latest).toMatchObject({ subject: "Re: a", folderIds: [sent] });
    const thread = await read((await ids())["a"] ?? "");
    // Dovecot's key for life is the same for both copies.
    const copies = thread.messages.filter(({ subject }) => subject === "a").map(({ folderIds }) => folderIds);
    expect(copies).toHaveLength(kind === "full" ? 1 : 2);
    expect(new Set(copies.flat())).toEqual(new Set([inbox, archive]));
    expect(thread.messages.at(-1)).toMatchObject({ subject: "Re: a", folderIds: [sent] });
    expect(thread.messageCount).toBe(2);
    for (const role of ["inbox", "sent", "archive"]) expect((await list(`?folder=${role}`)).data).toHaveLength(1);
    expect((await list(`?folder=${sent}`)).data[0]?.id).toBe(thread.id);
    expect((await list("?folder=drafts")).data).toEqual([]);
  });

  test("what Postern moves stays in its thread, under the same id", async () => {
    const { path, arrive, read, ids, folderId } = await box(kind);
    await arrive(mail("a"), mail("b", ["a"]));
    const archive = await folderId("archive");
    const id = (await ids())["a"] ?? "";
    const before = await until(
      () => read(id),
      ({ messages }) => messages.length === 2,
    );
    const moved = `${path}/messages/${before.messages[1]?.id}`;
    expect((await api.call("PATCH", moved, { folderId: archive })).status).toBe(200);
    // Also while the watcher has seen it go, and not yet where to.
    for (const end = Date.now() + 1_500; Date.now() < end;) {
      const { messages } = await read(id);
      expect(messages.map((message) => message.id)).toEqual(before.messages.map((message) => message.id));
      expect(messages[1]?.folderIds).toEqual([archive]);
    }
    const settled = await until(
      () => read(id),
      ({ meta }) => meta.indexed.complete,
    );
    expect(settled).toMatchObject({ messageCount: 2, folderIds: expect.arrayContaining([archive]) });
    expect(settled.messages).toHaveLength(2);
  });

  test("a role that no folder has, and a folder that is not there, are refused", async () => {
    const { refused } = await box(kind);
    expect(await refused("/threads?folder=flagged")).toEqual([404, "not-found"]);
    expect(await refused(`/threads?folder=fld_${"0".repeat(26)}`)).toEqual([404, "not-found"]);
    expect(await refused("/threads?folder=nonsense")).toEqual([422, "validation-failed"]);
    expect(await refused("/threads?include=nonsense")).toEqual([422, "validation-failed"]);
  });
});
