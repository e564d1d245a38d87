import { createSecretKey } from "node:crypto";
import { encodeMessageId, type Origin } from "../../src/mail/id.ts";
import { threadNode } from "../../src/mail/thread.ts";
import { asOurs, beginPlacing, endPlacing } from "../../src/operations/our-doing.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { AccountRow, EventRow, FolderRow, PlacementRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { indexEarlier } from "../../src/watching/index-earlier.ts";
import { lookAtAccount } from "../../src/watching/look-at-account.ts";
import { createAlertsTold } from "../../src/watching/alerts-told.ts";
import { lookAtAll, type Round, type WatchNeeds } from "../../src/watching/round.ts";
import { type LookedAt, lookAtFolder } from "../../src/watching/look-at-folder.ts";
import { accountRow, appRow } from "../store/rows.ts";
import type { ModelServer } from "./model-server.ts";

const idKey = createSecretKey(Buffer.alloc(32, 7));

/** Copies of a message have flags of their own, and one id. */
export const copiesDiffer = { flags: "any", keywords: "any" };

export type Known = { folderIds: string[]; flags: unknown; keywords: unknown };

/** An account at a model server under watch, what the app does to it by the API, and what the log tells of it. */
export async function watchedModel(
  store: Store,
  server: ModelServer,
  window = 10_000,
  change: Partial<AccountRow> = {},
) {
  const app = appRow();
  await store.apps.insert(app);
  const base = accountRow({ appId: app.id, watch: { mode: "push", folders: "all", notifySince: null }, ...change });
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
  /** Where messages lay that we have moved. */
  const origins: Origin[] = [];
  return {
    accountId: base.id,
    /** Time enough to read flags again where the server can't tell which have changed. */
    later: (ms = 400_000): void => void (now += ms),
    /** Looks, and puts earlier messages into the index of threads, and is killed at its first write. */
    async lookAndDie(how: "before" | "after"): Promise<void> {
      fault = how;
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      const unlessKilled = (error: Error): void => {
        if (!error.message.startsWith("killed")) throw error;
      };
      await lookAtAccount(needs, turn, since).catch(unlessKilled);
      await indexEarlier(needs, turn).catch(unlessKilled);
      fault = "none";
    },
    /** A move by the API, in its steps: where there is no MOVE the message is in both folders for a while. */
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
      origins.push(origin, ...(before === undefined ? [] : [before.origin]));
      await between();
      const message = server.folders.get(from)?.messages.get(uid);
      if (message === undefined) return store.intents.remove([intent]);
      const there = server.add(to, message.key, message.flags, message.keywords);
      if (!server.hasMove) await between();
      server.remove(from, uid);
      await between();
      const placed = { folder: numberOf(to), uidValidity: validityOf(to), uids: [there] };
      const now = { folder: placed.folder, uidValidity: placed.uidValidity, uid: there };
      const isTracked = (await account()).idStability === "tracked";
      const placements = isTracked ? [{ accountId: base.id, origin: before?.origin ?? origin, now }] : [];
      await endPlacing(needs, await account(), intent, { placed, placements });
    },
    /** A removal or a change of flags by the API, in its steps. */
    async changeByUs(
      path: string,
      uid: number,
      doing: "remove" | "flags",
      between: () => Promise<void>,
    ): Promise<void> {
      const folder = (await store.folders.list(base.id)).find((row) => row.path === path) as FolderRow;
      const place = { path, uidValidity: server.folders.get(path)?.uidValidity ?? 0, uid };
      const origin = { folder: folder.number, uidValidity: place.uidValidity, uid };
      const flags = { flagged: server.folders.get(path)?.messages.get(uid)?.flags.flagged !== true };
      const change = { flags, keywords: { add: [], remove: [] } };
      const ours = doing === "remove" ? ({ kind: "remove" } as const) : ({ kind: "flags", change } as const);
      const work = async (): Promise<void> => {
        await between();
        if (server.folders.get(path)?.messages.has(uid) !== true) throw new Error("gone");
        if (doing === "remove") server.remove(path, uid);
        else server.flag(path, uid, flags);
        await between();
      };
      const found = { ref: { tier: "tracked", origin }, place, folder } as const;
      await asOurs(needs, await account(), found, ours, work).catch((error: Error) => {
        if (error.message !== "gone") throw error;
      });
    },
    /** Rows of tracked messages that name a place where nothing is. */
    async stalePlacements(): Promise<PlacementRow[]> {
      const pathOf = new Map((await store.folders.list(base.id)).map(({ number, path }) => [number, path]));
      return (await store.placements.find(base.id, origins)).filter(
        ({ now: { folder, uid } }) => server.folders.get(pathOf.get(folder) ?? "")?.messages.has(uid) !== true,
      );
    },
    async look(): Promise<void> {
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      for (let more = true; more;) {
        const begun = clock.now();
        more = (await lookAtAccount(needs, turn, since)).state === "more";
        since = begun;
      }
    },
    /** Puts some of what was there before into the index of threads; whether there is more. */
    async indexEarlier(): Promise<boolean> {
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      return (await indexEarlier(needs, turn)) === "more";
    },
    /** A round of a watch: a look at all folders, and what is done in the quiet after it. */
    async round(awaited: () => boolean = () => false): Promise<Round | null> {
      const watching = {
        ...needs,
        mailboxes: { awaited },
        random: () => 0.5,
        every: { folders: 60_000, maildrop: 300_000 },
      };
      const watched = {
        accountId: base.id,
        epoch: claim?.epoch ?? 0,
        signal: new AbortController().signal,
        alive() {},
        looked() {},
        alertsTold: createAlertsTold(),
      };
      // Only what looks at folders is there.
      return lookAtAll(watching as unknown as WatchNeeds, { mailbox: server.mailbox, idles: true }, watched);
    },
    /** Which messages each thread has by now, as `folder/UID`. */
    async threads(): Promise<Map<string, string[]>> {
      const paths = new Map((await store.folders.list(base.id)).map(({ number, path }) => [number, path]));
      const listed = await store.threads.list(base.id, { after: null, limit: 1_000, folder: null });
      const rows = await store.threads.messages(
        base.id,
        listed.map(({ id }) => id),
      );
      return new Map(
        listed.map(({ id }) => [
          id,
          rows.filter(({ thread }) => thread === id).map(({ folder, uid }) => `${paths.get(folder)}/${uid}`),
        ]),
      );
    },
    /** The thread of a message by its id in brackets, as everybody can tell it who has its nodes. */
    async threadOf(messageId: string): Promise<string | undefined> {
      const node = threadNode(idKey, { kind: "message", value: messageId });
      return (await store.threads.of(base.id, [node])).get(node);
    },
    /** A look at the inbox alone, as news of it makes one. */
    async lookAtInbox(hints: { flags: boolean }): Promise<LookedAt> {
      const turn = { account: await account(), epoch: claim?.epoch ?? 0, mailbox: server.mailbox, progress() {} };
      const { watching } = server.mailbox;
      if (watching.kind !== "folders") throw new Error("no folders");
      const folders = await store.folders.list(base.id);
      const inbox = folders.find(({ role }) => role === "inbox") as FolderRow;
      const at = { ...turn, watching, folders, watched: folders, appeared: new Set<number>() };
      return lookAtFolder(needs, at, inbox, hints);
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

export type WatchedModel = Awaited<ReturnType<typeof watchedModel>>;
