import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../../src/mail/message.ts";
import { corpus } from "../corpus/all.ts";
import type { CorpusMessage, Facts, FileFacts } from "../corpus/corpus.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";

let stack: MailStack;
let api: Api;
/** One mailbox, read by IMAP and by POP3. */
let account: string;
let maildrop: string;
/** What the list tells, by the raw octets' hash. */
const listed = new Map<string, Message>();
/** What the lists tell, in their order, which is that of delivery backwards. */
const inOrder: Message[] = [];
const dropped: Message[] = [];

/** What only a listing is told with. */
const resolved = new Set(["structure-missing", "header-truncated"]);

const sha256 = (octets: Uint8Array) => createHash("sha256").update(octets).digest("hex");

/** As IMAP gives it: line ends are CRLF, and Dovecot writes NUL, which no literal may hold, as 0x80. */
function asImap(raw: Buffer): Buffer {
  const text = raw.toString("latin1").replace(/\r?\n/g, "\r\n").replaceAll("\0", "\x80");
  return Buffer.from(text, "latin1");
}

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const user = stack.dovecot.user();
  account = await storeAccount(api, accountOn(stack, user));
  const folder = `${stack.dovecot.maildir(user)}/new`;
  for (const [index, { raw }] of corpus.entries()) writeFileSync(`${folder}/1700000000.${10_000 + index}.corpus`, raw);
  inOrder.push(...(await listAll(account)));
  for (const message of inOrder) listed.set(sha256(await download(account, `messages/${message.id}/raw`)), message);
  maildrop = await storeAccount(api, maildropOn(stack, user));
  dropped.push(...(await listAll(maildrop)));
});

afterAll(async () => {
  await api.stop();
  await stack.stop();
});

async function listAll(path: string): Promise<Message[]> {
  const all: Message[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = await api.call<{ data: Message[]; nextCursor: string | null }>(
      "GET",
      `${path}/messages?limit=200${query}`,
    );
    if (page.status !== 200) throw new Error(page.text);
    all.push(...page.body.data);
    cursor = page.body.nextCursor;
  }
  return all;
}

async function download(of: string, path: string): Promise<Buffer> {
  const response = await fetch(`${api.url}${of}/${path}`, {
    headers: { Authorization: `Bearer ${api.keys.appKey}` },
  });
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function expected({ facts, dovecot }: CorpusMessage): Facts {
  return { ...facts, ...dovecot?.facts };
}

async function filesOf(of: string, { id, attachments = [] }: Message): Promise<FileFacts[]> {
  const files: FileFacts[] = [];
  for (const { id: file, filename, contentType, inline, size } of attachments) {
    const octets = await download(of, `messages/${id}/attachments/${file}`);
    if (size !== undefined && size !== octets.length) throw new Error(`${size} octets were told of ${octets.length}`);
    files.push({ filename, contentType, sha256: sha256(octets), octets: octets.length, inline });
  }
  return files;
}

async function factsOf(of: string, message: Message): Promise<Facts> {
  const { messageId, inReplyTo, references = [], subject, from, sender, replyTo, to, cc, bcc, date } = message;
  const envelope = { messageId, inReplyTo, subject, from, sender, replyTo, to, cc, bcc, date };
  const { text = null, html = null, warnings } = message;
  return { ...envelope, references, text, html, files: await filesOf(of, message), warnings: warnings.toSorted() };
}

/** What a listing does not tell of a message, unless it is asked to. */
const onlyRead = [
  "references",
  "text",
  "html",
  "headers",
  "warnings",
  "preview",
  "threadId",
  "invite",
  "listUnsubscribe",
  "authenticationResults",
] as const satisfies (keyof Message)[];

/** What of a message a listing tells as well; of one whose header it cut, without the field that was cut. */
function alsoListed(body: Message, { attachments, cc, warnings }: Message): Partial<Message> {
  const same: Partial<Message> = { ...body };
  for (const name of onlyRead) delete same[name];
  if (attachments === undefined) {
    delete same.attachments;
    delete same.hasAttachment;
  }
  if (warnings.includes("header-truncated")) same.cc = cc;
  return { ...same, warnings: expect.any(Array) };
}

test("every message is listed, and its raw comes as it lies there", () => {
  const missing = corpus.filter(({ raw }) => !listed.has(sha256(asImap(raw))));
  expect(missing.map(({ name }) => name)).toEqual([]);
  expect(listed.size).toBe(corpus.length);
});

describe("by IMAP", () => {
  test.each(corpus)("$name", async (message) => {
    const summary = listed.get(sha256(asImap(message.raw)));
    if (summary === undefined) throw new Error("it is not listed");
    const { status, body } = await api.call<Message>("GET", `${account}/messages/${summary.id}`);
    expect(status).toBe(200);
    expect(await factsOf(account, body)).toEqual(expected(message));
    expect(summary).toEqual(alsoListed(body, summary));
    expect(summary.attachments === undefined).toBe(message.dovecot?.isListedWithoutStructure === true);
    expect(body.cc.slice(0, summary.cc.length)).toEqual(summary.cc);
    expect(body.warnings).toEqual(expect.arrayContaining(summary.warnings.filter((word) => !resolved.has(word))));
  });
});

/** What of a message both protocols tell alike: all but what names and places it, and what Dovecot's IMAP tells wrongly. */
function sameByBoth(message: Message, { dovecot, raw }: CorpusMessage): Partial<Message> {
  const { id: _, accountId: __, folderIds: ___, receivedAt: ____, flags: _____, threadId: ______, ...told } = message;
  const { files, ...others } = dovecot?.facts ?? {};
  const wrong = new Set([...Object.keys(others), ...(files === undefined ? [] : ["attachments", "hasAttachment"])]);
  if (raw.includes(0)) wrong.add("headers"); // see asImap
  if (wrong.has("text") || wrong.has("html")) wrong.add("preview");
  return Object.fromEntries(Object.entries(told).filter(([name]) => !wrong.has(name)));
}

describe("by POP3", () => {
  test.each(corpus.map((message, at) => ({ name: message.name, message, at })))("$name", async ({ message, at }) => {
    const [byImap, byPop3] = [inOrder.at(-1 - at), dropped.at(-1 - at)];
    if (byImap === undefined || byPop3 === undefined) throw new Error("it is not listed");
    const imap = await api.call<Message>("GET", `${account}/messages/${byImap.id}`);
    const pop3 = await api.call<Message>("GET", `${maildrop}/messages/${byPop3.id}`);
    expect(pop3.status).toBe(200);
    expect(await factsOf(maildrop, pop3.body)).toEqual(message.facts);
    expect(sameByBoth(pop3.body, message)).toEqual(sameByBoth(imap.body, message));
  });
});
