import type { Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { type Reach, startDialog } from "./dialog.ts";
import { fetchResponse, type Script, type ScriptedImap } from "./scripted-imap.ts";

/** A folder as a server has it, and as it has told it to the one session that it has. */
export type WatchedFolder = {
  uids: number[];
  shown: number[];
  /** The mod-sequence of the last change of each; those of others are 1. */
  changed: Map<number, number>;
  seen: Set<number>;
  gone: number[];
  /** Null: it tells none. */
  modSeq: number | null;
  uidNext: number | null;
  uidValidity: number;
};

type Told = { command: string; tag: string; socket: Socket };

export type Watched = {
  mailbox: Mailbox<ImapPlace>;
  server: ScriptedImap;
  folders: Record<string, WatchedFolder>;
  folder: WatchedFolder;
  /** Sends what has changed, while the client idles. */
  push: (text: string) => void;
  /** What the commands since then were. */
  sent: (since: number) => string[];
  idles: () => boolean;
};

export function watchedFolder(uids: number[], change: Partial<WatchedFolder> = {}): WatchedFolder {
  const rest = { shown: [], changed: new Map(), seen: new Set<number>(), gone: [], modSeq: null, uidValidity: 7 };
  return { uids, uidNext: null, ...rest, ...change };
}

/** A session that watches, on a server with these folders, which answers otherwise where `lie` says so. */
export async function openWatched(
  folders: Record<string, WatchedFolder>,
  {
    capability = "IMAP4rev1 UIDPLUS IDLE",
    lie = () => undefined,
    meet = () => {},
    ...reach
  }: Reach & { capability?: string; lie?: Script; meet?: (socket: Socket) => void } = {},
): Promise<Watched> {
  let open: WatchedFolder | null = null;
  let idle: { tag: string; socket: Socket } | null = null;
  const isQresync = capability.includes("QRESYNC");
  const script: Script = (command, tag, socket) => {
    const path = /^SELECT "?([^" ]+)"?/.exec(command)?.[1];
    if (path !== undefined) open = folders[path] ?? null;
    const told = lie(command, tag, socket);
    if (command.startsWith("IDLE")) idle = { tag, socket };
    if (told !== undefined) return told;
    if (command.startsWith("IDLE")) return "+ idling\r\n";
    if (command === "" && idle) {
      const { tag: idleTag } = idle;
      idle = null;
      return `${idleTag} OK idled\r\n`;
    }
    if (command.startsWith("ENABLE")) return `* ENABLED QRESYNC\r\n${tag} OK enabled\r\n`;
    return open ? answer(open, { command, tag, socket }, isQresync) : undefined;
  };
  const { server, how } = await startDialog({ capability, script, meet }, reach);
  const mailbox = await openImap({ ...how, watch: true });
  onTestFinished(() => mailbox.close());
  const folder = folders["INBOX"];
  if (!folder) throw new Error("there is no inbox");
  return {
    mailbox,
    server,
    folders,
    folder,
    push: (text) => idle?.socket.write(text),
    sent: (since) => server.commands.slice(since),
    idles: () => idle !== null,
  };
}

function answer(folder: WatchedFolder, { command, tag }: Told, isQresync: boolean): string | undefined {
  const ok = `${tag} OK done\r\n`;
  if (command.startsWith("SELECT")) {
    folder.shown = [...folder.uids];
    const next = folder.uidNext === null ? "" : `* OK [UIDNEXT ${folder.uidNext}] n\r\n`;
    const modSeq = folder.modSeq === null ? "" : `* OK [HIGHESTMODSEQ ${folder.modSeq}] m\r\n`;
    return `* ${folder.shown.length} EXISTS\r\n* OK [UIDVALIDITY ${folder.uidValidity}] v\r\n${next}${modSeq}* OK [PERMANENTFLAGS (\\Seen \\*)] f\r\n${tag} OK [READ-WRITE] done\r\n`;
  }
  if (command === "NOOP") return news(folder, isQresync) + ok;
  const among = /^UID SEARCH (?:RETURN \(ALL\) )?UID (\S+)$/.exec(command)?.[1];
  if (among !== undefined) return `* SEARCH ${folder.uids.filter(inSet(among)).join(" ")}\r\n${ok}`;
  const fetch = /^(UID )?FETCH (\S+) \((.*?)\)(?: \(CHANGEDSINCE (\d+).*)?$/.exec(command);
  if (!fetch) return undefined;
  const [, byUid, set = "", items = "", since] = fetch;
  const isWanted = inSet(set);
  const isLast = (index: number): boolean => set.endsWith("*") && index === folder.shown.length - 1;
  const rows = folder.shown.flatMap((uid, index) => {
    if (!isWanted(byUid ? uid : index + 1) && !isLast(index)) return [];
    const modSeq = folder.changed.get(uid) ?? 1;
    if (since !== undefined && modSeq <= Number(since)) return [];
    if (items.includes("BODY.PEEK")) return [fetchResponse(index + 1, uid)];
    const flags = folder.seen.has(uid) ? "\\Seen" : "";
    const told = since === undefined ? "" : ` MODSEQ (${modSeq})`;
    return [`* ${index + 1} FETCH (UID ${uid} RFC822.SIZE 100 FLAGS (${flags})${told})\r\n`];
  });
  const gone = folder.gone.filter(isWanted);
  const earlier = command.includes("VANISHED") && gone.length > 0 ? `* VANISHED (EARLIER) ${gone.join(",")}\r\n` : "";
  return earlier + rows.join("") + ok;
}

/** What NOOP tells: removals, then how many there are. */
export function news(folder: WatchedFolder, isQresync = false): string {
  let text = "";
  for (let index = folder.shown.length - 1; index >= 0; index--) {
    const uid = folder.shown[index] ?? 0;
    if (folder.uids.includes(uid)) continue;
    folder.shown.splice(index, 1);
    text += isQresync ? `* VANISHED ${uid}\r\n` : `* ${index + 1} EXPUNGE\r\n`;
  }
  if (folder.shown.length === folder.uids.length) return text;
  folder.shown = [...folder.uids];
  return `${text}* ${folder.shown.length} EXISTS\r\n`;
}

function inSet(set: string): (number: number) => boolean {
  const ranges = set.split(",").map((range) => {
    const [from = "", to = from] = range.split(":");
    return [Number(from), to === "*" ? Infinity : Number(to)] as const;
  });
  return (number) => ranges.some(([from, to]) => number >= from && number <= to);
}
