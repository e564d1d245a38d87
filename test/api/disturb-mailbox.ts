import { setTimeout as sleep } from "node:timers/promises";
import type { ImapFlow } from "imapflow";
import type { MailStack } from "../servers/mail-stack.ts";
import { deliver } from "../servers/maildir.ts";
import type { User } from "../servers/mailboxes.ts";
import type { Call, Message } from "./call-postern.ts";
import { asAnother } from "../servers/as-another.ts";
import { letter } from "./watching.ts";

/** A watched mailbox, and what has been done to it. */
export type Watched = {
  user: User;
  path: string;
  accountId: string;
  /** Whether the server has keys that survive moves by anybody. */
  isPermanent: boolean;
  /** Whether the server can tell which flags have changed. */
  tellsFlags: boolean;
  arrived: Set<string>;
  /** Subjects of those that another client has moved or deleted. */
  moves: Map<string, number>;
  deleted: Set<string>;
};

/** More than Postern tells in one write. */
const burst = 130;

const oneOf = <T>(items: T[]): T | undefined => items[Math.floor(Math.random() * items.length)];

/**
 * Mail arrives, in the inbox and elsewhere, now and then a lot at once or in a folder that was not there before, and another client
 * flags, moves and deletes, until the signal aborts.
 */
export async function disturb(stack: MailStack, watched: Watched, signal: AbortSignal): Promise<void> {
  const maildir = stack.dovecot.maildir(watched.user);
  const { arrived, moves, deleted, tellsFlags } = watched;
  const folders = ["Archive", "Sent", "Projects"];
  let n = 0;
  const next = (): string => {
    const subject = `${watched.user.username.slice(5, 9)}-${(n += 1)}`;
    arrived.add(subject);
    return subject;
  };
  /** A message somewhere that is one of ours, in the folder that is opened then. */
  async function anyMessage(client: ImapFlow): Promise<{ uid: string; folder: string; subject: string } | null> {
    const folder = oneOf(["INBOX", "INBOX", ...folders]) ?? "INBOX";
    await client.mailboxOpen(folder);
    const uid = String(oneOf((await client.search({ all: true }, { uid: true })) || []) ?? "");
    const found = uid === "" ? false : await client.fetchOne(uid, { envelope: true }, { uid: true });
    const subject = (found && found.envelope?.subject) || "";
    return arrived.has(subject) ? { uid, folder, subject } : null;
  }
  await asAnother(stack.dovecot, watched.user, async (client) => {
    while (!signal.aborted) {
      await sleep(20 + Math.random() * 120);
      const dice = Math.random();
      if (dice < 0.01) for (let more = 0; more < burst; more += 1) deliver(maildir, letter(next()));
      else if (dice < 0.02) {
        const folder = `New ${folders.length}`;
        await client.mailboxCreate(folder);
        for (let more = 0; more < 5; more += 1) await client.append(folder, letter(next()));
        folders.push(folder);
      } else if (dice < 0.45) deliver(maildir, letter(next()));
      else if (dice < 0.6) await client.append(oneOf(folders) ?? "", letter(next()));
      else {
        const message = await anyMessage(client);
        if (message === null) continue;
        const { uid, folder, subject } = message;
        if (dice < 0.8) {
          if (!tellsFlags) continue;
          const flags = oneOf([["\\Seen"], ["\\Flagged"], ["$Work"], ["\\Seen", "\\Answered"]]) ?? [];
          if (Math.random() < 0.7) await client.messageFlagsAdd(uid, flags, { uid: true });
          else await client.messageFlagsRemove(uid, flags, { uid: true });
        } else if (dice < 0.95) {
          const to = oneOf(["INBOX", ...folders].filter((one) => one !== folder)) ?? "";
          moves.set(subject, (moves.get(subject) ?? 0) + 1);
          await client.messageMove(uid, to, { uid: true });
        } else {
          deleted.add(subject);
          await client.messageDelete(uid, { uid: true });
        }
      }
    }
  });
}

/** The app itself flags, moves and deletes messages through Postern, until the signal aborts; what is cut off is left as it is. */
export async function disturbByApi(call: Call, watched: Watched, signal: AbortSignal): Promise<void> {
  const { path, arrived, moves, deleted, tellsFlags } = watched;
  async function once(): Promise<void> {
    const { data } = await call<{ data: { id: string; role: string | null }[] }>("GET", `${path}/folders`);
    const known = data.filter(({ role }) => role === "inbox" || role === "archive" || role === "sent");
    const folder = oneOf(known)?.id ?? "";
    const page = await call<{ data: Message[] }>("GET", `${path}/messages?folder=${folder}&limit=30`);
    const message = oneOf(page.data.filter(({ subject }) => arrived.has(subject)));
    if (message === undefined) return;
    const { id, subject } = message;
    const dice = Math.random();
    if (dice < 0.1) {
      deleted.add(subject);
      await call("DELETE", `${path}/messages/${id}?permanent=true`);
    } else if (dice < 0.5) {
      if (!tellsFlags) return;
      await call("PATCH", `${path}/messages/${id}`, { flags: { flagged: Math.random() < 0.5 } });
    } else {
      moves.set(subject, (moves.get(subject) ?? 0) + 1);
      const to = oneOf(known.filter((one) => one.id !== folder))?.id;
      await call("PATCH", `${path}/messages/${id}`, { folderId: to });
    }
  }
  while (!signal.aborted) {
    await sleep(20 + Math.random() * 200);
    await once().catch(() => {});
  }
}
