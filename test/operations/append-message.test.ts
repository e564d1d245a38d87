import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { Place } from "../../src/mail/message.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { type AppendAsked, appendMessage } from "../../src/operations/append-message.ts";
import { createByteBudget } from "../../src/operations/byte-budget.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { IntentRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, folderRow } from "../store/rows.ts";

const account = accountRow({ idStability: "tracked" });
const caller: AppCaller = { kind: "app", appId: account.appId, keyId: "key_1", scopes: [], accountIds: null };
const inbox = { ...folderRow(account.id, "INBOX", { role: "inbox" }), number: 1 };
const attic = { ...folderRow(account.id, "Attic", { selectable: false }), number: 2 };
const place: Place = { path: "INBOX", uidValidity: 7, uid: 14 };

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** What the server does with the message, and what was seen of it. */
function setup(append: () => Promise<Place | null>, change: Partial<Mailbox> = {}, maxMessage = 1000) {
  const intents = new Map<string, IntentRow>();
  const seen = { lent: 0, messages: [] as string[], intentsThen: 0, spent: [] as number[] };
  const session = {
    capabilities: () => ({ append: true }),
    status: async () => ({ messages: 0, unseen: 0, uidValidity: 7, uidNext: 14 }),
    append(_path: string, message: Uint8Array) {
      seen.messages.push(Buffer.from(message).toString());
      seen.intentsThen = intents.size;
      return append();
    },
    get: () => Promise.reject(new Failure("message-gone", "gone")),
    ...change,
  } as unknown as Mailbox;
  const clock = createFakeClock();
  const budget = createByteBudget(clock, { total: 10_000, waitMs: 1000 });
  const needs = {
    clock,
    accounts: { get: async () => account, decideIdStability: async () => "tracked" as const },
    folders: { list: async () => [inbox, attic], save: async () => true, version: async () => 0 },
    placements: { at: async () => [], save: async () => {} },
    wake: { wake() {} },
    splitKeys: { among: async () => new Set<string>(), add: async () => {} },
    intents: {
      insert: async (intent: IntentRow) => void intents.set(intent.id, intent),
      async settle(id: string, over: Pick<IntentRow, "placed" | "expiresAt">) {
        const intent = intents.get(id);
        if (intent !== undefined) intents.set(id, { ...intent, ...over, settled: true });
      },
      remove: async (ids: string[]) => ids.forEach((id) => intents.delete(id)),
    },
    mailboxes: {
      async lend() {
        seen.lent += 1;
        return { session, fresh: true, release() {}, discard() {}, failed() {}, leave() {}, pauseMs: 0 };
      },
    },
    idKey: () => createSecretKey(new Uint8Array(32)),
    places: createPlaceCache(10),
    maxMessage,
    memory: {
      spend<T>(owner: string, octets: number, work: () => Promise<T>): Promise<T> {
        seen.spent.push(octets);
        return budget.spend(owner, octets, work);
      },
    },
  };
  const run = (text: string, asked: Partial<AppendAsked> = {}) =>
    appendMessage(needs)(caller, account.id, {
      signal: new AbortController().signal,
      folder: "inbox",
      flags: [],
      keywords: [],
      receivedAt: null,
      announced: null,
      read: () => chunks(text),
      ...asked,
    });
  return { run, seen, intents, clock };
}

test("a message that nobody can find again is stored, and has no id", async () => {
  const { run, seen, intents } = setup(async () => null);
  expect(await run("a\nb")).toEqual({
    accountId: account.id,
    folderIds: [inbox.id],
    size: 4,
    warnings: ["id-unknown"],
  });
  expect([seen.messages, seen.intentsThen]).toEqual([["a\r\nb"], 1]);
  expect([...intents.values()]).toMatchObject([{ settled: true, placed: null }]);
});

test("one that somebody removes at once was stored all the same", async () => {
  const { run } = setup(async () => place);
  expect(await run("a")).toMatchObject({ warnings: ["id-unknown"] });
});

test("where it lies is told to the watcher", async () => {
  const { run, intents, clock } = setup(async () => place);
  await run("a");
  const { uidValidity, uid } = place;
  expect([...intents.values()]).toMatchObject([
    {
      kind: "place",
      source: null,
      placed: { folder: 1, uidValidity, uids: [uid] },
      settled: true,
      expiresAt: clock.now() + 86_400_000,
    },
  ]);
});

test("a refusal leaves no intent behind; a doubt does, until it expires", async () => {
  const refused = setup(() => Promise.reject(new Failure("message-too-large", "no")));
  await expect(refused.run("a")).rejects.toMatchObject({ code: "message-too-large" });
  expect(refused.intents.size).toBe(0);
  const doubt = setup(() => Promise.reject(new Failure("upstream-timeout", "no", { extra: { stored: "unknown" } })));
  await expect(doubt.run("a")).rejects.toMatchObject({ code: "upstream-timeout" });
  expect([...doubt.intents.values()]).toMatchObject([{ accountId: account.id, folder: 1, uidNext: 14 }]);
});

test("no session is lent before the whole message is there, or for one that is refused", async () => {
  const { run, seen } = setup(async () => place);
  const limits: number[] = [];
  const stalled = new Failure("request-timeout", "too slow");
  async function* read(limit: number): AsyncGenerator<Uint8Array> {
    limits.push(limit);
    yield Buffer.from("half");
    throw stalled;
  }
  await expect(run("", { read })).rejects.toBe(stalled);
  await expect(run("a\0b")).rejects.toMatchObject({ code: "validation-failed" });
  expect([limits, seen.lent]).toEqual([[1000], 0]);
});

test("a folder that only holds folders, and a protocol without append, store nothing", async () => {
  const { run, seen } = setup(async () => place);
  await expect(run("a", { folder: attic.id })).rejects.toMatchObject({ code: "refused-by-server" });
  const pop = setup(async () => place, { capabilities: () => ({ append: false }) as never });
  await expect(pop.run("a")).rejects.toMatchObject({ code: "unsupported-by-protocol" });
  expect([seen.messages, pop.seen.messages]).toEqual([[], []]);
});

test("a message that its line ends make too long is refused, and what it may take of memory is what is counted", async () => {
  const { run, seen } = setup(async () => null);
  await expect(run("\n".repeat(501))).rejects.toMatchObject({
    code: "body-too-large",
    details: { extra: { limit: 1000 } },
  });
  expect(await run("\n".repeat(500), { announced: 500 })).toMatchObject({ size: 1000 });
  expect(await run("\n".repeat(10), { announced: 10 })).toMatchObject({ size: 20 });
  expect([seen.spent, seen.lent]).toEqual([[1000, 1000, 20], 2]);
});

test("the intent of a large message outlives the slowest line that a session waits for", async () => {
  const size = 4 * 1024 * 1024;
  const doubt = new Failure("upstream-timeout", "no", { extra: { stored: "unknown" } });
  const { run, intents, clock } = setup(() => Promise.reject(doubt), {}, size);
  await expect(run("a".repeat(size))).rejects.toBe(doubt);
  const [intent] = intents.values();
  expect((intent?.expiresAt ?? 0) - clock.now()).toBeGreaterThan(120_000 + size / 32);
});
