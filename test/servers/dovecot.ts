import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { type CertificateAuthority, makeCertificates } from "./ca.ts";
import { startDaemon } from "./daemon.ts";
import {
  authSocket,
  dovecotConfiguration,
  dovecotLog,
  lmtpSocket,
  mailOwner,
  passwordFiles,
} from "./dovecot-config.ts";
import { type DovecotAddress, freshUser, maildir, mailRoot, ownPasswordPrefix, type User } from "./mailboxes.ts";
import { freePort, loopback } from "./ports.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

const command = "/usr/sbin/dovecot";

export interface DovecotOptions {
  /** Made for this server if not given. */
  certificates?: CertificateAuthority;
  /** Which of them it shows; default: the valid one. */
  certificate?: "valid" | "expired" | "wrongName" | "selfSigned";
  storage?: DovecotAddress["storage"];
  /** "." comes with the prefix "INBOX."; default "/". */
  separator?: DovecotAddress["separator"];
  /** Whether Sent, Drafts, Trash, Junk and Archive say what they are for; default true. */
  specialUse?: boolean;
  /** False: a mailbox begins with its inbox only. */
  folders?: boolean;
  /** Replaces what IMAP advertises after login. Hides only: an unadvertised command is still obeyed. */
  capability?: string;
  /** IMAP and POP3 sessions that one user may have from one address; default 1000. */
  sessionsPerUser?: number;
  /** Storage per user, such as "1M"; default: no quota and no QUOTA extension. */
  quota?: string;
  /** Dovecot's default: a wrong password slows down that address for seconds. */
  slowAfterWrongPassword?: boolean;
  /** Whether a POP3 session locks its maildrop, as RFC 1939 §4 has it; default false, as Dovecot's. */
  pop3Locks?: boolean;
}

export interface Dovecot {
  /** All that a test in another process needs. */
  address: DovecotAddress;
  host: string;
  ports: DovecotAddress["ports"];
  ca: string;
  /** Unix sockets for Postfix. */
  sockets: { lmtp: string; auth: string };
  /** A user with a fresh mailbox. */
  user(): User;
  /** A user with a fresh mailbox and a password that `setPassword` can change. */
  userWithPassword(password: string): User;
  /** Takes two seconds: for so long Dovecot believes what it has read. */
  setPassword(username: string, password: string): Promise<void>;
  /** The Maildir of a user's folder, named as on the wire. */
  maildir(user: User, folder?: string): string;
  log(): string;
  pid(): number;
  stop(): Promise<void>;
  /** Stops and starts it on the same ports with the same mail. */
  restart(): Promise<void>;
  /** Sends the signal to the master process only. */
  kill(signal: NodeJS.Signals): void;
  /** Kills all of its processes at once, as a power cut would: those that serve clients outlive the main one. */
  killAll(): Promise<void>;
}

/** Starts a real Dovecot on free loopback ports, in which every user@postern.test has a mailbox. */
export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  await assertUsable();
  const directory = makeScratch();
  const certificates = options.certificates ?? (await makeCertificates(`${directory}/certificates`));
  const certificate = certificates[options.certificate ?? "valid"];
  const {
    storage = "maildir",
    separator = "/",
    specialUse = true,
    folders = true,
    capability,
    sessionsPerUser = 1000,
    quota,
    slowAfterWrongPassword = false,
    pop3Locks = false,
  } = options;
  const ports = { imap: await freePort(), imaps: await freePort(), pop3: await freePort(), pop3s: await freePort() };
  const address: DovecotAddress = { host: loopback, ports, ca: certificates.ca, directory, storage, separator };

  const configPath = `${directory}/dovecot.conf`;
  writeFileSync(
    configPath,
    dovecotConfiguration({
      ...address,
      certificate,
      specialUse,
      folders,
      capability,
      sessionsPerUser,
      quota,
      slowAfterWrongPassword,
      pop3Locks,
    }),
  );
  mkdirSync(mailRoot(directory));
  await run("/usr/bin/chown", [`${mailOwner}:${mailOwner}`, mailRoot(directory)]);
  mkdirSync(passwordFiles(directory));
  const writePassword = ({ username, password }: User): void =>
    writeFileSync(`${passwordFiles(directory)}/${username}`, `${username}:{PLAIN}${password}\n`);

  const start = () =>
    startDaemon({
      command,
      args: ["-F", "-c", configPath],
      directory,
      ports: Object.values(ports),
      log: dovecotLog(directory),
    });
  let daemon = await start();

  return {
    address,
    host: loopback,
    ports,
    ca: certificates.ca,
    sockets: { lmtp: lmtpSocket(directory), auth: authSocket(directory) },
    user: () => freshUser(),
    userWithPassword(password) {
      const user = { ...freshUser(ownPasswordPrefix), password };
      writePassword(user);
      return user;
    },
    async setPassword(username, password) {
      writePassword({ username, password });
      await sleep(2100);
    },
    maildir: (user, folder) => maildir(address, user, folder),
    log: () => readFileSync(dovecotLog(directory), "utf8"),
    pid: () => daemon.pid,
    async stop() {
      await daemon.killAll(); // its mail goes with it, so there is nothing to end in order
      removeScratch(directory);
    },
    async restart() {
      await daemon.stop();
      daemon = await start();
    },
    kill: (signal) => daemon.kill(signal),
    killAll: () => daemon.killAll(),
  };
}

async function assertUsable(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("Dovecot as test server needs root: it runs as several users");
  const version = (await run(command, ["--version"])).trim();
  if (!version.startsWith("2.3.")) {
    throw new Error(
      `test/servers/dovecot-config.ts is written for Dovecot 2.3 (Debian 12); this machine has ${version}`,
    );
  }
}
