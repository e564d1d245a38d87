import { createSecretKey } from "node:crypto";
import type { Failure } from "../../src/errors.ts";
import type { FolderRole, NativeFolder } from "../../src/mail/folder.ts";
import type { Heads, Mailbox, Page, Search } from "../../src/mail/mailbox.ts";
import { matchSearch } from "../../src/mail/match-search.ts";
import type { ImapPlace, NativeKey, Summary } from "../../src/mail/message.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import type { Random } from "../mail/random-search.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import type { FolderRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, appRow } from "../store/rows.ts";

export type FakeMessage = { uid: number; receivedAt: number | null; seen: boolean; key: string };
export type FakeFolder = {
  path: string;
  role: FolderRole | null;
  uidValidity: number;
  uidNext: number;
  /** Ascending by UID. */
  messages: FakeMessage[];
  /** What searching it fails with. */
  failure: Failure | null;
};

const summaryFields = {
  envelope: {
    messageId: null,
    inReplyTo: null,
    references: [],
    subject: "x",
    from: null,
    sender: null,
    replyTo: [],
    to: [],
    cc: [],
    bcc: [],
    date: null,
  },
  size: 1,
  keywords: [],
  structure: null,
  warnings: [],
  thread: null,
};

/** An account with folders on a server that finds what it is asked for: pages may be short where a random number says so. */
export function openSearchHouse(random: Random = () => 1) {
  const app = appRow();
  let account = accountRow({ appId: app.id, watch: { mode: "off", folders: "all", notifySince: null } });
  const clock = createFakeClock();
  const folders: FakeFolder[] = [];
  /** The paths that were searched, and until when. */
  const searched: { path: string; until: number; count: boolean }[] = [];
  let rows: FolderRow[] = [];
  let version = 0;

  function add(path: string, role: FolderRole | null = null): FakeFolder {
    const folder = { path, role, uidValidity: 1000 + folders.length, uidNext: 1, messages: [], failure: null };
    folders.push(folder);
    return folder;
  }
  function put(folder: FakeFolder, receivedAt: number | null, key: string, seen = false): void {
    folder.messages.push({ uid: folder.uidNext, receivedAt, seen, key });
    folder.uidNext += 1;
  }

  function at(path: string): FakeFolder {
    const folder = folders.find((one) => one.path === path);
    if (folder === undefined) throw new Error(`no ${path}`);
    return folder;
  }
  const native = ({ path, role, uidValidity, uidNext, messages }: FakeFolder): NativeFolder => ({
    path,
    name: path,
    parentPath: null,
    delimiter: "/",
    role,
    selectable: true,
    subscribed: true,
    mailboxId: null,
    status: { messages: messages.length, unseen: 0, uidValidity, uidNext, modSeq: null },
  });
  function summaryOf(folder: FakeFolder, { uid, receivedAt, seen, key }: FakeMessage): Summary<ImapPlace> {
    const flags = { seen, flagged: false, answered: false, draft: false };
    const named: NativeKey = { kind: "guid", value: key };
    const place = { path: folder.path, uidValidity: folder.uidValidity, uid };
    return { ...summaryFields, place, key: named, receivedAt, flags };
  }

  /** A sequence number that a page goes on after is trusted to be no smaller than that message's (newest first). */
  async function heads(path: string, page: Page<ImapPlace>, search: Search): Promise<Heads<ImapPlace>> {
    searched.push({ path, until: search.until, count: search.count });
    const folder = at(path);
    if (folder.failure !== null) throw folder.failure;
    const { after, limit, order = "newest" } = page;
    const numbered = folder.messages.map((message, index) => ({ ...message, sequence: index + 1 }));
    const ahead =
      order === "oldest"
        ? numbered.filter(({ uid }) => after === null || uid > after.uid)
        : numbered
            .filter(({ uid, sequence }) => after === null || (uid < after.uid && sequence < after.sequence))
            .reverse();
    const isMatch = ({ seen, receivedAt }: FakeMessage) =>
      matchSearch(search.expression, { flags: { seen, flagged: false, answered: false, draft: false }, receivedAt }) ===
      true;
    const looked = random() < 0.3 ? ahead.slice(0, Math.floor(random() * limit)) : ahead;
    const told = looked.filter(isMatch).slice(0, limit);
    const isFull = told.length === limit;
    const last = isFull ? told.at(-1) : looked.at(-1);
    const rest = ahead.slice(last === undefined ? 0 : ahead.indexOf(last) + 1);
    const goesOn = isFull ? rest.some(isMatch) : rest.length > 0;
    const begin = order === "oldest" ? { uid: 0, sequence: 0 } : { uid: folder.uidNext, sequence: folder.uidNext };
    const next = goesOn ? (last === undefined ? (after ?? begin) : { uid: last.uid, sequence: last.sequence }) : null;
    return {
      uidValidity: folder.uidValidity,
      heads: told.map(({ uid, receivedAt }) => ({ place: { path, uidValidity: folder.uidValidity, uid }, receivedAt })),
      next,
      answer: {
        engine: "server",
        exact: true,
        undecided: 0,
        ...(search.count && { total: folder.messages.filter(isMatch).length }),
      },
    };
  }
  const session = {
    dead: false,
    unfinished: null,
    capabilities: () => account.capabilities,
    folders: async () => folders.map(native),
    status: async (path: string) => native(at(path)).status,
    heads,
    async search(path: string, page: Page<ImapPlace>, search: Search) {
      const { heads: found, ...rest } = await heads(path, page, search);
      return { ...rest, messages: await session.summaries(found.map(({ place }) => place)) };
    },
    async list(path: string, page: Page<ImapPlace>) {
      const {
        heads: found,
        answer: _,
        ...rest
      } = await heads(path, page, { expression: { op: "all" }, count: false, until: 0 });
      return { ...rest, messages: await session.summaries(found.map(({ place }) => place)) };
    },
    async summaries(places: ImapPlace[]) {
      return places.flatMap(({ path, uid }) => {
        const folder = at(path);
        const message = folder.messages.find((one) => one.uid === uid);
        return message === undefined ? [] : [summaryOf(folder, message)];
      });
    },
  };
  const mailbox = session as unknown as Mailbox;

  const needs = {
    clock,
    wake: { wake() {} },
    cursorKey: new Uint8Array(32).fill(3),
    folders: {
      list: async () => rows,
      version: async () => version,
      save: async (_: string, change: Parameters<Store["folders"]["save"]>[1]) => {
        version += 1;
        const changed = new Map(change.changed.map((row) => [row.id, row]));
        rows = rows.map((row) => changed.get(row.id) ?? row);
        for (const row of change.added) rows.push({ ...row, number: rows.length + 1 });
        return true;
      },
    },
    accounts: {
      get: async () => account,
      async decideIdStability(_: string, tier: "permanent" | "tracked" | "uidl" | "fingerprint") {
        account = { ...account, idStability: tier };
        return tier;
      },
    },
    placements: { at: async () => [] },
    splitKeys: { among: async () => new Set<string>(), add: async () => {} },
    threadIdsOf: async () => [],
    idKey: () => createSecretKey(Buffer.alloc(32, 7)),
    places: createPlaceCache(1000),
    mailboxes: {
      lend: async () => ({
        session: mailbox,
        fresh: true,
        release() {},
        discard() {},
        leave() {},
        failed() {},
        pauseMs: 1,
      }),
    },
  };
  const caller: AppCaller = { kind: "app", appId: app.id, keyId: "key", scopes: [], accountIds: null };
  return { needs, mailbox, session, account, caller, clock, folders, searched, add, put, rows: () => rows };
}
