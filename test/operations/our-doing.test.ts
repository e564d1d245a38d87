import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { encodeMessageId } from "../../src/mail/id.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../src/mail/message.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { deleteMessage } from "../../src/operations/delete-message.ts";
import { type FoundOnServer, onMessage } from "../../src/operations/find-message.ts";
import { createMessageTurns } from "../../src/operations/message-turns.ts";
import { moveMessage } from "../../src/operations/move-message.ts";
import { asOurs } from "../../src/operations/our-doing.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { AccountRow, FolderRow, IntentRow, PlacementRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, folderRow } from "../store/rows.ts";

const account = accountRow();
const off: AccountRow = { ...account, watch: { ...account.watch, mode: "off" } };
const inbox: FolderRow = { ...folderRow(account.id, "INBOX"), number: 1 };
const archive: FolderRow = { ...folderRow(account.id, "Archive"), number: 2 };
const place: ImapPlace = { path: "INBOX", uidValidity: 7, uid: 40 };
const there: ImapPlace = { path: "Archive", uidValidity: 9, uid: 3 };
const source = { folder: 1, uidValidity: 7, uids: [40] };
const tracked: FoundOnServer = {
  ref: { tier: "tracked", origin: { folder: 5, uidValidity: 6, uid: 8 } },
  place,
  folder: inbox,
};

const caller = { appId: account.appId, accountIds: null } as AppCaller;
/** A mailbox in which messages are removed for good. */
const gone = { remove: async () => ({ missing: [] }) } as unknown as Mailbox;

/** Everything that is written, in order, and a mailbox that moves to `to`. */
function setup(to: ImapPlace | null = there) {
  const clock = createFakeClock();
  const intents = new Map<string, IntentRow>();
  const saved: PlacementRow[] = [];
  const seen: IntentRow[] = [];
  const forgotten: PlacementRow[] = [];
  const needs = {
    clock,
    folders: { list: async () => [inbox, archive], save: async () => true, version: async () => 0 },
    wake: { wake() {} },
    splitKeys: { add: async () => {} },
    idKey: () => createSecretKey(new Uint8Array(32)),
    places: createPlaceCache(10),
    intents: {
      live: async () => [],
      insert: async (intent: IntentRow) => void intents.set(intent.id, intent),
      remove: async (ids: string[]) => ids.forEach((id) => intents.delete(id)),
      async settle(
        id: string,
        { placed, expiresAt, placements }: Pick<IntentRow, "placed" | "expiresAt"> & { placements: PlacementRow[] },
      ) {
        const intent = intents.get(id);
        if (intent !== undefined) intents.set(id, { ...intent, placed, expiresAt, settled: true });
        saved.push(...placements);
      },
    },
    placements: {
      find: async () => [],
      remove: async (row: PlacementRow) => void forgotten.push(row),
      save: async (rows: PlacementRow[]) => void saved.push(...rows),
    },
  };
  const mailbox = {
    status: async () => ({ uidNext: 3 }),
    async move() {
      seen.push(...intents.values());
      return { moved: [{ from: place, to }], missing: [] };
    },
  } as unknown as Mailbox;
  const left = () => [...intents.values()];
  return { needs, mailbox, seen, saved, forgotten, left, clock };
}

test("a move is told to the watcher before and after it", async () => {
  const { needs, mailbox, seen, saved, left, clock } = setup();
  await moveMessage(needs, mailbox, account, tracked, archive);
  const before = { accountId: account.id, kind: "place", folder: 2, uidNext: 3, source, change: null };
  const times = { createdAt: clock.now(), expiresAt: clock.now() + 60_000 };
  expect(seen).toMatchObject([{ ...before, ...times, placed: null, settled: false }]);
  const placed = { folder: 2, uidValidity: 9, uids: [3] };
  expect(left()).toMatchObject([{ ...before, placed, settled: true, expiresAt: clock.now() + 86_400_000 }]);
  const origin = { folder: 5, uidValidity: 6, uid: 8 };
  expect(saved).toEqual([{ accountId: account.id, origin, now: { folder: 2, uidValidity: 9, uid: 3 } }]);
});

test("one whose end could not be told is over all the same, and remembers nothing", async () => {
  const { needs, mailbox, saved, left } = setup(null);
  await moveMessage(needs, mailbox, account, tracked, archive);
  expect(left()).toMatchObject([{ placed: null, settled: true }]);
  expect(saved).toEqual([]);
});

test("what is remembered of a message that is gone is the watcher's to forget, where he looks at its folder", async () => {
  const all: AccountRow = { ...account, watch: { ...account.watch, mode: "poll", folders: "all" } };
  const inboxOnly: AccountRow = { ...account, watch: { ...account.watch, mode: "poll", folders: ["inbox"] } };
  const lost = async (whose: AccountRow, folder: FolderRow): Promise<number> => {
    const { needs, mailbox, forgotten } = setup(null);
    await moveMessage(needs, mailbox, whose, { ...tracked, folder }, archive);
    return forgotten.length;
  };
  const removed = async (whose: AccountRow): Promise<number> => {
    const { needs, forgotten } = setup();
    const origin = { folder: 1, uidValidity: 7, uid: 40 };
    const find = async () => [{ accountId: whose.id, origin, now: { ...origin, uid: 41 } }];
    const mailboxes = { lend: async () => ({ session: gone, failed() {}, release() {} }) as never };
    const remove = deleteMessage({
      ...needs,
      placements: { ...needs.placements, find },
      mailboxes,
      accounts: { get: async () => whose },
      messageTurns: createMessageTurns(),
    });
    const id = encodeMessageId({ tier: "tracked", origin: { folder: 1, uidValidity: 7, uid: 40 } }, needs.idKey());
    const { signal } = new AbortController();
    await remove(caller, whose.id, { id, folder: null, permanent: true, signal, precondition: null });
    return forgotten.length;
  };
  const searched = async (whose: AccountRow): Promise<number> => {
    const { needs, mailbox, forgotten } = setup();
    const { signal } = new AbortController();
    const origin = { folder: 1, uidValidity: 7, uid: 40 };
    const asked = { id: "", folder: null, signal, ref: { tier: "tracked", origin } } as const;
    const missing = async () => Promise.reject(new Failure("message-gone", "gone"));
    await expect(onMessage(needs, mailbox, whose, asked, missing)).rejects.toMatchObject({ code: "message-gone" });
    return forgotten.length;
  };
  expect([await lost(all, inbox), await lost(off, inbox)]).toEqual([0, 1]);
  expect([await lost(inboxOnly, { ...inbox, role: "inbox" }), await lost(inboxOnly, inbox)]).toEqual([0, 1]);
  expect([await removed(all), await removed(off)]).toEqual([0, 1]);
  expect([await searched(all), await searched(off)]).toEqual([0, 1]);
});

test.each([
  { dead: false, left: 0 },
  { dead: true, left: 1 },
])("a move that was refused holds nothing back; one whose session has died may be under way", async (after) => {
  const { needs, mailbox, left } = setup();
  const refused = new Failure("refused-by-server", "no room");
  const refusing = { ...mailbox, dead: after.dead, move: async () => Promise.reject(refused) } as unknown as Mailbox;
  await expect(moveMessage(needs, refusing, account, tracked, archive)).rejects.toBe(refused);
  expect(left()).toHaveLength(after.left);
});

test("where nobody watches, nothing stays behind but the message's new place", async () => {
  const { needs, mailbox, seen, saved, left } = setup();
  await moveMessage(needs, mailbox, off, tracked, archive);
  expect([seen.length, saved.length, left()]).toEqual([1, 1, []]);
});

test("a message with an id for life needs no row to be found again", async () => {
  const { needs, mailbox, saved } = setup();
  const ref = { tier: "permanent", key: { kind: "guid", value: "ab" } } as const;
  await moveMessage(needs, mailbox, account, { ...tracked, ref }, archive);
  expect(saved).toEqual([]);
  const id = encodeMessageId(ref, needs.idKey());
  expect(needs.places.get(account.id, id)).toEqual(there);
});

test("a change is told before it is done, and forgotten where it was not done", async () => {
  const { needs, left, clock } = setup();
  const change = { flags: { seen: true }, keywords: { add: ["a"], remove: [] } };
  const told = { accountId: account.id, folder: 1, uidNext: null, source, placed: null, settled: true };
  const times = { createdAt: clock.now(), expiresAt: clock.now() + 600_000 };
  const then = await asOurs(needs, account, tracked, { kind: "flags", change }, async () => left());
  expect(then).toMatchObject([{ ...told, ...times, kind: "flags", change }]);
  expect(left()).toEqual(then);

  const soon = clock.now() + 60_000;
  const refused = new Failure("message-gone", "gone");
  const failed = asOurs(needs, account, tracked, { kind: "remove" }, async () => {
    expect(left()).toMatchObject([{ kind: "flags" }, { kind: "remove", settled: false, expiresAt: soon, source }]);
    throw refused;
  });
  await expect(failed).rejects.toBe(refused);
  expect(left()).toEqual(then);
});

test("nothing is told of an account that nobody watches; a message of a maildrop is told by its key", async () => {
  const { needs, left } = setup();
  const key = { kind: "uidl", value: "1" } as const;
  const kept = { ref: { tier: "maildrop", login: "l", key }, place: { path: "INBOX", key }, folder: inbox } as const;
  expect(await asOurs(needs, off, tracked, { kind: "remove" }, async () => left())).toEqual([]);
  const source = { folder: inbox.number, uidValidity: 0, uids: [], keys: ["uidl:1"] };
  const told = await asOurs(needs, account, kept, { kind: "remove" }, async () => left());
  expect(told).toMatchObject([{ kind: "remove", source, settled: false }]);
  expect(left()).toMatchObject([{ kind: "remove", source, settled: true }]);
});
