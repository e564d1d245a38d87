import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { behindInetd } from "./behind-inetd.ts";
import { type CertificateAuthority, makeCertificates } from "./ca.ts";
import { startDaemon } from "./daemon.ts";
import { mailOwner } from "./dovecot-config.ts";
import { commonPassword, freshUser, mailDomain, type User } from "./mailboxes.ts";
import { appendToMbox, makeMbox, mboxMessage, ownerOf } from "./mbox.ts";
import { makeMessage } from "./messages.ts";
import { freePort, loopback } from "./ports.ts";
import { provision } from "./provision.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

/** A POP3 server other than Dovecot, with a maildrop in an mbox for each user. */
export interface Pop3d {
  host: string;
  /** POP3 that begins without TLS. */
  port: number;
  /** A user with an empty maildrop. */
  user(): User;
  /** Adds a message, as a mail server does. Lines end in LF. */
  deliver(user: User, raw: string | Buffer): Promise<void>;
  /** Puts made-up messages, the same ones as `fillMaildir`, into an empty maildrop. */
  fill(user: User, count: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts GNU mailutils' pop3d on a loopback port, with STLS (by GnuTLS). It locks a maildrop for as long as a session on it
 * lasts (-ERR [IN-USE] to all others), writes X-UIDL into messages, and its greeting promises APOP that nobody can use.
 */
export async function startMailutilsPop3d(
  certificates?: CertificateAuthority,
): Promise<Pop3d & { ca: string; log(): string }> {
  if (process.getuid?.() !== 0) throw new Error("pop3d as test server needs root: it runs as the maildrop's user");
  await provision(["pop3d"]);
  const directory = makeScratch();
  const port = await freePort();
  const { ca, valid } = certificates ?? (await makeCertificates(`${directory}/certificates`));
  const hash = (await run("/usr/bin/openssl", ["passwd", "-5", commonPassword])).trim();
  const owner = await ownerOf(mailOwner);
  mkdirSync(`${directory}/users`);
  const passwords = `${directory}/users/${mailDomain}`;
  writeFileSync(passwords, "");
  const configuration = `${directory}/pop3d.conf`;
  writeFileSync(configuration, configurationOf(directory, valid));
  const homeOf = ({ username }: User): string => `${directory}/${username.slice(0, username.indexOf("@"))}`;

  const [command, ...args] = behindInetd(port, "/usr/sbin/pop3d", ["--config-file", configuration]);
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
    ca,
    user() {
      const user = freshUser();
      const name = user.username.slice(0, user.username.indexOf("@"));
      appendFileSync(passwords, `${name}:${hash}:${owner.uid}:${owner.gid}::${homeOf(user)}:/bin/false\n`);
      makeMbox(`${homeOf(user)}/INBOX`, owner);
      return user;
    },
    deliver: (user, raw) => appendToMbox(`${homeOf(user)}/INBOX`, owner, mboxMessage(Buffer.from(raw), new Date())),
    fill: (user, count) => appendToMbox(`${homeOf(user)}/INBOX`, owner, madeMbox(count)),
    log: () => readFileSync(`${directory}/output.log`, "utf8"),
    async stop() {
      await daemon.killAll();
      removeScratch(directory);
    },
  };
}

/** The first made-up messages as an mbox. */
export function madeMbox(count: number): Buffer {
  const made = Array.from({ length: count }, (_, number) => makeMessage(number, "me@postern.test"));
  return Buffer.concat(made.map(({ raw, date }) => mboxMessage(raw, date)));
}

const configurationOf = (directory: string, certificate: CertificateAuthority["valid"]): string => `
logging { syslog no; };
gsasl { enable no; };
auth { authentication "virtdomain:generic"; authorization virtdomain; };
virtdomain { passwd-dir ${directory}/users; };
mailbox { mailbox-type mbox; mail-spool "mbox:${directory}"; };
tcp-wrappers { enable no; };
tls-file-checks { key-file none; cert-file none; ca-file none; };
mode inetd;
tls-mode ondemand;
tls { ssl-certificate-file ${certificate.certPath}; ssl-key-file ${certificate.keyPath}; };
`;
