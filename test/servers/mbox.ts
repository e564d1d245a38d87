import { appendFileSync, chownSync, closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { run } from "./run.ts";

export interface Owner {
  uid: number;
  gid: number;
}

/** Who a user of this machine is. */
export async function ownerOf(name: string): Promise<Owner> {
  const [uid, gid] = (await run("/usr/bin/getent", ["passwd", name])).split(":").slice(2, 4).map(Number);
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name}`);
  return { uid, gid };
}

/** Adds to an mbox, with the dot-lock that mail servers take, too; makes the file and the directories above where they are missing. */
export async function appendToMbox(path: string, owner: Owner, text: string | Buffer): Promise<void> {
  makeMbox(path, owner);
  await locked(path, () => appendFileSync(path, text));
}

export function makeMbox(path: string, { uid, gid }: Owner): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path), { uid, gid });
  writeFileSync(path, "", { mode: 0o600 });
  chownSync(path, uid, gid);
}

function makeDirectory(path: string, owner: Owner): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path), owner);
  mkdirSync(path);
  chownSync(path, owner.uid, owner.gid);
}

/** One message of an mbox: a line with sender and date, `fields` of the server's own, the message, an empty line. */
export function mboxMessage(raw: Buffer, date: Date, fields = ""): Buffer {
  const [, weekday, day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? [];
  const envelope = `From sender@elsewhere.test ${weekday} ${month} ${day?.padStart(2)} ${time} ${year}\n`;
  const quoted = raw.toString("latin1").replace(/^(>*From )/gm, ">$1");
  return Buffer.from(`${envelope}${fields}${quoted}${quoted.endsWith("\n") ? "" : "\n"}\n`, "latin1");
}

async function locked(path: string, work: () => void): Promise<void> {
  const lock = `${path}.lock`;
  for (let tries = 0; ; tries++) {
    try {
      closeSync(openSync(lock, "wx"));
      break;
    } catch (error) {
      if (tries > 500) throw error;
      await sleep(10);
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}
