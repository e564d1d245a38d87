import { afterAll, beforeAll, expect, test } from "vitest";
import { type Imap4d, startImap4d } from "../servers/imap4d.ts";
import { type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { startMailStack, type MailStack } from "../servers/mail-stack.ts";
import { type Pop3Front, startPop3Front } from "../servers/pop3-front.ts";
import { allIn, batch, folderNamed, foldersOf, idsOf, outcomes, refusedBatch, type Result } from "./batches.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";
import { eventsOf, until, untilLooked } from "./watching.ts";

let stack: MailStack;
let api: Api;
let imap4d: Imap4d;
let secured: ImapWithout;
let poor: ImapWithout;
let pop3: Pop3Front;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 500, maildrop: 500 } });
  imap4d = await startImap4d();
  const { host, ports } = stack.dovecot;
  secured = await startImapWithout([], imap4d, stack.certificates.valid);
  poor = await startImapWithout(["X-GUID", "MOVE", "UIDPLUS"], { host, port: ports.imap }, stack.certificates.valid);
  pop3 = await startPop3Front({ host, port: ports.pop3 }, stack.certificates.valid);
});
afterAll(async () => {
  await api.stop();
  for (const front of [secured, poor, pop3]) await front.stop();
  await imap4d.stop();
  await stack.stop();
});

const off = { watch: { mode: "off" } };

test("on GNU imap4d messages are flagged, moved and removed", async () => {
  const user = imap4d.user();
  await imap4d.fill(user, 30);
  await imap4d.fill(user, 10, "Archive");
  const path = await storeAccount(api, { ...accountOn(stack, user, { imapsPort: secured.port }), ...off });
  const archive = await folderNamed(api, path, "Archive");
  const [inbox, archived] = [await allIn(api, path), await allIn(api, path, archive.id)];
  const ids = idsOf([...inbox, ...archived]);
  expect(outcomes(await batch(api, path, { ids, action: { flags: { flagged: true } } }))).toEqual(ids.map(() => "ok"));
  const { id: trash } = await folderNamed(api, path, "Trash");
  const moved = await batch(api, path, { ids, action: { folderId: trash } });
  expect(outcomes(moved)).toEqual(ids.map(() => "ok"));
  const there = await allIn(api, path, trash);
  expect(there).toHaveLength(40);
  for (const { flags } of there) expect(flags["flagged"]).toBe(true);
  // One whose place could not be told has a new id, and that is said.
  const ended = moved.results.filter(({ warnings }) => warnings?.length !== 0).map(({ id }) => id);
  expect(
    idsOf(there)
      .filter((id) => ids.includes(id))
      .toSorted(),
  ).toEqual(ids.filter((id) => !ended.includes(id)).toSorted());
  for (const { warnings } of moved.results) expect([[], ["id-ended-by-move"]]).toContainEqual(warnings);
  const some = idsOf(there).slice(0, 25);
  expect(outcomes(await batch(api, path, { ids: some, action: { delete: "permanent" } }))).toEqual(
    some.map(() => "ok"),
  );
  expect(await allIn(api, path, trash)).toHaveLength(15);
});

test("on POP3 messages are flagged by us, and removed in one session", async () => {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 120, { to: user.username });
  const path = await storeAccount(api, { ...maildropOn(stack, user, { pop3sPort: pop3.port }), ...off });
  const ids = idsOf(await allIn(api, path));
  const action = { flags: { flagged: true, seen: true }, keywords: { add: ["batched"] } };
  const sessionOf = async <T>(work: () => Promise<T>) => {
    const before = pop3.commands.length;
    const done = await work();
    const commands = pop3.commands.slice(before);
    return { done, count: (name: string) => commands.filter((one) => one === name).length };
  };
  const foreign = `msg_${"A".repeat(40)}`;
  const flagged = await sessionOf(() => batch(api, path, { ids: [...ids, foreign], action }));
  expect(outcomes(flagged.done)).toEqual([...ids.map(() => "ok"), "not-found"]);
  expect([flagged.count("STAT"), flagged.count("RETR"), flagged.count("TOP")]).toEqual([1, 0, 0]);
  for (const { flags, keywords } of await allIn(api, path))
    expect([flags, keywords]).toMatchObject([{ flagged: true, seen: true }, ["batched"]]);

  const inbox = (await foldersOf(api, path))[0]?.id;
  expect(await refusedBatch(api, path, { ids, action: { folderId: inbox } })).toEqual([422, "unsupported-by-protocol"]);
  expect(await refusedBatch(api, path, { ids, action: { delete: "trash" } })).toEqual([422, "unsupported-by-protocol"]);
  const some = ids.slice(0, 100);
  const dry = await batch(api, path, { ids: some, action: { delete: "permanent" }, dryRun: true });
  expect(dry.results.map(({ would }) => would)).toEqual(some.map(() => ["delete"]));
  const removed = await sessionOf(() => batch(api, path, { ids: some, action: { delete: "permanent" } }));
  expect(outcomes(removed.done)).toEqual(some.map(() => "ok"));
  expect([removed.count("STAT"), removed.count("DELE")]).toEqual([1, 100]);
  expect(idsOf(await allIn(api, path))).toEqual(ids.slice(100));
  const again = await batch(api, path, { ids: ids.slice(98, 102), action: { delete: "permanent" } });
  expect(outcomes(again)).toEqual(["message-gone", "message-gone", "ok", "ok"]);
});

const told = async (path: string) =>
  (await eventsOf(api, path))
    .filter(({ type }) => type.startsWith("message."))
    .map(({ type, data }) => [type, data.actor, data.id].join(" "));

test.each(["permanent", "tracked"])(
  "what a batch does is told once for each message, as our doing: %s",
  async (kind) => {
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 40, { to: user.username });
    fillMaildir(stack.dovecot.maildir(user, "Archive"), 20, { to: user.username, seed: 2 });
    const account = accountOn(stack, user, kind === "tracked" ? { imapsPort: poor.port } : {});
    const path = await storeAccount(api, account);
    await untilLooked(api, path);
    const ids = idsOf([...(await allIn(api, path)), ...(await allIn(api, path, "archive"))]);
    expect(ids).toHaveLength(60);
    const eventually = async (count: number) => {
      const all = await until(
        () => told(path),
        (events) => events.length >= count,
        30_000,
      );
      await untilLooked(api, path);
      await untilLooked(api, path);
      expect(await told(path)).toEqual(all);
      return all.slice(-60).toSorted();
    };
    const each = (type: string) => ids.map((id) => `${type} api ${id}`).toSorted();
    await batch(api, path, { ids, action: { keywords: { add: ["batched"] } } });
    expect(await eventually(60)).toEqual(each("message.updated"));
    const { id: sent } = await folderNamed(api, path, "Sent");
    const moved = await batch(api, path, { ids, action: { folderId: sent } });
    expect(new Set(outcomes(moved))).toEqual(new Set(["ok"]));
    expect(await eventually(120)).toEqual(each("message.moved"));
    await batch(api, path, { ids, action: { delete: "permanent" } });
    expect(await eventually(180)).toEqual(each("message.deleted"));
  },
);

test("on a watched maildrop removals are told once each, as our doing", async () => {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 30, { to: user.username });
  const path = await storeAccount(api, maildropOn(stack, user));
  await untilLooked(api, path);
  const ids = idsOf(await allIn(api, path));
  await batch(api, path, { ids, action: { delete: "permanent" } });
  const all = await until(
    () => told(path),
    (events) => events.length >= 30,
    30_000,
  );
  await untilLooked(api, path);
  expect(all.toSorted()).toEqual(ids.map((id) => `message.deleted api ${id}`).toSorted());
  expect(await told(path)).toEqual(all);
});

test.each(["IMAP", "POP3"])(
  "by a search on %s the newest that match are taken, and others are left",
  async (protocol) => {
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 40, { to: user.username });
    if (protocol === "IMAP") fillMaildir(stack.dovecot.maildir(user, "Archive"), 20, { to: user.username, seed: 2 });
    const account = protocol === "IMAP" ? accountOn(stack, user) : maildropOn(stack, user);
    const path = await storeAccount(api, { ...account, ...off });
    const before = [...(await allIn(api, path)), ...(protocol === "IMAP" ? await allIn(api, path, "archive") : [])];
    // Some that all of the servers can tell by the headers.
    const [subject = ""] = before[3]?.subject.split(" ").slice(-1) ?? [];
    const matching = before.filter((one) => one.subject.toLowerCase().includes(subject.toLowerCase()));
    const search = { where: { subject } };
    const dry = await batch(api, path, { search, action: { flags: { answered: true } }, dryRun: true });
    expect(idsOf(dry.results).toSorted()).toEqual(idsOf(matching).toSorted());
    expect(dry.meta).toMatchObject({ more: false, undecided: 0, failed: [] });
    const done = await batch(api, path, { search, action: { keywords: { add: ["found"] } } });
    expect(idsOf(done.results)).toEqual(idsOf(dry.results));
    expect(new Set(outcomes(done))).toEqual(new Set(["ok"]));
    const after = [...(await allIn(api, path)), ...(protocol === "IMAP" ? await allIn(api, path, "archive") : [])];
    expect(idsOf(after.filter(({ keywords }) => keywords.includes("found"))).toSorted()).toEqual(
      idsOf(matching).toSorted(),
    );
    const none: Result[] = (
      await batch(api, path, { search: { q: 'subject:"nobody wrote this"' }, action: { delete: "permanent" } })
    ).results;
    expect(none).toEqual([]);
    const folder = { search: { folder: "inbox" }, action: { delete: "permanent" } };
    expect((await batch(api, path, folder)).results).toHaveLength(40);
    expect(await allIn(api, path)).toEqual([]);
  },
);
