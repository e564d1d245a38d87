import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { halfDone } from "../../src/mail/half-done.ts";
import { encodeMessageId } from "../../src/mail/id.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { ImapPlace, NativeKey } from "../../src/mail/message.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { type BatchAction, batchMessages } from "../../src/operations/batch-messages.ts";
import type { BatchResult } from "../../src/operations/batch-rounds.ts";
import { createMessageTurns } from "../../src/operations/message-turns.ts";
import { deleteMessage } from "../../src/operations/delete-message.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { AccountRow, FolderRow, IntentRow, PlacementRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, folderRow } from "../store/rows.ts";

const account: AccountRow = accountRow();
const caller = { appId: account.appId, accountIds: null } as AppCaller;
const idKey = createSecretKey(new Uint8Array(32));
const names = ["INBOX", "Archive", "Work"];
const folders: FolderRow[] = names.map((path, index) => ({ ...folderRow(account.id, path), number: index + 1 }));
const folderOf = (path: string): FolderRow => folders.find((folder) => folder.path === path) as FolderRow;

const keyOf = (path: string, uid: number): NativeKey => ({ kind: "guid", value: `${path}-${uid}` });
const permanent = (path: string, uid: number): string =>
  encodeMessageId({ tier: "permanent", key: keyOf(path, uid) }, idKey);
const tracked = (path: string, uid: number): string =>
  encodeMessageId({ tier: "tracked", origin: { folder: folderOf(path).number, uidValidity: 7, uid } }, idKey);

const none: BatchAction = { change: null, folderId: null, delete: null };
const flag: BatchAction = { ...none, change: { flags: { flagged: true }, keywords: { add: [], remove: [] } } };
const refusal = new Failure("refused-by-server", "no");

/** A mailbox of three folders with messages 1, 2 and 3 each, and everything that is written; `before` runs ahead of each call. */
function setup(before: (call: string, path: string) => void = () => {}) {
  const clock = createFakeClock();
  const intents = new Map<string, IntentRow>();
  const placements: PlacementRow[] = [];
  const calls: string[] = [];
  const failures: unknown[] = [];
  /** Keys by folder and UID. */
  const messages = new Map(names.map((path) => [path, new Map([1, 2, 3].map((uid) => [uid, keyOf(path, uid).value]))]));
  const session = { dead: false };
  /** Places of which the server does not tell where they went. */
  const untold = new Set<string>();
  const at = ({ path, uidValidity, uid }: ImapPlace) => (uidValidity === 7 ? messages.get(path)?.get(uid) : undefined);
  const call = (name: string, path: string): void => {
    before(name, path);
    calls.push(`${name} ${path}`);
  };
  const add = (path: string, value: string): number => {
    const uid = Math.max(0, ...(messages.get(path)?.keys() ?? [])) + 10;
    messages.get(path)?.set(uid, value);
    return uid;
  };
  const split = (places: ImapPlace[]) =>
    Map.groupBy(places, (place) => (at(place) === undefined ? "missing" : "there"));
  const mailbox = {
    get dead() {
      return session.dead;
    },
    capabilities: () => ({ move: true, folders: true }),
    folders: async () => folders.map((row) => ({ ...row, status: null })),
    async status(path: string) {
      call("status", path);
      return { uidNext: 100 };
    },
    async identities(places: ImapPlace[]) {
      call("identities", places[0]?.path ?? "");
      return (split(places).get("there") ?? []).map((place) => ({ place, key: { kind: "guid", value: at(place) } }));
    },
    async locate(path: string, keys: NativeKey[]) {
      call("locate", path);
      return [...(messages.get(path) ?? [])].flatMap(([uid, value]) =>
        keys.filter((key) => key.value === value).map((key) => ({ key, place: { path, uidValidity: 7, uid } })),
      );
    },
    async setFlags(places: ImapPlace[]) {
      call("setFlags", places[0]?.path ?? "");
      return { missing: split(places).get("missing") ?? [] };
    },
    async move(places: ImapPlace[], path: string) {
      call("move", places[0]?.path ?? "");
      const { there = [], missing = [] } = Object.fromEntries(split(places));
      const uids = new Map(there.map((from) => [from.uid, at(from) ?? ""]));
      const placed = new Map([...uids].map(([uid, value]) => [uid, add(path, value)]));
      for (const { path: source, uid } of there) messages.get(source)?.delete(uid);
      const moved = there.map((from) => {
        const uid = placed.get(from.uid) ?? 0;
        return { from, to: untold.has(`${from.path} ${from.uid}`) ? null : { path, uidValidity: 7, uid } };
      });
      return { moved, missing };
    },
    async remove(places: ImapPlace[]) {
      call("remove", places[0]?.path ?? "");
      const { there = [], missing = [] } = Object.fromEntries(split(places));
      for (const { path, uid } of there) messages.get(path)?.delete(uid);
      return { missing };
    },
  } as unknown as Mailbox;
  const lease = { session: mailbox, failed: (error: unknown) => void failures.push(error), release() {} };
  const needs = {
    clock,
    accounts: { get: async () => account, decideIdStability: async () => "permanent" as const },
    mailboxes: { lend: async () => lease as never },
    folders: { list: async () => folders, save: async () => true, version: async () => 0 },
    wake: { wake() {} },
    splitKeys: { add: async () => {}, among: async () => new Set<string>() },
    idKey: () => idKey,
    places: createPlaceCache(100),
    messageTurns: createMessageTurns(),
    intents: {
      live: async () => [],
      insert: async (intent: IntentRow) => void intents.set(intent.id, intent),
      remove: async (ids: string[]) => ids.forEach((id) => intents.delete(id)),
      async settle(id: string, { placements: rows, ...over }: Partial<IntentRow> & { placements: PlacementRow[] }) {
        const intent = intents.get(id);
        if (intent !== undefined) intents.set(id, { ...intent, ...over, settled: true });
        placements.push(...rows);
      },
    },
    placements: {
      find: async () => placements,
      at: async () => [],
      remove: async (..._rows: PlacementRow[]) => {},
      save: async (rows: PlacementRow[]) => void placements.push(...rows),
    },
  };
  const run = async (ids: string[], action: BatchAction, dryRun = false): Promise<BatchResult[]> => {
    const asked = { messages: ids, action, dryRun, signal: new AbortController().signal };
    return (await batchMessages(needs)(caller, account.id, asked)).results;
  };
  const told = () =>
    [...intents.values()].map(({ kind, folder, source, placed }) => ({ kind, folder, source, placed }));
  return { run, needs, clock, session, messages, placements, calls, failures, untold, told };
}

const short = (results: BatchResult[]): string[] =>
  results.map((result) =>
    result.ok
      ? ["ok", ...result.warnings].join(" ")
      : [
          result.failure.code,
          ...Object.entries(result.failure.details.extra ?? {}).map(([name, of]) => `${name}=${String(of)}`),
        ].join(" "),
  );

const all = (id: (path: string, uid: number) => string): string[] =>
  names.flatMap((path) => [1, 2, 3].map((uid) => id(path, uid)));

test("what one folder refuses is told of its messages, and the others are done", async () => {
  const { run, failures } = setup((call, path) => {
    if (call === "setFlags" && path === "Archive") throw refusal;
  });
  const results = await run(all(tracked), flag);
  expect(short(results)).toEqual(["ok", "ok", "ok", ...[1, 2, 3].map(() => "refused-by-server"), "ok", "ok", "ok"]);
  expect(failures).toEqual([refusal]);
});

test("a move that fails says that the flags were changed", async () => {
  const { run } = setup((call, path) => {
    if (call === "move" && path === "Archive") throw refusal;
  });
  const ids = [tracked("INBOX", 1), tracked("Archive", 1), tracked("Work", 1)];
  expect(short(await run(ids, { ...flag, folderId: folderOf("Work").id }))).toEqual([
    "ok",
    "refused-by-server applied=flags",
    "ok",
  ]);
});

test("after a minute nothing more is begun", async () => {
  const { run, calls, clock } = setup((call) => {
    if (call === "setFlags") void clock.advance(61_000);
  });
  const ids = all(tracked);
  expect(short(await run(ids, flag))).toEqual(["ok", "ok", "ok", ...[1, 2, 3, 4, 5, 6].map(() => "upstream-timeout")]);
  expect(calls.filter((call) => call.startsWith("setFlags"))).toEqual(["setFlags INBOX"]);
});

test("what a lost session leaves open is unknown, and what comes after it was not begun", async () => {
  const lost = new Failure("upstream-unreachable", "gone");
  const { run, session } = setup((call, path) => {
    if (call !== "move" || path !== "Archive") return;
    session.dead = true;
    throw lost;
  });
  const ids = ["INBOX", "Archive"].flatMap((path) => [tracked(path, 1), tracked(path, 2)]);
  expect(
    short(await run([...ids, "msg_forged", tracked("Work", 1)], { ...flag, folderId: folderOf("Work").id })),
  ).toEqual([
    "ok",
    "ok",
    "upstream-unreachable applied=flags unknown=folderId",
    "upstream-unreachable applied=flags unknown=folderId",
    "not-found",
    "upstream-unreachable",
  ]);
});

test("a failure that nobody foresaw is one folder's, and fails nobody else", async () => {
  const { run } = setup((call, path) => {
    if (call === "setFlags" && path === "INBOX") throw new TypeError("broken");
  });
  expect(short(await run([tracked("INBOX", 1), tracked("Work", 1)], flag))).toEqual(["internal unknown=flags", "ok"]);
});

test("messages that move while they are acted on are found where they are; those that go are gone", async () => {
  for (const id of [tracked, permanent]) {
    const moves = [1];
    const { run, messages, placements } = setup((call, path) => {
      if (call !== "setFlags" || path !== "INBOX" || moves.pop() === undefined) return;
      // Another request of ours, and somebody else.
      messages.get("Work")?.set(40, messages.get("INBOX")?.get(1) ?? "");
      const origin = { folder: 1, uidValidity: 7, uid: 1 };
      placements.push({ accountId: account.id, origin, now: { folder: 3, uidValidity: 7, uid: 40 } });
      for (const uid of [1, 2]) messages.get("INBOX")?.delete(uid);
    });
    expect(
      short(
        await run(
          [1, 2, 3].map((uid) => id("INBOX", uid)),
          flag,
        ),
      ),
    ).toEqual(["ok", "message-gone", "ok"]);
  }
});

test("one intent tells of a move of many; where the server did not tell, its ids end, and that is told apart", async () => {
  const { run, told, untold, placements } = setup();
  untold.add("INBOX 2");
  const [inbox, archive] = [1, 2];
  const results = await run(
    [1, 2, 3].map((uid) => tracked("INBOX", uid)),
    { ...none, folderId: folderOf("Archive").id },
  );
  expect(short(results)).toEqual(["ok", "ok id-ended-by-move", "ok"]);
  const source = (...uids: number[]) => ({ folder: inbox, uidValidity: 7, uids });
  expect(told()).toEqual([
    {
      kind: "place",
      folder: archive,
      source: source(1, 3),
      placed: { folder: archive, uidValidity: 7, uids: [13, 33] },
    },
    { kind: "place", folder: archive, source: source(2), placed: null },
  ]);
  expect(placements.map(({ origin, now }) => [origin.uid, now.folder, now.uid])).toEqual([
    [1, archive, 13],
    [3, archive, 33],
  ]);
});

test("what was gone before is not told as our doing", async () => {
  const gone = (uid: number) => (call: string) => {
    if (call === "move" || call === "remove") for (const each of [uid]) inbox?.delete(each);
  };
  const hook: { run: (call: string) => void } = { run() {} };
  const { run, told, messages } = setup((call) => hook.run(call));
  const inbox = messages.get("INBOX");
  hook.run = gone(2);
  const ids = [1, 2].map((uid) => permanent("INBOX", uid));
  expect(short(await run(ids, { ...none, folderId: folderOf("Archive").id }))).toEqual(["ok", "message-gone"]);
  expect(told().map(({ source }) => source?.uids)).toEqual([[1]]);
  hook.run = gone(3);
  const rest = [permanent("INBOX", 3), permanent("Work", 1)];
  expect(short(await run(rest, { ...none, delete: "permanent" }))).toEqual(["message-gone", "ok"]);
  expect(told().slice(1)).toMatchObject([{ kind: "remove", source: { folder: 3, uids: [1] } }]);
});

test("a removal that fails in the middle is asked which are still there", async () => {
  const { run, told, messages } = setup((call) => {
    if (call !== "remove") return;
    messages.get("INBOX")?.delete(1);
    throw new Failure("delete-unconfirmed", "2 are still there");
  });
  const ids = [1, 2, 3].map((uid) => permanent("INBOX", uid));
  expect(short(await run(ids, { ...none, delete: "permanent" }))).toEqual([
    "ok",
    "delete-unconfirmed",
    "delete-unconfirmed",
  ]);
  expect(told()).toMatchObject([{ kind: "remove", source: { uids: [1] } }]);
});

test("ids that are not known are asked for once for each folder, all of them", async () => {
  const { run, calls } = setup();
  const ids = [...all(permanent), permanent("Nowhere", 1)];
  expect(short(await run(ids, flag))).toEqual([...all(permanent).map(() => "ok"), "message-gone"]);
  expect(calls).toEqual([...names.map((path) => `locate ${path}`), ...names.map((path) => `setFlags ${path}`)]);
  calls.length = 0;
  await run(all(permanent), flag, true);
  expect(calls).toEqual(names.map((path) => `identities ${path}`));
});

test("a folder that can't be opened says nothing of the others, and its messages may be anywhere", async () => {
  const { run } = setup((call, path) => {
    if ((call === "locate" || call === "identities") && path === "Archive") throw refusal;
  });
  expect(short(await run([permanent("INBOX", 1), permanent("Archive", 1)], flag))).toEqual(["ok", "upstream-timeout"]);
  expect(short(await run([tracked("INBOX", 1), tracked("Archive", 1)], flag))).toEqual(["ok", "refused-by-server"]);
});

test("two ids of one message are two results, and one doing", async () => {
  const { run, told, placements } = setup();
  const origin = { folder: 2, uidValidity: 7, uid: 99 };
  placements.push({ accountId: account.id, origin, now: { folder: 1, uidValidity: 7, uid: 1 } });
  const results = await run([tracked("INBOX", 1), tracked("Archive", 99)], { ...none, folderId: folderOf("Work").id });
  expect(short(results)).toEqual(["ok", "ok"]);
  expect(told()).toMatchObject([{ source: { uids: [1] }, placed: { uids: [13] } }]);
  expect(placements.slice(1).map(({ now }) => now.uid)).toEqual([13, 13]);
});

test("what failed when some of it was done may have been done to each", async () => {
  const { run } = setup((call, path) => {
    if ((call === "setFlags" && path === "INBOX") || (call === "move" && path === "Work")) throw halfDone(refusal);
  });
  const ids = [tracked("INBOX", 1), tracked("Archive", 1), tracked("Work", 1)];
  expect(short(await run(ids, { ...flag, folderId: folderOf("Archive").id }))).toEqual([
    "refused-by-server changed=unknown unknown=flags",
    "ok",
    "refused-by-server changed=unknown applied=flags unknown=folderId",
  ]);
});

test("a removal that fails in the middle, and nobody can tell of what, may have removed each", async () => {
  const hook = { isRemoved: false };
  const { run, told, messages } = setup((call) => {
    if (call === "identities" && hook.isRemoved) throw new Failure("upstream-throttled", "later");
    if (call !== "remove") return;
    hook.isRemoved = true;
    messages.get("INBOX")?.delete(1);
    throw refusal;
  });
  const ids = [1, 2].map((uid) => permanent("INBOX", uid));
  const unsure = "refused-by-server changed=unknown unknown=delete";
  expect(short(await run(ids, { ...none, delete: "permanent" }))).toEqual([unsure, unsure]);
  expect(told()).toEqual([]);
});

test("a removal that failed and has removed the message all the same is done", async () => {
  const { needs, told, messages } = setup((call) => {
    if (call !== "remove") return;
    messages.get("INBOX")?.delete(1);
    throw new Failure("delete-unconfirmed", "is it?");
  });
  const asked = { folder: null, permanent: true, precondition: null, signal: new AbortController().signal };
  await deleteMessage(needs)(caller, account.id, { id: permanent("INBOX", 1), ...asked });
  expect(told()).toMatchObject([{ kind: "remove", source: { uids: [1] } }]);
});

test("what is remembered of messages that are gone is forgotten at once", async () => {
  const { run, needs, placements } = setup();
  const off = { ...account, watch: { ...account.watch, mode: "off" as const } };
  const forgotten: PlacementRow[][] = [];
  needs.accounts.get = async () => off;
  needs.placements.remove = async (...rows: PlacementRow[]) => void forgotten.push(rows);
  const ids = [1, 2, 3].map((uid) => tracked("INBOX", uid));
  await run(ids, { ...none, folderId: folderOf("Archive").id });
  const action = { ...none, delete: "permanent" } as const;
  expect(short(await run(ids, action))).toEqual(["ok", "ok", "ok"]);
  expect(forgotten).toEqual([placements]);
  expect(short(await run(ids, action))).toEqual(["message-gone", "message-gone", "message-gone"]);
  expect(forgotten).toEqual([placements, placements]);
});

test("a message that lies where another one was seen is not taken for it", async () => {
  const { run, messages } = setup();
  const ids = [permanent("INBOX", 1), permanent("Archive", 1)];
  await run(ids, flag);
  // The two folders have changed their names, and a server that gives all folders one UIDVALIDITY.
  const [inbox, archive] = [messages.get("INBOX"), messages.get("Archive")];
  if (inbox === undefined || archive === undefined) throw new Error("no folders");
  messages.set("INBOX", archive).set("Archive", inbox);
  expect(short(await run(ids.slice(0, 1), { ...none, delete: "permanent" }))).toEqual(["ok"]);
  expect([...inbox.values()]).toEqual(["INBOX-2", "INBOX-3"]);
  expect([...archive.values()]).toHaveLength(3);
});

test("a batch waits for the changes of its messages that other callers have begun", async () => {
  const { run, needs, calls } = setup();
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const other = needs.messageTurns(account.id, [tracked("INBOX", 2)], async () => {
    await gate;
    calls.push("other");
  });
  const done = run(
    [1, 2].map((uid) => tracked("INBOX", uid)),
    flag,
  );
  await new Promise((resolve) => void setTimeout(resolve, 20));
  expect(calls).toEqual(["identities INBOX"]);
  go();
  expect(short(await done)).toEqual(["ok", "ok"]);
  await other;
  expect(calls).toEqual(["identities INBOX", "other", "setFlags INBOX"]);
});

test("what was done before a message was lost again and again is told", async () => {
  const rounds = { left: 2 };
  const { run, messages } = setup((call) => {
    if (call === "move" && rounds.left-- === 2) {
      messages.get("INBOX")?.delete(1);
      messages.get("Work")?.set(40, "INBOX-1");
    }
    if (call === "setFlags" && rounds.left === 1 && messages.get("Work")?.has(40)) messages.get("Work")?.delete(40);
  });
  expect(short(await run([permanent("INBOX", 1)], { ...flag, folderId: folderOf("Archive").id }))).toEqual([
    "message-gone applied=flags",
  ]);
});
