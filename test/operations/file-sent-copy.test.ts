import { createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { encodeMessageId } from "../../src/mail/id.ts";
import type { FlagChange } from "../../src/mail/flags.ts";
import type { AppendWith, Mailbox } from "../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../src/mail/message.ts";
import { emptyEnvelope } from "../../src/mime/parse-envelope.ts";
import { createByteBudget } from "../../src/operations/byte-budget.ts";
import { fileSentCopy } from "../../src/operations/file-sent-copy.ts";
import { flagOriginal } from "../../src/operations/flag-original.ts";
import { lookInSent } from "../../src/operations/look-in-sent.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { FolderRow, IntentRow } from "../../src/store/rows.ts";
import { sentRow } from "../background/follow-up-house.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, folderRow } from "../store/rows.ts";

const account = accountRow({ idStability: "tracked" });
const idKey = createSecretKey(new Uint8Array(32));
const inbox = { ...folderRow(account.id, "INBOX", { role: "inbox" }), number: 1 };
const sent = { ...folderRow(account.id, "Sent", { role: "sent" }), number: 2 };
const message = "Message-ID: <1@x>\r\n\r\nhello\r\n";

type Stored = { uid: number; octets: string; options: AppendWith };

/** An account with a sent folder, and what lies in it. */
function setup({ folders = [inbox, sent], change = {} }: { folders?: FolderRow[]; change?: Partial<Mailbox> } = {}) {
  const clock = createFakeClock();
  const intents = new Map<string, IntentRow>();
  const stored: Stored[] = [];
  const flagged: [ImapPlace, FlagChange, number][] = [];
  const seen = { reads: 0, intentsThen: [] as string[] };
  const session = {
    dead: false,
    capabilities: () => ({ append: true, folders: true }),
    status: async () => ({ uidNext: stored.length + 1 }),
    folders: async () => [],
    withMessageId: async (path: string, messageId: string) =>
      stored
        .filter(({ octets }) => octets.includes(messageId))
        .map(({ uid }) => ({ path, uidValidity: 7, uid }))
        .reverse(),
    async append(path: string, octets: Uint8Array, options: AppendWith) {
      seen.intentsThen.push(...intents.keys());
      stored.push({ uid: stored.length + 1, octets: Buffer.from(octets).toString(), options });
      return { path, uidValidity: 7, uid: stored.length };
    },
    async setFlags(places: ImapPlace[], flags: FlagChange) {
      for (const place of places) flagged.push([place, flags, intents.size]);
      return { missing: [] };
    },
    ...change,
  } as unknown as Mailbox;
  const row = { ...sentRow(account, clock.now()), messageId: "<1@x>", size: message.length };
  const needs = {
    clock,
    folders: { list: async () => folders, save: async () => true, version: async () => 0 },
    placements: { find: async () => [], remove: async () => {}, save: async () => {} },
    splitKeys: { add: async () => {} },
    wake: { wake() {} },
    idKey: () => idKey,
    places: createPlaceCache(10),
    intents: {
      live: async () => [],
      list: async () => [...intents.values()],
      async insert(intent: IntentRow) {
        if (intents.has(intent.id)) throw new Error("twice");
        intents.set(intent.id, intent);
      },
      async settle(id: string, over: Pick<IntentRow, "placed" | "expiresAt">) {
        const intent = intents.get(id);
        if (intent !== undefined) intents.set(id, { ...intent, ...over, settled: true });
      },
      remove: async (ids: string[]) => ids.forEach((id) => intents.delete(id)),
    },
    mailboxes: {
      lend: async () => ({ session, fresh: true, release() {}, discard() {}, failed() {}, leave() {}, pauseMs: 0 }),
    },
    memory: createByteBudget(clock, { total: 100_000_000, waitMs: 1000 }),
    blobs: {
      async *read() {
        seen.reads += 1;
        yield Buffer.from(message.slice(0, 10));
        yield Buffer.from(message.slice(10));
      },
    },
  };
  return { needs, row, intents, stored, flagged, seen, file: fileSentCopy(needs), may: async () => true };
}

describe("the copy of what was sent", () => {
  test("is stored as it went out, read, with the time it went out at, and told to the watcher as ours", async () => {
    const { file, row, stored, intents, seen, may } = setup();
    expect(await file(account, row, may)).toBe("stored");
    const options = { flags: ["seen"], keywords: [], receivedAt: row.finishedAt };
    expect(stored).toEqual([{ uid: 1, octets: message, options }]);
    expect(seen.intentsThen).toHaveLength(1);
    const placed = { folder: 2, uidValidity: 7, uids: [1] };
    expect([...intents.values()]).toMatchObject([{ kind: "place", folder: 2, source: null, settled: true, placed }]);
  });

  test("is no second one where there is one, and nothing is read for it", async () => {
    const { file, row, stored, seen, may } = setup();
    stored.push({
      uid: 1,
      octets: `X: by the provider\r\n${message}`,
      options: { flags: [], keywords: [], receivedAt: null },
    });
    expect(await file(account, row, may)).toBe("there");
    expect([stored.length, seen.reads]).toEqual([1, 0]);
  });

  test("is only looked for where it is not to be stored yet, or not any more", async () => {
    const { file, row, stored } = setup();
    expect(await file(account, row, null)).toBe("absent");
    expect(await file(account, row, async () => false)).toBe("absent");
    expect(stored).toEqual([]);
  });

  test("that was stored by a try that was cut off is found, and told to the watcher as ours", async () => {
    const house = setup();
    const { row, intents, stored, needs, may } = house;
    const cut = { ...needs.intents, settle: () => Promise.reject(new Error("killed")) };
    await expect(fileSentCopy({ ...needs, intents: cut })(account, row, may)).rejects.toThrow("killed");
    expect([...intents.values()]).toMatchObject([{ settled: false, placed: null }]);
    expect(await house.file(account, row, may)).toBe("stored");
    expect(stored).toHaveLength(1);
    expect([...intents.values()]).toMatchObject([{ settled: true, placed: { uids: [1] } }]);
  });

  test("that may have been stored and was not is stored by the next try", async () => {
    const lost = new Failure("upstream-timeout", "lost", { extra: { stored: "unknown" } });
    const house = setup();
    const losing = setup({ change: { append: () => Promise.reject(lost) } });
    const { mailboxes } = losing.needs;
    await expect(fileSentCopy({ ...house.needs, mailboxes })(account, house.row, house.may)).rejects.toBe(lost);
    expect([...house.intents.values()]).toMatchObject([{ settled: false }]);
    expect(await house.file(account, house.row, house.may)).toBe("stored");
    expect([house.stored.length, house.intents.size]).toEqual([1, 1]);
  });

  test("has nowhere to go without a sent folder", async () => {
    const { file, row, stored, may } = setup({ folders: [inbox] });
    expect(await file(account, row, may)).toBe("no-folder");
    const closed = setup({ folders: [inbox, { ...sent, selectable: false }] });
    expect(await closed.file(account, row, may)).toBe("no-folder");
    expect([stored, closed.stored]).toEqual([[], []]);
  });

  test("is not made of more than 32 MiB, nor of what is gone; where it is there it is found all the same", async () => {
    const { file, row, stored, seen, may } = setup();
    const large = { ...row, size: 32 * 1024 * 1024 + 1 };
    await expect(file(account, large, may)).rejects.toMatchObject({ code: "message-too-large" });
    await expect(file(account, { ...row, blobId: null }, may)).rejects.toMatchObject({ code: "not-found" });
    expect([stored, seen.reads]).toEqual([[], 0]);
    expect(await file(account, large, null)).toBe("absent");
    stored.push({ uid: 1, octets: message, options: { flags: [], keywords: [], receivedAt: null } });
    expect(await file(account, large, may)).toBe("there");
  });

  test("a folder that the server refuses to open is no missing one", async () => {
    const upstream = { protocol: "imap", phase: "SELECT", host: "x", text: "no" } as const;
    const refused = new Failure("refused-by-server", "no", { upstream });
    const { needs } = setup({ change: { withMessageId: () => Promise.reject(refused) } });
    await expect(lookInSent(needs)(account, "<1@x>", null)).rejects.toBe(refused);
  });
});

describe("what may have been sent", () => {
  const copies = [
    { uid: 9, receivedAt: 1_000 },
    { uid: 7, receivedAt: 3_000 },
    { uid: 5, receivedAt: 2_000 },
  ].map(({ uid, receivedAt }) => ({
    place: { path: "Sent", uidValidity: 7, uid },
    key: null,
    thread: null,
    envelope: emptyEnvelope,
    receivedAt,
    size: 1,
    flags: { seen: true, flagged: false, answered: false, draft: false },
    keywords: [],
    structure: null,
    warnings: [],
  }));
  const { needs } = setup({
    change: {
      withMessageId: async () => copies.map(({ place }) => place),
      summaries: async (places) => copies.filter(({ place }) => places.includes(place)),
    },
  });

  test.each([
    [null, 9],
    [3_000, 7],
    [3_001, undefined],
  ])("since %s it is copy %s", async (since, uid) => {
    const { folder, place } = await lookInSent(needs)(account, "<1@x>", since);
    expect(folder?.path).toBe("Sent");
    expect(place).toEqual(uid === undefined ? null : { path: "Sent", uidValidity: 7, uid });
  });
});

describe("what was answered or forwarded", () => {
  const origin = { folder: 1, uidValidity: 5, uid: 9 };
  const messageId = encodeMessageId({ tier: "tracked", origin }, idKey);
  const place = { path: "INBOX", uidValidity: 5, uid: 9 };

  test.each([
    ["reply", { flags: { answered: true }, keywords: { add: [], remove: [] } }],
    ["replyAll", { flags: { answered: true }, keywords: { add: [], remove: [] } }],
    ["forward", { flags: {}, keywords: { add: ["$Forwarded"], remove: [] } }],
  ] as const)("%s marks it, as our doing", async (action, change) => {
    const { needs, flagged, intents } = setup();
    await flagOriginal(needs)(account, { action, messageId });
    expect(flagged).toEqual([[place, change, 1]]);
    expect([...intents.values()]).toMatchObject([{ kind: "flags", change, settled: true }]);
  });

  test("one that is gone, or was none of ours, is said to be", async () => {
    const { needs } = setup({ change: { setFlags: async (places) => ({ missing: places }) } });
    const flag = (id: string) => flagOriginal(needs)(account, { action: "reply", messageId: id });
    await expect(flag(messageId)).rejects.toMatchObject({ code: "message-gone" });
    await expect(flag("msg_forged")).rejects.toMatchObject({ code: "not-found" });
  });
});
