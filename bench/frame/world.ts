import { chownSync, createWriteStream, renameSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { ImapFlow } from "imapflow";

import type { MailStack } from "../../test/servers/mail-stack.ts";
import type { User } from "../../test/servers/mailboxes.ts";
import { fillMaildir } from "../../test/servers/maildir.ts";
import { openBare } from "./bare-imap.ts";
import { type Caller, makeCaller } from "./http.ts";
import { type BenchPostern, startPostern } from "./postern.ts";

/** A filled mailbox that Postern has as an account. */
export type BenchMailbox = {
  user: User;
  /** `/v1/accounts/{id}`. */
  path: string;
  /** A client of its own on the same inbox; it is closed with the world. */
  openBare(): Promise<ImapFlow>;
};

export type Scale = {
  /** Fewer rounds and a smaller attachment. */
  quick: boolean;
  /** A folder of a million messages too, beside those of 10, 10,000 and 100,000. */
  million: boolean;
};

/** What the cases run in: real mail servers, and one Postern in front of them. */
export type World = {
  scale: Scale;
  stack: MailStack;
  postern: BenchPostern;
  api: Caller;
  /** A mailbox with so many made-up messages of some kilobytes; all cases have the same one. */
  filled(messages: number): Promise<BenchMailbox>;
  /** A mailbox with the given raw messages (LF), each as pieces that are written one after the other. */
  holding(messages: Iterable<Iterable<Buffer>>): Promise<BenchMailbox>;
  /** Stores an account and gives its path. */
  store(account: object): Promise<string>;
  /** Another Postern with these POSTERN_ variables, in front of the same servers and mailboxes; whoever asked stops it. */
  another(env: Record<string, string>): Promise<World>;
  stop(): Promise<void>;
};

/** The mailboxes that are filled already, by their number of messages. */
export type FilledMailboxes = Map<number, User>;

/**
 * Starts a Postern on a new database in front of the mail servers. `stop` ends it; the servers go on, and so does what is in
 * `mailboxes`.
 */
export async function makeWorld(
  stack: MailStack,
  scale: Scale,
  profileInto: string | null,
  mailboxes: FilledMailboxes,
  env: Record<string, string> = {},
): Promise<World> {
  const postern = await startPostern({ profileInto, env });
  const api = makeCaller(postern);
  const bare: ImapFlow[] = [];

  async function store(account: object): Promise<string> {
    const { id } = (await api.call("POST", "/v1/accounts", account)) as { id: string };
    return `/v1/accounts/${id}`;
  }

  async function mailbox(user: User): Promise<BenchMailbox> {
    const open = async (): Promise<ImapFlow> => {
      const client = await openBare(stack.dovecot, user);
      bare.push(client);
      return client;
    };
    (await open()).close(); // Dovecot indexes the folder now, whatever that takes
    return { user, path: await store({ email: user.username, incoming: imapOf(stack, user) }), openBare: open };
  }

  return {
    scale,
    stack,
    postern,
    api,
    store,
    another: (more) => makeWorld(stack, scale, profileInto, mailboxes, more),
    async filled(messages) {
      const user = mailboxes.get(messages) ?? stack.dovecot.user();
      if (!mailboxes.has(messages)) fillMaildir(stack.dovecot.maildir(user), messages, { to: user.username });
      mailboxes.set(messages, user);
      return mailbox(user);
    },
    async holding(messages) {
      const user = stack.dovecot.user();
      const maildir = stack.dovecot.maildir(user);
      fillMaildir(maildir, 0);
      let number = 0;
      for (const pieces of messages) await writeMessage(maildir, `${(number += 1)}.bench`, pieces);
      return mailbox(user);
    },
    async stop() {
      for (const client of bare) client.close();
      api.close();
      await postern.stop();
    },
  };
}

/** The user's mailbox as an account's incoming server. */
export function imapOf(stack: MailStack, { username, password }: User): object {
  const { host, ports, ca } = stack.dovecot;
  const auth = { type: "password", username, password };
  return { protocol: "imap", host, port: ports.imaps, security: "tls", auth, tls: { ca } };
}

/** Written piece by piece: a gigabyte need not be in memory. Its name tells its sizes, so that Dovecot need not count. */
async function writeMessage(maildir: string, name: string, pieces: Iterable<Buffer>): Promise<void> {
  let size = 0;
  let lines = 0;
  function* counted(): Generator<Buffer> {
    for (const piece of pieces) {
      size += piece.length;
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++;
      yield piece;
    }
  }
  await pipeline(Readable.from(counted()), createWriteStream(`${maildir}/tmp/${name}`, { mode: 0o600 }));
  const { uid, gid } = statSync(maildir);
  chownSync(`${maildir}/tmp/${name}`, uid, gid);
  renameSync(`${maildir}/tmp/${name}`, `${maildir}/cur/${name},S=${size},W=${size + lines}:2,S`);
}
