import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { behindInetd } from "./behind-inetd.ts";
import { startDaemon } from "./daemon.ts";
import { mailOwner } from "./dovecot-config.ts";
import { commonPassword, freshUser, mailDomain, type User } from "./mailboxes.ts";
import { appendToMbox, makeMbox, mboxMessage, ownerOf } from "./mbox.ts";
import { makeMessage } from "./messages.ts";
import { freePort, loopback } from "./ports.ts";
import { provision } from "./provision.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

/** The folders that a fresh mailbox has besides its inbox. */
const folders = ["Archive", "Drafts", "Junk", "Sent", "Trash"];

export interface Imap4d {
  host: string;
  /** IMAP without TLS. */
  port: number;
  /** A user with a fresh mailbox. */
  user(): User;
  /** Adds a message, as a mail server does, to the inbox or to another folder. Lines end in LF. */
  deliver(user: User, raw: string | Buffer, folder?: string): Promise<void>;
  /** Puts made-up messages, the same ones as `fillMaildir`, into an empty folder. */
  fill(user: User, count: number, folder?: string): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts GNU mailutils' imap4d on a loopback port, with mbox folders (Debian's default; on its Maildirs UIDVALIDITY changes
 * with each delivery): a server of IMAP4rev1 without UIDPLUS, MOVE, CONDSTORE, SPECIAL-USE, keywords and response codes.
 */
export async function startImap4d(): Promise<Imap4d> {
  if (process.getuid?.() !== 0) throw new Error("imap4d as test server needs root: it runs as the mailbox's user");
  await provision(["imap4d"]);
  const directory = makeScratch();
  const port = await freePort();
  const hash = (await run("/usr/bin/openssl", ["passwd", "-5", commonPassword])).trim();
  const owner = await ownerOf(mailOwner);
  mkdirSync(`${directory}/users`);
  const passwords = `${directory}/users/${mailDomain}`;
  writeFileSync(passwords, "");
  const configuration = `${directory}/imap4d.conf`;
  writeFileSync(configuration, configurationOf(directory));

  const homeOf = ({ username }: User): string => `${directory}/${username.slice(0, username.indexOf("@"))}`;
  const fileOf = (user: User, folder = "INBOX"): string =>
    folder === "INBOX" ? `${homeOf(user)}/INBOX` : `${homeOf(user)}/mail/${folder}`;
  const [command, ...args] = behindInetd(port, "/usr/sbin/imap4d", ["--config-file", configuration]);
  const daemon = await startDaemon({
    command,
    args,
    directory,
    ports: [port],
    log: `${directory}/output.log`,
  });
  return {
    host: loopback,
    port,
    user() {
      const user = freshUser();
      const name = user.username.slice(0, user.username.indexOf("@"));
      appendFileSync(passwords, `${name}:${hash}:${owner.uid}:${owner.gid}::${homeOf(user)}:/bin/false\n`);
      for (const folder of ["INBOX", ...folders]) makeMbox(fileOf(user, folder), owner);
      return user;
    },
    deliver: (user, raw, folder) =>
      appendToMbox(fileOf(user, folder), owner, mboxMessage(Buffer.from(raw), new Date(), statusOf(""))),
    fill(user, count, folder) {
      const made = Array.from({ length: count }, (_, number) => makeMessage(number, "me@postern.test"));
      // As an earlier session leaves them: until one has, every session on an mbox makes up a UIDVALIDITY of its own.
      const uidsOf = (index: number): string =>
        `${index === 0 ? `X-IMAPbase: 1700000000 ${count + 1}\n` : ""}X-UID: ${index + 1}\n`;
      const messages = made.map(({ raw, date, flags }, index) =>
        mboxMessage(raw, date, `${uidsOf(index)}${statusOf(flags)}`),
      );
      return appendToMbox(fileOf(user, folder), owner, Buffer.concat(messages));
    },
    log: () => readFileSync(`${directory}/output.log`, "utf8"),
    async stop() {
      await daemon.killAll();
      removeScratch(directory);
    },
  };
}

/** Maildir flag letters as an mbox has them, in a field. */
const statusOf = (flags: string): string => `Status: ${flags.replace("R", "A").replace("S", "R")}O\n`;

const configurationOf = (directory: string): string => `
logging { syslog no; };
gsasl { enable no; };
auth { authentication "virtdomain:generic"; authorization virtdomain; };
virtdomain { passwd-dir ${directory}/users; };
mailbox { mailbox-type mbox; mail-spool "mbox:${directory}"; };
namespace personal { prefix "" { directory "$home/mail"; delimiter "/"; mailbox-type mbox; }; };
tcp-wrappers { enable no; };
mode inetd;
`;
