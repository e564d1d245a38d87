import { setTimeout as sleep } from "node:timers/promises";
import type { ImapFlow } from "imapflow";
import { expect } from "vitest";
import { startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import type { User } from "../servers/mailboxes.ts";
import { type RunningPostern, startPostern } from "../servers/postern.ts";
import { readEvents } from "./event-reader.ts";
import { accountOn } from "./start.ts";
import { asAnother, letter, type Told } from "./watching.ts";

export type Call = <T>(method: string, path: string, body?: unknown) => Promise<T>;

/** Calls a Postern by its app's key; fails with what it answered other than 2xx. */
export function caller({ url, appKey }: Pick<RunningPostern, "url" | "appKey">): Call {
  return async <T>(method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${appKey}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
}

/** The whole log, oldest first. */
export async function wholeLog(call: Call): Promise<Told[]> {
  const log: Told[] = [];
  for (let query = "?limit=200"; ;) {
    const page = await call<{ data: Told[]; nextCursor: string; hasMore: boolean }>("GET", `/v1/events${query}`);
    log.push(...page.data);
    if (!page.hasMore) return log;
    query = `?limit=200&cursor=${page.nextCursor}`;
  }
}

type Message = { id: string; subject: string; folderIds: string[]; flags: Record<string, boolean>; keywords: string[] };

/** All messages of an account, over all its folders. */
export async function allMessages(call: Call, path: string): Promise<Message[]> {
  const all: Message[] = [];
  const { data } = await call<{ data: { id: string; selectable: boolean }[] }>("GET", `${path}/folders`);
  for (const { id } of data.filter(({ selectable }) => selectable))
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const address = `${path}/messages?folder=${id}&limit=200${query}`;
      const page: { data: Message[]; nextCursor: string | null } = await call("GET", address);
      all.push(...page.data);
      cursor = page.nextCursor;
    }
  return all;
}

/** When the account's folders have been looked at, each. */
export async function looks(call: Call, path: string): Promise<{ mode: string; at: string }[]> {
  type Status = { folders: { mode: string; lastCheckedAt: string }[] };
  const { folders } = await call<Status>("GET", `${path}/status`);
  return folders.map(({ mode, lastCheckedAt }) => ({ mode, at: lastCheckedAt }));
}

/** Waits until all folders of all the accounts have been looked at after now. */
export async function untilAllLooked(call: Call, paths: string[], count = 1): Promise<void> {
  const since = new Date().toISOString();
  const late = async () => {
    const all = await Promise.all(paths.map((path) => looks(call, path)));
    return paths.filter((_, n) => (all[n]?.length ?? 0) < count || all[n]?.some(({ at }) => at < since));
  };
  await expect.poll(late, { timeout: 30_000, interval: 50 }).toEqual([]);
}

type Watched = {
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

const folders = ["Archive", "Sent", "Projects"];

const oneOf = <T>(items: T[]): T | undefined => items[Math.floor(Math.random() * items.length)];

/** Mail arrives, in the inbox and elsewhere, and another client flags, moves and deletes, until the signal aborts. */
async function disturb(stack: MailStack, watched: Watched, signal: AbortSignal): Promise<void> {
  const maildir = stack.dovecot.maildir(watched.user);
  const { arrived, moves, deleted, tellsFlags } = watched;
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
      if (dice < 0.45) deliver(maildir, letter(next()));
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

const stateOf = ({ folderIds, flags, keywords }: Pick<Message, "folderIds" | "flags" | "keywords">): string =>
  JSON.stringify([folderIds.toSorted(), Object.entries(flags).filter(([, is]) => is), keywords.toSorted()]);

/** What the log tells of an account's messages other than what its list says, or against the order of things. */
function contradictions(watched: Watched, log: Told[], list: Message[]): string[] {
  const { accountId, isPermanent, arrived, deleted, moves } = watched;
  const events = log.filter((event) => event.accountId === accountId && event.type.startsWith("message."));
  const byId = Map.groupBy(events, ({ data }) => data.id);
  const listed = new Map(list.map((message) => [message.id, message]));
  const wrong: string[] = [];
  const createdOf = new Map<string, number>();
  for (const [id, of] of byId) {
    const types = of.map(({ type }) => type.slice("message.".length));
    const subject = of[0]?.data.subject ?? id;
    const about = `${subject} ${id.slice(0, 20)} (${types.join(" ")})`;
    if (!arrived.has(subject)) {
      wrong.push(`${about}: was there before`);
      continue;
    }
    createdOf.set(subject, (createdOf.get(subject) ?? 0) + types.filter((type) => type === "created").length);
    if (types[0] !== "created" || types.lastIndexOf("created") > 0) wrong.push(`${about}: not created once and first`);
    const message = listed.get(id);
    const isOver = types.at(-1) === "deleted";
    if (types.slice(0, -1).includes("deleted")) wrong.push(`${about}: goes on after its end`);
    if (of.some(({ data }) => data.historical === true)) wrong.push(`${about}: historical`);
    if (message === undefined && !isOver) wrong.push(`${about}: gone, and not told`);
    if (message !== undefined && isOver) wrong.push(`${about}: told as deleted, and there`);
    const last = of.at(-1)?.data;
    if (message === undefined || isOver || last?.flags === undefined) continue;
    const told = stateOf({ folderIds: last.folderIds, flags: last.flags, keywords: last.keywords ?? [] });
    if (told !== stateOf(message)) wrong.push(`${about}: last told ${told}, is ${stateOf(message)}`);
  }
  for (const subject of arrived) {
    const created = createdOf.get(subject) ?? 0;
    const most = isPermanent ? 1 : 1 + (moves.get(subject) ?? 0);
    const least = deleted.has(subject) ? 0 : 1;
    if (created < least || created > most) wrong.push(`${subject}: created ${created} times`);
    if (!deleted.has(subject) && !list.some((message) => message.subject === subject)) wrong.push(`${subject}: lost`);
  }
  return wrong;
}

/**
 * Kills the whole of Postern so many times while mail arrives in watched accounts and other clients flag, move and delete. Then
 * the log has no gap and tells each message as created once, up to the state that it is in; a reader of the stream who
 * came back after every kill has been told the same, each event once. Gives how many events there were.
 */
export async function killWhileWatching(rounds: number): Promise<number> {
  const stack = await startMailStack();
  const { host, ports } = stack.dovecot;
  const front = (lacking: Parameters<typeof startImapWithout>[0]) =>
    startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
  const keyless = await front(["X-GUID"]);
  const poor = await front(["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE", "QRESYNC"]);
  const postern = await startPostern();
  const call = caller(postern);
  const reader = await readEvents(postern);

  const kinds = [
    { isPermanent: true, tellsFlags: true, before: 0 },
    { isPermanent: true, tellsFlags: true, before: 30 },
    { isPermanent: false, tellsFlags: true, before: 5, imapsPort: keyless.port },
    { isPermanent: false, tellsFlags: false, before: 5, imapsPort: poor.port },
  ];
  const all: Watched[] = [];
  for (const { before, imapsPort, ...kind } of kinds) {
    const user = stack.dovecot.user();
    if (before > 0) fillMaildir(stack.dovecot.maildir(user), before, { to: user.username });
    await asAnother(stack.dovecot, user, (client) => client.mailboxCreate("Projects"));
    const account = accountOn(stack, user, imapsPort === undefined ? {} : { imapsPort });
    const { id } = await call<{ id: string }>("POST", "/v1/accounts", account);
    const path = `/v1/accounts/${id}`;
    all.push({ ...kind, user, path, accountId: id, arrived: new Set(), moves: new Map(), deleted: new Set() });
  }
  const paths = all.map(({ path }) => path);
  await expect
    .poll(
      async () => Math.min(...(await Promise.all(paths.map((path) => looks(call, path)))).map((seen) => seen.length)),
      { timeout: 20_000 },
    )
    .toBeGreaterThan(6);

  const over = new AbortController();
  const disturbing = all.map((one) => disturb(stack, one, over.signal));
  for (let round = 0; round < rounds; round += 1) {
    await sleep(50 + Math.random() * 550);
    await postern.kill9();
    await postern.restart();
  }
  over.abort();
  await Promise.all(disturbing);

  // A start looks at all folders; what was found gone in the first of these looks is given up in the second.
  for (let times = 0; times < 2; times += 1) {
    await postern.kill9();
    await postern.restart();
    await untilAllLooked(call, paths);
  }
  const wrong = async () => {
    const log = await wholeLog(call);
    const lists = await Promise.all(paths.map((path) => allMessages(call, path)));
    return all.flatMap((one, n) => contradictions(one, log, lists[n] ?? []));
  };
  await expect.poll(wrong, { timeout: 10_000, interval: 500 }).toEqual([]);
  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  await expect.poll(() => reader.told.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(log.length);
  expect(reader.told.map(({ id }) => id)).toEqual(log.map(({ id }) => id));
  expect(reader.connections()).toBeGreaterThan(rounds / 2);

  await reader.stop();
  await postern.stop();
  for (const one of [keyless, poor]) await one.stop();
  await stack.stop();
  return log.length;
}
