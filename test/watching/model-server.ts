import { createHash } from "node:crypto";
import { Failure } from "../../src/errors.ts";
import type { Flags } from "../../src/mail/flags.ts";
import type { FolderRole, NativeFolder } from "../../src/mail/folder.ts";
import type { ByteRange, Mailbox } from "../../src/mail/mailbox.ts";
import type { Envelope, ImapPlace, NativeKey, Place, Summary } from "../../src/mail/message.ts";
import type { Fact, FolderWatching } from "../../src/mail/watch.ts";
import { emptyEnvelope } from "../../src/mime/parse-envelope.ts";

type Stored = { uid: number; key: string; flags: Flags; keywords: string[]; modSeq: number; subject: string };
type ModelFolder = { uidValidity: number; uidNext: number; messages: Map<number, Stored> };

type Tie = Pick<Envelope, "messageId" | "inReplyTo" | "references"> & Pick<Summary, "thread" | "receivedAt">;

/** The folders that have a role. */
const roles: Record<string, FolderRole> = { INBOX: "inbox", Archive: "archive", Sent: "sent" };

const person = { name: "", email: "bob@postern.test" };
const daemon = { name: "Mail Delivery System", email: "MAILER-DAEMON@mx.postern.test" };

const unset: Flags = { seen: false, flagged: false, answered: false, draft: false };

/** An IMAP server as a plain model: what other clients do to it, and the watching half of the `Mailbox` port. */
export function modelServer({ permanent, condstore }: { permanent: boolean; condstore: boolean }) {
  const folders = new Map<string, ModelFolder>();
  let modSeq = 1;
  let keys = 0;
  let validity = 100;

  const at = (path: string): ModelFolder => {
    const folder = folders.get(path);
    if (folder === undefined) throw new Error(`no folder ${path}`);
    return folder;
  };
  const keyOf = (key: string): NativeKey | null =>
    permanent ? { kind: "guid", value: createHash("md5").update(key).digest("hex") } : null;
  /** HIGHESTMODSEQ of each folder in which something has happened. */
  const touched = new Map<string, number>();
  const touch = (path: string): void => void touched.set(path, (modSeq += 1));
  const highest = (path: string): string | null => (condstore ? String(touched.get(path) ?? 1) : null);

  const server = {
    folders,
    hasMove: permanent || condstore,
    /** Keys of which there were copies, each with flags of its own. */
    copied: new Set<string>(),
    keyOf,
    /** Raw octets of messages from a mail daemon, by their keys; null: the line is lost over it. */
    raws: new Map<string, string | null>(),
    /** The keys of messages that were read, in order. */
    read: [] as string[],
    /** How much of them. */
    octetsRead: 0,
    /** What messages refer to, the server's id of their conversation, and when they arrived, by their keys. */
    ties: (_key: string): Partial<Tie> => ({}),
    /** The keys of messages that were told whole. */
    told: new Set<string>(),
    /** The line is lost. */
    isDead: false,
    /** The line is lost after each message that is read. */
    diesAfterRead: false,
    add(path: string, key = `m${(keys += 1)}`, flags: Flags = unset, keywords: string[] = []): number {
      const folder = at(path);
      const uid = folder.uidNext;
      folder.uidNext += 1;
      touch(path);
      folder.messages.set(uid, { uid, key, flags, keywords, modSeq, subject: key });
      return uid;
    },
    remove(path: string, uid: number): void {
      touch(path);
      at(path).messages.delete(uid);
    },
    copy(from: string, uid: number, to: string): number {
      const message = at(from).messages.get(uid);
      if (message === undefined) throw new Error("no such message");
      server.copied.add(message.key);
      return server.add(to, message.key, message.flags);
    },
    move(from: string, uid: number, to: string): number {
      const message = at(from).messages.get(uid);
      if (message === undefined) throw new Error("no such message");
      server.remove(from, uid);
      return server.add(to, message.key, message.flags, message.keywords);
    },
    flag(path: string, uid: number, flags: Partial<Flags>, keywords?: string[]): void {
      const message = at(path).messages.get(uid);
      if (message === undefined) throw new Error("no such message");
      touch(path);
      Object.assign(message, { flags: { ...message.flags, ...flags }, modSeq, ...(keywords && { keywords }) });
    },
    create(path: string): void {
      folders.set(path, { uidValidity: (validity += 1), uidNext: 1, messages: new Map() });
    },
    drop: (path: string): void => void folders.delete(path),
    /** The folder that is about to be looked at. */
    lookingAt: "",
    /** Called before each command of the watcher's. */
    meanwhile: async (): Promise<void> => {},
  };

  const summaryOf = (path: string, { uid, key, flags, keywords, subject }: Stored): Summary<ImapPlace> => {
    server.told.add(key);
    const { thread = null, receivedAt = 1_790_000_000_000, ...tie } = server.ties(key);
    const from = server.raws.has(key) ? daemon : person;
    return {
      place: { path, uidValidity: at(path).uidValidity, uid },
      key: keyOf(key),
      thread,
      envelope: { ...emptyEnvelope, messageId: `<${key}@postern.test>`, subject, from, ...tie },
      receivedAt,
      size: 100,
      flags,
      keywords,
      structure: null,
      warnings: [],
    };
  };
  const factOf = ({ uid, flags, keywords, key }: Stored): Fact => ({ uid, flags, keywords, key: keyOf(key) });
  const sorted = (path: string): Stored[] => [...at(path).messages.values()].sort((a, b) => a.uid - b.uid);

  const watching: FolderWatching = {
    kind: "folders",
    async look(path, { cursor, known, lowest, rereadFlags, limit }) {
      server.lookingAt = path;
      await server.meanwhile();
      server.lookingAt = "";
      const folder = at(path);
      if (folder.uidValidity !== cursor.uidValidity) return null;
      const all = sorted(path);
      const fresh = all.filter(({ uid }) => uid >= cursor.uidNext);
      const told = fresh.slice(0, limit);
      const old = all.filter(({ uid }) => uid < cursor.uidNext);
      const changed = condstore
        ? old.filter((one) => one.uid >= lowest && one.modSeq > Number(cursor.modSeq))
        : rereadFlags > 0
          ? old.slice(-rereadFlags)
          : [];
      const vanished = old.length === cursor.exists ? [] : (await known()).filter((uid) => !folder.messages.has(uid));
      const uidNext = (told.at(-1)?.uid ?? cursor.uidNext - 1) + 1;
      return {
        cursor: { uidValidity: folder.uidValidity, uidNext, modSeq: highest(path), exists: old.length + told.length },
        created: told.map((one) => summaryOf(path, one)),
        more: fresh.length > told.length,
        changed: changed.map(factOf),
        vanished,
        flagsRead: condstore || rereadFlags > 0,
      };
    },
    async survey(path, window) {
      const all = sorted(path);
      const { uidValidity, uidNext } = at(path);
      return {
        cursor: { uidValidity, uidNext, modSeq: highest(path), exists: all.length },
        facts: (async function* () {
          const newest = all.slice(-window).map(factOf);
          for (let n = 0; n < newest.length; n += 7) yield newest.slice(n, n + 7);
        })(),
      };
    },
    firstSince: async (path) => sorted(path)[0]?.uid ?? null,
    waitForNews: async () => null,
  };

  const mailbox: Pick<Mailbox, "folders" | "watching" | "summaries" | "capabilities" | "openRaw" | "dead"> = {
    watching,
    get dead() {
      return server.isDead;
    },
    async openRaw(place: Place, range?: ByteRange) {
      const message = "uid" in place ? folders.get(place.path)?.messages.get(place.uid) : undefined;
      const key = message?.key ?? "";
      server.read.push(key);
      const whole = server.raws.get(key);
      const raw = typeof whole === "string" ? whole.slice(range?.start, range && range.end + 1) : whole;
      if (typeof raw === "string") {
        const stream = (async function* () {
          for (let at = 0; at < raw.length; at += 1_000) yield Buffer.from(raw.slice(at, at + 1_000));
          server.octetsRead += raw.length;
          server.isDead = server.diesAfterRead;
        })();
        return { size: raw.length, stream };
      }
      server.isDead = raw === null;
      throw new Failure(server.isDead ? "upstream-unreachable" : "message-gone", "It can't be read.");
    },
    capabilities: () => ({
      folders: true,
      move: true,
      keywords: true,
      append: true,
      search: "server",
      push: "idle",
      flagStorage: "server",
    }),
    folders: async () =>
      [...folders].map(([path, { uidValidity, uidNext, messages }]): NativeFolder => ({
        path,
        name: path,
        parentPath: null,
        delimiter: "/",
        role: roles[path] ?? null,
        selectable: true,
        subscribed: true,
        mailboxId: null,
        status: { messages: messages.size, unseen: 0, uidValidity, uidNext, modSeq: highest(path) },
      })),
    summaries: async (places: Place[]) => {
      await server.meanwhile();
      return places.flatMap((place) => {
        const message = "uid" in place ? folders.get(place.path)?.messages.get(place.uid) : undefined;
        return message === undefined ? [] : [summaryOf(place.path, message)];
      });
    },
  };
  return Object.assign(server, { mailbox: mailbox as Mailbox });
}

export type ModelServer = ReturnType<typeof modelServer>;
