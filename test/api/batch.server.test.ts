import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { asAnother } from "../servers/as-another.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { allIn, batch, folderNamed, foldersOf, idsOf, outcomes, refusedBatch } from "./batches.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";
import { letter } from "./watching.ts";

let stack: MailStack;
let api: Api;
/** Each a front that notes the commands: Dovecot as it is, without its keys, and one that can little. */
const fronts = new Map<Kind, ImapWithout>();
const kinds = ["permanent", "tracked", "poor"] as const;
type Kind = (typeof kinds)[number];
const lacking: Record<Kind, ExtensionName[]> = {
  permanent: [],
  tracked: ["X-GUID"],
  poor: ["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE", "SPECIAL-USE", "RFC 5530 codes"],
};

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const { host, ports } = stack.dovecot;
  for (const kind of kinds)
    fronts.set(kind, await startImapWithout(lacking[kind], { host, port: ports.imap }, stack.certificates.valid));
});
afterAll(async () => {
  await api.stop();
  for (const front of fronts.values()) await front.stop();
  await stack.stop();
});

const frontOf = (kind: Kind): ImapWithout => fronts.get(kind) as ImapWithout;

/** A mailbox with made-up messages in its folders, stored as an account. */
async function filled(kind: Kind, counts: Record<string, number>) {
  const user = stack.dovecot.user();
  for (const [index, [name, count]] of Object.entries(counts).entries()) {
    const folder = name === "INBOX" ? undefined : name;
    fillMaildir(stack.dovecot.maildir(user, folder), count, { to: user.username, seed: index + 1 });
  }
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: frontOf(kind).port }));
  return { user, path };
}

/** The commands that change something, or look for it, meanwhile. */
async function commandsOf<T>(kind: Kind, work: () => Promise<T>): Promise<{ done: T; commands: string[] }> {
  const { passed } = frontOf(kind);
  const before = passed.length;
  const done = await work();
  return { done, commands: passed.slice(before).map((line) => line.replace(/^(UID )?(\S+).*/s, "$1$2")) };
}

const count = (commands: string[], ...names: string[]): number => commands.filter((one) => names.includes(one)).length;

describe.each(kinds)("a thousand messages of three folders, ids %s", (kind) => {
  test("are flagged, moved, and removed in few commands, and keep their ids", async () => {
    const { path } = await filled(kind, { INBOX: 500, Archive: 300, Sent: 200 });
    const folders = ["INBOX", "Archive", "Sent"];
    const before = new Map<string, string[]>();
    for (const name of folders)
      before.set(name, idsOf(await allIn(api, path, (await folderNamed(api, path, name)).id)));
    // Turn by turn from each folder.
    const ids = Array.from({ length: 500 }, (_, at) => folders.flatMap((name) => before.get(name)?.[at] ?? [])).flat();
    expect(ids).toHaveLength(1_000);

    const change = { flags: { flagged: true, seen: true }, keywords: { add: ["batched"] } };
    const flagged = await commandsOf(kind, () => batch(api, path, { ids, action: change }));
    expect(idsOf(flagged.done.results)).toEqual(ids);
    expect(new Set(outcomes(flagged.done))).toEqual(new Set(["ok"]));
    expect(count(flagged.commands, "UID STORE")).toBe(3);
    expect(flagged.commands.length).toBeLessThan(kind === "poor" ? 30 : 20);
    for (const name of folders)
      for (const one of await allIn(api, path, (await folderNamed(api, path, name)).id))
        expect([one.flags, one.keywords]).toMatchObject([{ flagged: true, seen: true }, ["batched"]]);

    const { id: target } = await folderNamed(api, path, "Drafts");
    const moved = await commandsOf(kind, () =>
      batch(api, path, { ids, action: { flags: { draft: true }, folderId: target } }),
    );
    expect(new Set(outcomes(moved.done))).toEqual(new Set(["ok"]));
    for (const { folderId, warnings } of moved.done.results) expect([folderId, warnings]).toEqual([target, []]);
    expect(count(moved.commands, "UID MOVE", "UID COPY")).toBe(3);
    expect(moved.commands.length).toBeLessThan(kind === "poor" ? 90 : 40);
    const there = await allIn(api, path, target);
    expect(idsOf(there).toSorted()).toEqual(ids.toSorted());
    for (const { flags, keywords } of there)
      expect([flags, keywords]).toMatchObject([{ flagged: true, draft: true }, ["batched"]]);
    for (const name of folders) expect((await folderNamed(api, path, name)).counts.messages).toBe(0);

    const [kept = "", ...others] = ids;
    const removed = await commandsOf(kind, () => batch(api, path, { ids: others, action: { delete: "permanent" } }));
    expect(new Set(outcomes(removed.done))).toEqual(new Set(["ok"]));
    expect(removed.done.results[0]).toEqual({ id: others[0], ok: true, warnings: [] });
    expect(removed.commands.length).toBeLessThan(20);
    expect(idsOf(await allIn(api, path, target))).toEqual([kept]);
    const again = await batch(api, path, { ids: others.slice(0, 50), action: change });
    expect(new Set(outcomes(again))).toEqual(new Set(["message-gone"]));
  });
});

test.each(kinds)("each id is answered for itself, whatever the others are: %s", async (kind) => {
  const { path, user } = await filled(kind, { INBOX: 4, Archive: 2 });
  const [one, two, gone, last] = idsOf(await allIn(api, path));
  const [archived] = idsOf(await allIn(api, path, "archive"));
  const foreign = idsOf(await allIn(api, (await filled(kind, { INBOX: 1 })).path))[0];
  const forged = `${one?.slice(0, -1)}${one?.endsWith("A") ? "B" : "A"}`;
  expect((await api.call("DELETE", `${path}/messages/${gone}?permanent=true`)).status).toBe(204);
  const ids = [one, forged, two, gone, foreign, "nonsense", archived, one, last];
  const { results } = await batch(api, path, { ids, action: { flags: { flagged: true } } });
  const told = results.map(({ id, ok, problem }) => [id, ok ? "ok" : problem?.code]);
  expect(told).toEqual([
    [one, "ok"],
    [forged, "not-found"],
    [two, "ok"],
    [gone, "message-gone"],
    [foreign, "not-found"],
    ["nonsense", "not-found"],
    [archived, "ok"],
    [last, "ok"],
  ]);
  expect(results[3]?.problem).toMatchObject({
    type: "urn:postern:problem:message-gone",
    status: 410,
    retryable: false,
    title: expect.any(String),
    detail: expect.any(String),
    fix: expect.any(String),
  });
  const flagged = async (folder: string) => (await allIn(api, path, folder)).filter((all) => all.flags["flagged"]);
  expect(idsOf(await flagged("inbox"))).toEqual([one, two, last]);
  expect(idsOf(await flagged("archive"))).toEqual([archived]);
  // One that comes meanwhile is nobody's concern.
  deliver(stack.dovecot.maildir(user), letter("another"));
  const trashed = await batch(api, path, { ids: [archived, one], action: { delete: "trash" } });
  expect(outcomes(trashed)).toEqual(["ok", "ok"]);
  expect(idsOf(await allIn(api, path, "trash")).toSorted()).toEqual([archived ?? "", one ?? ""].toSorted());
  expect(outcomes(await batch(api, path, { ids: [one], action: { delete: "trash" } }))).toEqual(["ok"]);
});

test.each(["permanent", "tracked"] as const)(
  "a dry run tells what would be done, and does nothing: %s",
  async (kind) => {
    const { path } = await filled(kind, { INBOX: 2, Archive: 1 });
    const [one, two] = idsOf(await allIn(api, path));
    const [archived] = await allIn(api, path, "archive");
    const archive = await folderNamed(api, path, "Archive");
    const inbox = (await foldersOf(api, path)).find(({ role }) => role === "inbox");
    const before = [await allIn(api, path), await allIn(api, path, "archive")];
    await api.call("DELETE", `${path}/messages/${two}?permanent=true`);
    const action = { flags: { flagged: true }, folderId: archive.id };
    const ids = [one, archived?.id, two];
    const { done, commands } = await commandsOf(kind, () => batch(api, path, { ids, action, dryRun: true }));
    expect(done.results).toMatchObject([
      { id: one, ok: true, folderId: inbox?.id, would: ["flags", "folderId"] },
      { id: archived?.id, ok: true, folderId: archive.id, would: ["flags"] },
      { id: two, ok: false, problem: { code: "message-gone" } },
    ]);
    expect(count(commands, "UID STORE", "UID MOVE", "UID COPY", "UID EXPUNGE", "EXPUNGE")).toBe(0);
    const removal = await batch(api, path, { ids, action: { delete: "permanent" }, dryRun: true });
    expect(removal.results.map(({ would }) => would)).toEqual([["delete"], ["delete"], undefined]);
    expect([await allIn(api, path), await allIn(api, path, "archive")]).toEqual([
      before[0]?.filter(({ id }) => id !== two),
      before[1],
    ]);
  },
);

test("messages that somebody else has moved are looked for many at once, in all folders", async () => {
  const { path, user } = await filled("permanent", { INBOX: 130, Archive: 70, Sent: 3 });
  const ids = [...idsOf(await allIn(api, path)), ...idsOf(await allIn(api, path, "archive"))];
  await asAnother(stack.dovecot, user, async (client) => {
    await client.mailboxOpen("INBOX");
    await client.messageMove("1:60", "Trash");
    await client.mailboxOpen("Archive");
    await client.messageMove("1:*", "Junk");
  });
  const { done, commands } = await commandsOf("permanent", () =>
    batch(api, path, { ids, action: { flags: { answered: true } } }),
  );
  expect(new Set(outcomes(done))).toEqual(new Set(["ok"]));
  expect(count(commands, "UID STORE")).toBe(3);
  // 130 of them, 50 at a time, in each of the folders.
  expect(count(commands, "UID SEARCH")).toBeLessThan(25);
  for (const folder of ["inbox", "trash", "junk"])
    for (const { flags } of await allIn(api, path, folder)) expect(flags).toMatchObject({ answered: true });
  const known = await commandsOf("permanent", () => batch(api, path, { ids, action: { flags: { answered: false } } }));
  expect(count(known.commands, "UID SEARCH")).toBe(0);
});

test("what the account can't do is refused as a whole, and nothing is done", async () => {
  const { path } = await filled("permanent", { INBOX: 2 });
  const before = await allIn(api, path);
  const [id] = idsOf(before);
  const nowhere = `fld_${"0".repeat(26)}`;
  const both = { keywords: { add: ["new"] }, folderId: nowhere };
  expect(await refusedBatch(api, path, { ids: [id], action: both })).toEqual([404, "not-found"]);
  const wrong: unknown[] = [
    { action: { flags: { seen: true } } },
    { ids: [], action: { flags: { seen: true } } },
    { ids: [id], search: { folder: "inbox" }, action: { flags: { seen: true } } },
    { search: {}, action: { flags: { seen: true } } },
    { ids: [id], action: {} },
    { ids: [id], action: { delete: "trash", flags: { seen: true } } },
    { ids: [id], action: { delete: "trash", folderId: nowhere } },
    { ids: [id], action: { delete: "shred" } },
    { ids: [id], action: { flags: {} } },
    { ids: Array.from({ length: 1_001 }, (_, at) => `msg_${at}`), action: { flags: { seen: true } } },
  ];
  for (const body of wrong) expect(await refusedBatch(api, path, body)).toEqual([422, "validation-failed"]);
  expect(await allIn(api, path)).toEqual(before);
});
