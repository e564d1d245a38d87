import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

import { makeMessage } from "./messages.ts";

interface Owner {
  uid: number;
  gid: number;
}

export interface FillOptions {
  /** Another seed, other messages. */
  seed?: number;
  /** The number of the first message, to add to what an earlier call wrote. */
  first?: number;
  to?: string;
}

/**
 * Writes made-up messages straight into a Maildir, past the server, which is the fastest way to a large folder.
 * Fill before a session has the folder open: a server that looks meanwhile may see half a message.
 */
export function fillMaildir(
  maildir: string,
  count: number,
  { seed = 1, first = 0, to = "me@postern.test" }: FillOptions = {},
): void {
  const owner = makeMaildir(maildir);
  for (let number = first; number < first + count; number++) {
    const { raw, flags, date } = makeMessage(number, to, seed);
    // Dovecot gives UIDs to unknown files in the order of their names.
    const name = `${date.getTime() / 1000}.M${number}P${seed}.made${sizes(raw)}:2,${flags}`;
    write(`${maildir}/cur/${name}`, raw, owner, date);
  }
}

/** Delivers one message as a mail server does: whole, into new/. Lines end in LF. */
export function deliver(maildir: string, raw: string | Buffer): void {
  const owner = makeMaildir(maildir);
  const now = new Date();
  const bytes = Buffer.from(raw);
  const name = `${Math.floor(now.getTime() / 1000)}.${randomBytes(8).toString("hex")}.delivered${sizes(bytes)}`;
  write(`${maildir}/tmp/${name}`, bytes, owner, now);
  renameSync(`${maildir}/tmp/${name}`, `${maildir}/new/${name}`);
}

/** On disk, and with CRLF: in its name, so that the server need not open the file to tell its size. */
function sizes(raw: Buffer): string {
  let lines = 0;
  for (let at = raw.indexOf(10); at >= 0; at = raw.indexOf(10, at + 1)) lines++;
  return `,S=${raw.length},W=${raw.length + lines}`;
}

function write(path: string, bytes: Buffer, { uid, gid }: Owner, date: Date): void {
  const file = openSync(path, "wx", 0o600);
  writeSync(file, bytes);
  fchownSync(file, uid, gid);
  futimesSync(file, date, date); // Dovecot's INTERNALDATE
  closeSync(file);
}

/** Makes what is missing of the Maildir; it belongs to whom the nearest folder above belongs. */
function makeMaildir(maildir: string): Owner {
  let above = maildir;
  const absent: string[] = [];
  for (; !existsSync(above); above = dirname(above)) absent.unshift(above);
  const { uid, gid } = statSync(above);
  for (const path of [...absent, ...["cur", "new", "tmp"].map((name) => `${maildir}/${name}`)]) {
    if (existsSync(path)) continue;
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, uid, gid);
  }
  return { uid, gid };
}
