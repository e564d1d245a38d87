import { randomUUID } from "node:crypto";
import type { Account, AccountStatus } from "../../../src/mail/account.ts";
import type { FolderRole } from "../../../src/mail/folder.ts";
import type { Message } from "../../../src/mail/message.ts";
import type { Submission } from "../../../src/mail/submission.ts";
import { deliver } from "../../servers/maildir.ts";
import { type MailStack, startMailStack } from "../../servers/mail-stack.ts";
import type { User } from "../../servers/mailboxes.ts";
import { type Receiver, startReceiver } from "../../servers/receiver.ts";
import { until } from "../watching.ts";
import { good } from "../webhooks.ts";
import { type App, type Call, newApp, type Running, type Target, type Traits } from "./target.ts";

export type Folder = {
  id: string;
  name: string;
  parentId: string | null;
  role: FolderRole | null;
  selectable: boolean;
  counts: { messages: number; unseen: number } | null;
};
export type Page<T> = { data: T[]; nextCursor: string | null };

export type Servers = { protocol: "imap" | "pop3"; security: "tls" | "starttls" };

/** A mailbox that is stored as an account. */
export type Box = { id: string; path: string; user: User; account: Account; call: Call };

/** Four mailboxes that all tests share: each keeps to the messages and folders that it has made itself. Nobody watches them. */
export const sharedBoxes = {
  ann: { protocol: "imap", security: "tls" },
  bob: { protocol: "imap", security: "starttls" },
  cleo: { protocol: "pop3", security: "tls" },
  dan: { protocol: "pop3", security: "starttls" },
} satisfies Record<string, Servers>;
export type BoxName = keyof typeof sharedBoxes;

/** All that the tests of one target stand on. */
export type Stage = {
  target: Target;
  stack: MailStack;
  receiver: Receiver;
  /** By the target's own app. */
  call: Call;
  boxes: Record<BoxName, Box>;
};

/** Has it done when all tests are over, the last one first. */
export type AtEnd = (stop: () => Promise<void>) => void;

/** A kind of Postern: what it can't do is known before it runs. */
export type Kind = { name: string; traits: Traits; start: (stack: MailStack, atEnd: AtEnd) => Promise<Running> };

export async function openStage({ name, traits, start }: Kind, atEnd: AtEnd): Promise<Stage> {
  const stack = await startMailStack();
  atEnd(() => stack.stop());
  const receiver = await startReceiver();
  atEnd(() => receiver.stop());
  const { url, operatorKey } = await start(stack, atEnd);
  const answered = new Set<string>();
  const { key: appKey, call } = await newApp({ url, operatorKey, answered });
  const box = (who: BoxName) => newBox({ stack }, call, sharedBoxes[who], { watch: { mode: "off" } });
  const [ann, bob, cleo, dan] = await Promise.all([box("ann"), box("bob"), box("cleo"), box("dan")]);
  const target = { name, url, operatorKey, appKey, traits, answered };
  return { target, stack, receiver, call, boxes: { ann, bob, cleo, dan } };
}

/** An account as the API takes it: one by name, one by address. */
export function accountOn({ stack }: Pick<Stage, "stack">, user: User, { protocol, security }: Servers) {
  const auth = { type: "password", username: user.username, password: user.password };
  const { dovecot, postfix } = stack;
  const isTls = security === "tls";
  const host = isTls ? "127.0.0.1" : "localhost";
  const port = dovecot.ports[isTls ? (`${protocol}s` as const) : protocol];
  return {
    email: user.username,
    name: "Test User",
    incoming: { protocol, host, port, security, auth },
    outgoing: { protocol: "smtp", host, port: postfix.ports[isTls ? "smtps" : "submission"], security, auth },
  };
}

/** An account that no server stands behind, and nobody looks for one. */
export function lonely(email: string) {
  const auth = { type: "password", username: email, password: "a-password" };
  const incoming = { protocol: "imap", host: "127.0.0.1", port: 1, security: "tls", auth };
  return { email, incoming, verify: false, watch: { mode: "off" } };
}

/** A fresh mailbox, stored as an account. */
export async function newBox(
  stage: Pick<Stage, "stack">,
  call: Call,
  servers: Servers = sharedBoxes.ann,
  change: Record<string, unknown> = {},
): Promise<Box> {
  const user = stage.stack.dovecot.user();
  const account = await good(call<Account>("POST", "/v1/accounts", { ...accountOn(stage, user, servers), ...change }));
  return { id: account.id, path: `/v1/accounts/${account.id}`, user, account, call };
}

/** A mailbox of an app of its own, once it has been looked at as a whole. */
export async function watchedBox(
  stage: Stage,
  servers: Servers = sharedBoxes.ann,
  change: Record<string, unknown> = {},
): Promise<{ app: App; box: Box }> {
  const app = await newApp(stage.target);
  const box = await newBox(stage, app.call, servers, change);
  const folders = await foldersOf(box);
  await until(
    () => good(app.call<AccountStatus>("GET", `${box.path}/status`)),
    (status) => status.folders.length === folders.length,
    20_000,
  );
  return { app, box };
}

export async function foldersOf({ call, path }: Box): Promise<Folder[]> {
  return (await good(call<Page<Folder>>("GET", `${path}/folders`))).data;
}

export async function folderOf(box: Box, role: FolderRole): Promise<Folder> {
  const folder = (await foldersOf(box)).find((one) => one.role === role);
  if (folder === undefined) throw new Error(`no ${role}`);
  return folder;
}

/** A subject that nobody else has. */
export const subjectOf = (what: string): string => `${what} ${randomUUID().slice(0, 8)}`;

/** A message in the inbox that came by no doing of Postern's; its lines end in LF. */
export function put({ stack }: Stage, { user }: Box, raw: string | Buffer): void {
  deliver(stack.dovecot.maildir(user), raw);
}

export async function listOf({ call, path }: Box, query: Record<string, string> = {}): Promise<Message[]> {
  return (await good(call<Page<Message>>("GET", `${path}/messages?${String(new URLSearchParams(query))}`))).data;
}

/** The only message with this subject in a folder, by its role or id, once it is there. */
export async function arrivedIn(box: Box, subject: string, folder = "inbox"): Promise<Message> {
  const [message, ...more] = await until(
    () => listOf(box, { folder, subject }),
    (all) => all.length > 0,
    20_000,
  );
  if (message === undefined || more.length > 0) throw new Error(`${more.length + 1} messages are "${subject}"`);
  return message;
}

export const messageAt = ({ path }: Box, { id }: Pick<Message, "id">): string => `${path}/messages/${id}`;

/** A message as a whole. */
export const read = (box: Box, message: Pick<Message, "id">): Promise<Message> =>
  good(box.call<Message>("GET", messageAt(box, message)));

/** Posts a message; with `wait` until it has its outcome, for so many seconds. */
export function post<T = Submission>(
  { call, path }: Box,
  message: unknown,
  { key = randomUUID(), wait = 20, route = "" }: { key?: string; wait?: number; route?: string } = {},
) {
  const headers = { "Idempotency-Key": key, ...(wait > 0 && { Prefer: `wait=${wait}` }) };
  const raw = route.startsWith("/raw") && { "Content-Type": "message/rfc822" };
  return call<T>("POST", `${path}/submissions${route}`, message, { ...headers, ...raw });
}

/** A submission that is sent. */
export async function sent(...asked: Parameters<typeof post>): Promise<Submission> {
  const submission = await good(post(...asked));
  if (submission.state !== "sent") throw new Error(JSON.stringify(submission));
  return submission;
}

export const submissionAt = ({ accountId, id }: Pick<Submission, "accountId" | "id">): string =>
  `/v1/accounts/${accountId}/submissions/${id}`;

/** A submission as it is now. */
export const submissionOf = ({ call }: Box, submission: Pick<Submission, "accountId" | "id">): Promise<Submission> =>
  good(call<Submission>("GET", submissionAt(submission)));

export const to = (...boxes: Box[]) => boxes.map(({ user }) => ({ name: "", email: user.username }));
