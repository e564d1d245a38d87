import { createSecretKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeMessageId, type Origin } from "../../src/mail/id.ts";
import { beginPlacing, endPlacing } from "../../src/operations/our-doing.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow, EventRow, FolderRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { lookAtAccount } from "../../src/watching/look-at-account.ts";
import { accountRow, appRow } from "../store/rows.ts";
import { modelServer, type ModelServer } from "./model-server.ts";

/**
 * Random doings of other clients between looks; then whoever has replayed the log knows the mailbox as it is: every message with its
 * id, folders, flags and keywords, and no other.
 */

const idKey = createSecretKey(Buffer.alloc(32, 7));
let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-replay-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** Copies of a message have flags of their own, and one id. */
const copiesDiffer = { flags: "any", keywords: "any" };

type Known = { folderIds: string[]; flags: unknown; keywords: unknown };

async function watchedModel(server: ModelServer, window = 10_000) {
  const app = appRow();
  await store.apps.insert(app);
  const base = accountRow({ appId: app.id, watch: { mode: "push", folders: "all", notifySince: null } });
  await store.accounts.insert(base);
  let now = 1_790_000_000_000;
  const clock = { now: () => (now += 1), sleep: async () => {} };
  const [claim] = await store.watches.claim("me", clock.now(), 1e12, 1);
  /** What goes wrong with the next write: before it is done, or after. */
  let fault: "none" | "before" | "after" = "none";
  const write: Store["watches"]["write"] = async (at, change) => {
    if (fault === "before") throw new Error("killed before the write");
    const isDone = await store.watches.write(at, change);
    if (fault === "after") throw new Error("killed after the write");
    return isDone;
  };
  const needs = {
    ...store,
    watches: { ...store.watches, write },
    clock,
    wake: { wake() {} },
    idKey: () => idKey,
    places: createPlaceCache(100),
    window,
  };
  const account = async (): Promise<AccountRow> => (await store.accounts.byId(base.id)) ?? base;
  const originAt = async (here: Origin): Promise<Origin> =>
    (await store.placements.at(base.id, [here]))[0]?.origin ?? here;
  let since: number | null = null;
  return {
    accountId: base.id,
    /** Time enough to read flags again where the server can't tell which have changed. */
    later: (): void => void (now += 400_000),
    /** Looks, and is killed at its first write. */
    async lookAndDie(how: "before" | "after"): Promise<void> {
      fault = how;
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      await lookAtAccount(needs, turn, since).catch((error: Error) => {
        if (!error.message.startsWith("killed")) throw error;
      });
      fault = "none";
    },
    /** A move by the API, in its steps. */
    async moveByUs(from: string, uid: number, to: string, between: () => Promise<void>): Promise<void> {
      const rows = await store.folders.list(base.id);
      const numberOf = (path: string): number => rows.find((row) => row.path === path)?.number ?? 0;
      const validityOf = (path: string): number => server.folders.get(path)?.uidValidity ?? 0;
      const origin = { folder: numberOf(from), uidValidity: validityOf(from), uid };
      const source = { folder: origin.folder, uidValidity: origin.uidValidity, uids: [uid] };
      const uidNext = server.folders.get(to)?.uidNext ?? 1;
      const [before] = await store.placements.at(base.id, [origin]);
      const intent = await beginPlacing(needs, await account(), {
        folder: rows.find((row) => row.path === to) as FolderRow,
        uidNext,
        source,
        life: 60_000,
      });
      await between();
      const there = server.move(from, uid, to);
      await between();
      const placed = { folder: numberOf(to), uidValidity: validityOf(to), uids: [there] };
      const now = { folder: placed.folder, uidValidity: placed.uidValidity, uid: there };
      const isTracked = (await account()).idStability === "tracked";
      const placements = isTracked ? [{ accountId: base.id, origin: before?.origin ?? origin, now }] : [];
      await endPlacing(needs, await account(), intent, { placed, placements });
    },
    async look(): Promise<void> {
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      for (let more = true; more;) {
        const begun = clock.now();
        more = (await lookAtAccount(needs, turn, since)).state === "more";
        since = begun;
      }
    },
    async events(): Promise<EventRow[]> {
      const all: EventRow[] = [];
      for (;;) {
        const page = { after: all.at(-1)?.sequence ?? 0, limit: 500, types: null, accountIds: null };
        const more = await store.events.list(app.id, page);
        if (more.length === 0) return all;
        all.push(...more);
      }
    },
    /** What the mailbox holds, by ids. */
    async truth(): Promise<Map<string, Known>> {
      const rows = await store.folders.list(base.id);
      const { idStability } = await account();
      const found = new Map<string, Known>();
      for (const [path, { uidValidity, messages }] of server.folders) {
        const folder = rows.find((row) => row.path === path);
        if (folder === undefined) throw new Error(`${path} was not seen`);
        for (const { uid, key, flags, keywords } of messages.values()) {
          const native = server.keyOf(key);
          const ref =
            idStability === "permanent" && native !== null
              ? { tier: "permanent" as const, key: native }
              : { tier: "tracked" as const, origin: await originAt({ folder: folder.number, uidValidity, uid }) };
          const id = encodeMessageId(ref, idKey);
          const folderIds = [...(found.get(id)?.folderIds ?? []), folder.id].sort();
          const own = server.copied.has(key) ? copiesDiffer : { flags, keywords };
          found.set(id, { folderIds, ...own });
        }
      }
      return found;
    },
  };
}

function replay(known: Map<string, Known>, events: EventRow[]): void {
  for (const { type, data } of events) {
    const told = data as { id: string; folderIds: string[]; flags: unknown; keywords: unknown; changes?: string[] };
    const before = known.get(told?.id);
    const now = { folderIds: [...(told?.folderIds ?? [])].sort(), flags: told?.flags, keywords: told?.keywords };
    if (type === "message.created") {
      if (before !== undefined) throw new Error(`${told.id} was created twice`);
      known.set(told.id, now);
    } else if (type === "message.deleted") {
      if (!known.delete(told.id)) throw new Error(`${told.id} is deleted and was not there`);
    } else if (type === "message.moved" || type === "message.updated") {
      if (before === undefined) throw new Error(`${told.id} changes and was not there`);
      const isElsewhere = type === "message.moved" || told.changes?.includes("folderIds");
      known.set(told.id, { ...now, folderIds: isElsewhere ? now.folderIds : before.folderIds });
    }
  }
}

function randomness(seed: number) {
  let state = seed;
  return (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const paths = ["INBOX", "Archive", "Work"];

function doSomething(server: ModelServer, random: (n: number) => number): void {
  const path = paths[random(paths.length)] ?? "INBOX";
  const to = paths[random(paths.length)] ?? "INBOX";
  const uids = [...(server.folders.get(path)?.messages.keys() ?? [])];
  const uid = uids[random(uids.length)];
  const isElsewhere = (key: string): boolean =>
    [...(server.folders.get(to)?.messages.values() ?? [])].some((one) => one.key === key);
  const doing = random(11);
  if (doing < 3 || uid === undefined) for (let n = random(random(20) === 0 ? 150 : 3); n >= 0; n -= 1) server.add(path);
  else if (doing < 5 && to !== path && !isElsewhere(server.folders.get(path)?.messages.get(uid)?.key ?? ""))
    server.move(path, uid, to);
  else if (doing === 10 && to !== path && !isElsewhere(server.folders.get(path)?.messages.get(uid)?.key ?? ""))
    server.copy(path, uid, to);
  else if (doing < 7) server.flag(path, uid, { seen: random(2) === 0, flagged: random(2) === 0 });
  else if (doing < 8) server.flag(path, uid, {}, random(2) === 0 ? ["$Work"] : ["$Work", "Later"]);
  else server.remove(path, uid);
}

async function moveSomething(
  server: ModelServer,
  watch: Awaited<ReturnType<typeof watchedModel>>,
  random: (n: number) => number,
): Promise<void> {
  const from = paths[random(paths.length)] ?? "INBOX";
  const to = paths[random(paths.length)] ?? "INBOX";
  const uids = [...(server.folders.get(from)?.messages.keys() ?? [])];
  const uid = uids[random(uids.length)];
  const key = server.folders.get(from)?.messages.get(uid ?? 0)?.key ?? "";
  if (uid === undefined || to === from || server.copied.has(key)) return;
  await watch.moveByUs(from, uid, to, async () => (random(2) === 0 ? watch.look() : undefined));
}

describe.each([
  { permanent: true, condstore: true },
  { permanent: false, condstore: true },
  { permanent: false, condstore: false },
])("whoever replays the log, keys for life: $permanent, CONDSTORE: $condstore", (kind) => {
  test.each(Array.from({ length: Number(process.env["SEEDS"] ?? 6) }, (_, at) => at + 1))(
    "knows the mailbox as it is, round %i",
    async (seed) => {
      const random = randomness(seed * 7_919);
      const server = modelServer(kind);
      for (const path of paths) server.create(path);
      for (let n = 0; n < 20; n += 1) server.add(paths[random(3)] ?? "INBOX");
      const watch = await watchedModel(server);
      await watch.look();
      const known = await watch.truth();
      expect((await watch.events()).filter(({ type }) => !type.startsWith("account."))).toEqual([]);
      for (let round = 0; round < 25; round += 1) {
        for (let n = random(6); n >= 0; n -= 1) doSomething(server, random);
        if (random(3) === 0) await watch.lookAndDie(random(2) === 0 ? "before" : "after");
        if (random(2) === 0) await moveSomething(server, watch, random);
        server.meanwhile = () => (random(4) === 0 ? doSomething(server, random) : undefined);
        await watch.look();
        server.meanwhile = () => {};
      }
      await watch.look();
      watch.later();
      await watch.look();
      const events = await watch.events();
      expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1));
      replay(known, events);
      const truth = await watch.truth();
      for (const [id, one] of known) if (truth.get(id)?.flags === "any") known.set(id, { ...one, ...copiesDiffer });
      expect(Object.fromEntries(known)).toEqual(Object.fromEntries(truth));
      expect(await store.watches.held(watch.accountId)).toEqual([]);
    },
  );
});
