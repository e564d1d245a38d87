import { renameSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { startProxy } from "../servers/proxy.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";
import { asAnother } from "../servers/as-another.ts";
import { eventsOf, eventually, letter, until, untilLooked } from "./watching.ts";

type Folder = { id: string; name: string; role: string | null };
type Message = { id: string; subject: string; folderIds: string[] };

let stack: MailStack;
let api: Api;
const fronts = new Map<string, ImapWithout>();

/** The server as it is; one without a key for life, CONDSTORE and most else; one that can't push. */
const servers = {
  full: [],
  poor: ["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE", "QRESYNC", "SPECIAL-USE"],
  "without IDLE": ["IDLE", "QRESYNC"],
} satisfies Record<string, ExtensionName[]>;
type Kind = keyof typeof servers;
const kinds = Object.keys(servers) as Kind[];

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 700, maildrop: 500 } });
  const { host, ports } = stack.dovecot;
  for (const kind of kinds.filter((one) => one !== "full"))
    fronts.set(kind, await startImapWithout(servers[kind], { host, port: ports.imap }, stack.certificates.valid));
});
afterAll(async () => {
  await api.stop();
  for (const front of fronts.values()) await front.stop();
  await stack.stop();
});

/** A mailbox with some messages, stored as an account and looked at once. */
async function watched(kind: Kind, count = 0, change: Record<string, unknown> = {}) {
  const user = stack.dovecot.user();
  const maildir = stack.dovecot.maildir(user);
  if (count > 0) fillMaildir(maildir, count, { to: user.username });
  const front = fronts.get(kind);
  const account = accountOn(stack, user, front ? { imapsPort: front.port } : {});
  const path = await storeAccount(api, { ...account, ...change });
  await untilLooked(api, path);
  return { user, path, maildir };
}

async function foldersOf(path: string): Promise<Folder[]> {
  return (await api.call<{ data: Folder[] }>("GET", `${path}/folders`)).body.data;
}

async function folderOf(path: string, role: string): Promise<Folder> {
  const folder = (await foldersOf(path)).find((one) => one.role === role);
  if (folder === undefined) throw new Error(`no ${role}`);
  return folder;
}

async function list(path: string, query = ""): Promise<Message[]> {
  return (await api.call<{ data: Message[] }>("GET", `${path}/messages${query}`)).body.data;
}

describe.concurrent.each(kinds)("a watched mailbox, server %s", (kind) => {
  test("what is there already is taken down in silence; new mail is told once, with the id that lists give", async () => {
    const { path, maildir } = await watched(kind, 5);
    deliver(maildir, letter("one"));
    deliver(maildir, letter("two", new Date("2009-01-01T00:00:00Z")));
    const events = await eventually(api, path, 2);
    await untilLooked(api, path);
    expect(await eventually(api, path, 2)).toHaveLength(2);
    expect(events.map(({ type }) => type)).toEqual(["message.created", "message.created"]);
    expect(events.map(({ data }) => data.subject).toSorted()).toEqual(["one", "two"]);
    const inbox = await folderOf(path, "inbox");
    for (const { data } of events) {
      expect(data).toMatchObject({ actor: "external", historical: false, folderIds: [inbox.id] });
      expect(await list(path)).toContainEqual(expect.objectContaining({ id: data.id, subject: data.subject }));
    }
  });

  test("flags, keywords and expunge by another client", async () => {
    const { path, user } = await watched(kind, 3);
    const [newest] = await list(path);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageFlagsRemove("3", ["\\Seen"], { uid: true });
      await client.messageFlagsAdd("3", ["\\Flagged", "$Work"], { uid: true });
      await client.messageFlagsAdd("3", ["\\Seen"], { uid: true });
    });
    const last = async () => (await eventsOf(api, path)).at(-1);
    const flagged = await until(
      last,
      (event) => event?.data.flags?.["flagged"] === true && event.data.flags["seen"] === true,
    );
    expect(flagged?.data).toMatchObject({ id: newest?.id, keywords: ["$Work"], actor: "external" });
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageDelete("3", { uid: true });
    });
    const deleted = await until(last, (event) => event?.type === "message.deleted");
    expect(deleted?.data).toMatchObject({ id: newest?.id, actor: "external" });
  });

  test("what the API did says so, and is never announced as new", async () => {
    const { path } = await watched(kind, 3);
    const [newest, other, third] = await list(path);
    const [inbox, archive] = [await folderOf(path, "inbox"), await folderOf(path, "archive")];
    const flags = { flags: { flagged: true } };
    expect((await api.call("PATCH", `${path}/messages/${newest?.id}`, flags)).status).toBe(200);
    const move = { folderId: archive.id };
    expect((await api.call("PATCH", `${path}/messages/${other?.id}`, move)).status).toBe(200);
    expect((await api.call("DELETE", `${path}/messages/${third?.id}?permanent=true`)).status).toBe(204);
    const response = await fetch(`${api.url}${path}/messages?folder=archive`, {
      method: "POST",
      headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822" },
      body: letter("stored"),
    });
    expect(response.status).toBe(201);
    await eventually(api, path, 3);
    await untilLooked(api, path);
    await untilLooked(api, path);
    const events = await eventually(api, path, 3);
    const byType = Object.fromEntries(events.map((event) => [event.type, event.data]));
    expect(new Set(events.map(({ data }) => data.actor))).toEqual(new Set(["api"]));
    expect(byType["message.moved"]).toMatchObject({ id: other?.id, fromFolderId: inbox.id, toFolderId: archive.id });
    expect(byType["message.deleted"]).toMatchObject({ id: third?.id, folderIds: [inbox.id] });
    expect(byType["message.updated"]).toMatchObject({ id: newest?.id, changes: ["flags"] });
    expect(events.filter(({ type }) => type === "message.created")).toEqual([]);
  });

  test("folders that come, are renamed and go while they are watched", async () => {
    const { path, user } = await watched(kind, 1);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxCreate("Projects");
      await client.append("Projects", letter("in a new folder"));
    });
    const [created] = await eventually(api, path, 2);
    expect(created).toMatchObject({ type: "folder.created", data: { name: "Projects", actor: "external" } });
    expect((await eventually(api, path, 2))[1]).toMatchObject({
      type: "message.created",
      data: { subject: "in a new folder", folderIds: [created?.data.id] },
    });
    await asAnother(stack.dovecot, user, (client) => client.mailboxRename("Projects", "Plans"));
    expect((await eventually(api, path, 3)).at(-1)).toMatchObject({
      type: "folder.renamed",
      data: { id: created?.data.id, name: "Plans", from: { name: "Projects", parentId: null } },
    });
    await asAnother(stack.dovecot, user, (client) => client.mailboxDelete("Plans"));
    const events = await eventually(api, path, 5);
    expect(events.slice(3)).toMatchObject([
      { type: "folder.deleted", data: { id: created?.data.id, name: "Plans" } },
      { type: "message.deleted", data: { id: events[1]?.data.id, actor: "external" } },
    ]);
  });

  test("UIDVALIDITY becomes another one: the folder is reset, once, and taken down anew in silence", async () => {
    const { path, user } = await watched(kind, 4);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxCreate("Again");
      await client.append("Again", letter("before"));
    });
    await eventually(api, path, 2);
    // Nobody looks between the one and the other.
    await api.call("POST", `${path}/pause`);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxDelete("Again");
      await client.mailboxCreate("Again");
      await client.append("Again", letter("after"));
    });
    await api.call("POST", `${path}/resume`);
    const events = await eventually(api, path, 3);
    expect(events.at(2)).toMatchObject({ type: "folder.reset", data: { name: "Again" } });
    await untilLooked(api, path);
    await asAnother(stack.dovecot, user, (client) => client.append("Again", letter("then")));
    const then = await eventually(api, path, 4);
    expect(then.slice(3)).toMatchObject([{ type: "message.created", data: { subject: "then" } }]);
  });

  test("a folder whose UIDVALIDITY becomes another one while it is watched is reset, once", async () => {
    const { path, user, maildir } = await watched(kind, 4);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxCreate("Again");
      await client.append("Again", letter("before"));
    });
    const [created] = await eventually(api, path, 2);
    // From one moment to the next another folder stands in its place, as after a restored backup.
    deliver(`${maildir}-restored`, letter("after"));
    renameSync(`${maildir}/.Again`, `${maildir}-replaced`);
    renameSync(`${maildir}-restored`, `${maildir}/.Again`);
    const events = await eventually(api, path, 3);
    expect(events[2]).toMatchObject({ type: "folder.reset", data: { id: created?.data.id, actor: "external" } });
    await untilLooked(api, path);
    await untilLooked(api, path);
    deliver(`${maildir}/.Again`, letter("then"));
    const then = await eventually(api, path, 4);
    expect(then.slice(3)).toMatchObject([{ type: "message.created", data: { subject: "then" } }]);
  });

  test("200 messages in a burst are told once each, in a log without gaps", async () => {
    const { path, maildir } = await watched(kind, 0);
    for (let n = 0; n < 200; n += 1) deliver(maildir, letter(`burst ${n}`));
    const events = await eventually(api, path, 200, 30_000);
    expect(new Set(events.map(({ data }) => data.subject)).size).toBe(200);
    await untilLooked(api, path);
    expect(await eventually(api, path, 200)).toHaveLength(200);
  });
});

describe.concurrent.each(kinds.filter((kind) => kind !== "poor"))("a move by another client, server %s", (kind) => {
  test("keeps the id and is told once", async () => {
    const { path, user } = await watched(kind, 2);
    const [newest] = await list(path);
    const [inbox, archive] = [await folderOf(path, "inbox"), await folderOf(path, "archive")];
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageMove("2", "Archive", { uid: true });
    });
    const [moved] = await eventually(api, path, 1);
    const places = { fromFolderId: inbox.id, toFolderId: archive.id, folderIds: [archive.id] };
    expect(moved).toMatchObject({ type: "message.moved", data: { id: newest?.id, ...places, actor: "external" } });
    await untilLooked(api, path);
    await untilLooked(api, path);
    expect(await eventually(api, path, 1)).toHaveLength(1);
  });
});

test.concurrent("a move by another client is a deletion and a new message where ids are tracked", async () => {
  const { path, user } = await watched("poor", 2);
  const [newest] = await list(path);
  await asAnother(stack.dovecot, user, async (client) => {
    await client.mailboxOpen("INBOX");
    await client.messageMove("2", "Archive", { uid: true });
  });
  const events = await eventually(api, path, 2);
  expect(events.map(({ type }) => type).toSorted()).toEqual(["message.created", "message.deleted"]);
  expect(events.find(({ type }) => type === "message.deleted")?.data.id).toBe(newest?.id);
});

describe.concurrent("watching", () => {
  test("mail of a day ago is told where the account asks for it, as historical", async () => {
    const user = stack.dovecot.user();
    await asAnother(stack.dovecot, user, async (client) => {
      await client.append("INBOX", letter("long ago"), [], new Date(Date.now() - 9 * 86_400_000));
      await client.append("INBOX", letter("yesterday"), [], new Date(Date.now() - 20 * 3_600_000));
      await client.append("INBOX", letter("back-dated"), [], new Date(Date.now() - 8 * 86_400_000));
      await client.append("INBOX", letter("today"), [], new Date(Date.now() - 3_600_000));
    });
    const notifySince = new Date(Date.now() - 2 * 86_400_000).toISOString();
    const path = await storeAccount(api, {
      ...accountOn(stack, user),
      watch: { mode: "push", folders: "all", notifySince },
    });
    await eventually(api, path, 2);
    await untilLooked(api, path);
    const told = (await eventually(api, path, 2)).map(({ data }) => [data.subject, data.historical]);
    expect(told).toEqual([
      ["yesterday", true],
      ["today", true],
    ]);
    deliver(stack.dovecot.maildir(user), letter("new"));
    expect((await eventually(api, path, 3)).at(-1)?.data).toMatchObject({ subject: "new", historical: false });
  });

  test("IDLE that is muted while mail arrives is found out by the next look at all folders", async () => {
    const proxy = await startProxy({ port: stack.dovecot.ports.imaps });
    const user = stack.dovecot.user();
    const path = await storeAccount(api, accountOn(stack, user, { imapsPort: proxy.port }));
    await untilLooked(api, path);
    for (const connection of proxy.connections) connection.goSilent();
    deliver(stack.dovecot.maildir(user), letter("past a muted line"));
    const [event] = await eventually(api, path, 1, 60_000);
    expect(event?.data.subject).toBe("past a muted line");
    await proxy.stop();
  }, 90_000);

  test("a maildrop is polled: new and deleted messages", async () => {
    const user = stack.dovecot.user();
    const maildir = stack.dovecot.maildir(user);
    fillMaildir(maildir, 3, { to: user.username });
    const path = await storeAccount(api, maildropOn(stack, user));
    await untilLooked(api, path);
    const [newest] = await list(path);
    deliver(maildir, letter("by POP3"));
    const [created] = await eventually(api, path, 1);
    expect(created).toMatchObject({ type: "message.created", data: { subject: "by POP3", actor: "external" } });
    expect((await list(path))[0]?.id).toBe(created?.data.id);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageDelete("3", { uid: true });
    });
    expect((await eventually(api, path, 2)).at(-1)).toMatchObject({
      type: "message.deleted",
      data: { id: newest?.id, actor: "external" },
    });
    const [ours] = await list(path);
    expect((await api.call("DELETE", `${path}/messages/${ours?.id}?permanent=true`)).status).toBe(204);
    expect((await eventually(api, path, 3)).at(-1)).toMatchObject({
      type: "message.deleted",
      data: { id: ours?.id, actor: "api" },
    });
  });

  test("a polled account has no session of its own that waits: what comes is found by looks on lent ones", async () => {
    const { host, ports } = stack.dovecot;
    const own = await startImapWithout([], { host, port: ports.imap }, stack.certificates.valid);
    const user = stack.dovecot.user();
    const maildir = stack.dovecot.maildir(user);
    const account = accountOn(stack, user, { imapsPort: own.port });
    const path = await storeAccount(api, { ...account, watch: { mode: "poll", folders: "all" } });
    await untilLooked(api, path);
    deliver(maildir, letter("polled"));
    deliver(`${maildir}/.Archive`, letter("polled elsewhere"));
    const events = await eventually(api, path, 2);
    expect(events.map(({ data }) => data.subject).toSorted()).toEqual(["polled", "polled elsewhere"]);
    await untilLooked(api, path);
    expect(own.passed.filter((command) => /^IDLE/i.test(command))).toEqual([]);
    expect((await api.store.watches.get(path.split("/").at(-1) ?? ""))?.mode).toBe("poll");
    await own.stop();
  });

  test("paused accounts are left alone, and catch up when they are resumed", async () => {
    const { path, maildir } = await watched("full", 1);
    expect((await api.call("POST", `${path}/pause`)).status).toBe(200);
    deliver(maildir, letter("while paused"));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await eventsOf(api, path)).map(({ type }) => type)).toEqual(["account.connected", "account.paused"]);
    expect((await api.call("POST", `${path}/resume`)).status).toBe(200);
    const events = await eventually(api, path, 1);
    expect(events.map(({ data }) => data.subject)).toEqual(["while paused"]);
    const states = (await eventsOf(api, path)).map(({ type }) => type).filter((type) => type.startsWith("account."));
    expect(states).toEqual(["account.connected", "account.paused", "account.connected"]);
  });

  test("an account that is not watched says nothing", async () => {
    const user = stack.dovecot.user();
    const watch = { mode: "off", folders: "all" };
    const path = await storeAccount(api, { ...accountOn(stack, user), watch });
    deliver(stack.dovecot.maildir(user), letter("nobody looks"));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await eventsOf(api, path)).map(({ type }) => type)).toEqual(["account.connected"]);
  });

  test("only the folders that the account names are watched", async () => {
    const { path, user } = await watched("full", 0, { watch: { mode: "push", folders: ["sent"] } });
    await asAnother(stack.dovecot, user, async (client) => {
      await client.append("INBOX", letter("not here"));
      await client.append("Sent", letter("here"));
    });
    const events = await eventually(api, path, 1);
    await untilLooked(api, path);
    expect((await eventually(api, path, 1)).map(({ data }) => data.subject)).toEqual(["here"]);
    expect(events).toHaveLength(1);
  });
});

test.concurrent("the server is killed and comes back: what came meanwhile is told, and that it was away", async () => {
  const own = await startMailStack();
  const user = own.dovecot.user();
  const path = await storeAccount(api, accountOn(own, user));
  await untilLooked(api, path);
  await own.dovecot.killAll();
  const types = async () => (await eventsOf(api, path)).map(({ type }) => type);
  await until(types, (all) => all.includes("account.unreachable"));
  deliver(own.dovecot.maildir(user), letter("while it was down"));
  await own.dovecot.restart();
  const [event] = await eventually(api, path, 1, 40_000);
  expect(event?.data.subject).toBe("while it was down");
  expect(await types()).toContain("account.recovered");
  await own.stop();
}, 120_000);
