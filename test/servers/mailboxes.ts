import { randomBytes } from "node:crypto";

export const mailDomain = "postern.test";

/** Every mailbox of the domain exists from its first login or delivery on, with this password. */
export const commonPassword = "correct-horse-battery-staple";

/** The only mailboxes whose password differs: Dovecot has a file for each. */
export const ownPasswordPrefix = "own-";

/** A mailbox that Dovecot has never heard of; Postfix bounces mail for it after accepting it. */
export const bouncingPrefix = "bounce";

export interface User {
  username: string;
  password: string;
}

/** A user with a mailbox that nobody else uses. */
export function freshUser(prefix = "user-"): User {
  return { username: `${prefix}${randomBytes(6).toString("hex")}@${mailDomain}`, password: commonPassword };
}

/** What of a running Dovecot can be written down as JSON, for tests in other processes. */
export interface DovecotAddress {
  host: string;
  ports: { imap: number; imaps: number; pop3: number; pop3s: number };
  /** PEM of the authority that signed its certificate, for clients to trust. */
  ca: string;
  directory: string;
  storage: "maildir" | "mdbox" | "mbox";
  separator: "/" | ".";
}

/** The Maildir of a user's folder. The folder is named as on the wire, so non-ASCII in modified UTF-7. */
export function maildir(dovecot: DovecotAddress, user: User, folder = "INBOX"): string {
  if (dovecot.storage !== "maildir") throw new Error(`this Dovecot stores mail as ${dovecot.storage}, not as Maildir`);
  const home = `${mailRoot(dovecot.directory)}/${user.username.slice(0, user.username.indexOf("@"))}`;
  if (folder.toUpperCase() === "INBOX") return home;
  const name = dovecot.separator === "." ? folder.replace(/^INBOX\./i, "") : folder.replaceAll("/", ".");
  return `${home}/.${name}`;
}

export const mailRoot = (directory: string): string => `${directory}/mail`;
