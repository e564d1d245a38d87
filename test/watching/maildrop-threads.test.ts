import { createSecretKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { MaildropKey } from "../../src/mail/maildrop.ts";
import type { Place, Summary } from "../../src/mail/message.ts";
import { emptyEnvelope } from "../../src/mime/parse-envelope.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { indexEarlier } from "../../src/watching/index-earlier.ts";
import { lookAtAccount } from "../../src/watching/look-at-account.ts";
import { accountRow, appRow } from "../store/rows.ts";

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-maildrop-threads-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const idOf = (key: string): string => `<${key}@postern.test>`;

/** A maildrop whose messages are named by what they are called; those behind a dot answer what is before it. */
async function watched(held: string[], { bodiesOnly = false } = {}) {
  const app = appRow();
  await store.apps.insert(app);
  const base = accountRow();
  const incoming = base.incoming && { ...base.incoming, protocol: "pop3" as const };
  const account = { ...base, appId: app.id, incoming, idStability: "uidl" as const };
  await store.accounts.insert(account);
  const [claim] = await store.watches.claim("me", 1, 1e12, 1);
  const nameOf = (key: MaildropKey): string => key.value;
  const summaryOf = (place: Place): Summary => {
    const name = "key" in place ? nameOf(place.key) : "";
    const answered = name.includes(".") ? [idOf(name.slice(0, name.lastIndexOf(".")))] : [];
    return {
      place,
      key: null,
      thread: null,
      envelope: { ...emptyEnvelope, messageId: idOf(name), references: answered },
      receivedAt: 1_790_000_000_000,
      size: 1,
      flags: { seen: false, flagged: false, answered: false, draft: false },
      keywords: [],
      structure: null,
      warnings: [],
    };
  };
  const mailbox = {
    watching: {
      kind: "maildrop",
      loginDelay: null,
      bodiesOnly,
      keys: async () => held.map((value) => ({ kind: "uidl", value })),
    },
    summaries: async (places: Place[]) => places.map(summaryOf),
    dead: false,
    folders: async () => [
      {
        path: "INBOX",
        name: "INBOX",
        parentPath: null,
        delimiter: null,
        role: "inbox",
        selectable: true,
        subscribed: true,
        mailboxId: null,
        status: null,
      },
    ],
  } as unknown as Mailbox;
  let now = 1_790_000_000_000;
  const needs = {
    ...store,
    clock: { now: () => (now += 1), sleep: async () => {} },
    wake: { wake() {} },
    idKey: () => createSecretKey(Buffer.alloc(32, 7)),
    places: createPlaceCache(100),
    window: 10_000,
  };
  const turn = { account, epoch: claim?.epoch ?? 0, mailbox, progress() {} };
  return {
    held,
    look: async () => lookAtAccount(needs, turn, now),
    indexEarlier: async () => (await indexEarlier(needs, turn)) === "more",
    threads: async (): Promise<string[][]> => {
      const listed = await store.threads.list(account.id, { after: null, limit: 1_000, folder: null });
      const rows = await store.threads.messages(
        account.id,
        listed.map(({ id }) => id),
      );
      return [...Map.groupBy(rows, ({ thread }) => thread).values()]
        .map((some) => some.map(({ key }) => String(key).replace("uidl:", "")).toSorted())
        .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
    },
    events: () => store.events.list(app.id, { after: 0, limit: 99, types: ["message.created"], accountIds: null }),
  };
}

test("what comes to a maildrop is in its thread, and what is gone is not", async () => {
  const { held, look, threads, events } = await watched([]);
  await look();
  held.push("a", "a.b", "z");
  await look();
  held.push("a.b.c");
  await look();
  expect(await threads()).toEqual([["a", "a.b", "a.b.c"], ["z"]]);
  const ids = (await events()).map(({ data }) => data?.["threadId"]);
  expect(ids[0]).toMatch(/^thr_/);
  expect(ids).toEqual([ids[0], ids[0], ids[2], ids[0]]);
  held.splice(1, 1);
  await look();
  expect(await threads()).toEqual([["a", "a.b.c"], ["z"]]);
});

test("what it held before is put in by the hundred, newest first, up to 500", async () => {
  const names = Array.from({ length: 620 }, (_, n) => `m${String(n).padStart(3, "0")}`);
  const { look, indexEarlier: index, threads, events } = await watched(names);
  await look();
  expect(await index()).toBe(true);
  expect((await threads()).flat()).toEqual(names.slice(-100));
  while (await index());
  expect((await threads()).flat()).toEqual(names.slice(-500));
  expect(await events()).toEqual([]);
});

test("what it held before is not downloaded for it where the server gives no headers alone", async () => {
  const { held, look, indexEarlier: index, threads } = await watched(["old"], { bodiesOnly: true });
  await look();
  expect(await index()).toBe(false);
  expect(await threads()).toEqual([]);
  held.push("old.new");
  await look();
  expect(await threads()).toEqual([["old.new"]]);
});
