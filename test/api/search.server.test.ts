import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matchSearch, type SearchFacts } from "../../src/mail/match-search.ts";
import type { Flags } from "../../src/mail/flags.ts";
import type { Expression, Predicate } from "../../src/mail/search.ts";
import { predicatesOf } from "../../src/mail/search.ts";
import type { SearchTree } from "../../src/http/messages/search-schema.ts";
import type { SearchMeta } from "../../src/operations/matching.ts";
import { printSearchQuery } from "../mail/print-search-query.ts";
import { pick, type Random, randomPredicate, seeded } from "../mail/random-search.ts";
import { type Imap4d, startImap4d } from "../servers/imap4d.ts";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Mail, randomMail } from "./search-mail.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";

type Message = { id: string; messageId: string; folderIds: string[]; receivedAt: string; size: number; flags: Flags };
type Page = { data: Message[]; nextCursor: string | null; meta: SearchMeta };
type Problem = { code: string; detail: string };
type Facts = SearchFacts & { messageId: string };

/** An account, with what is true of each of its messages, in the order in which they came into their folders. */
type Box = {
  path: string;
  folders: { id: string; name: string; role: string | null; mail: Facts[] }[];
};

const kinds = ["Dovecot", "a server that can little", "GNU imap4d", "POP3"] as const;
const lacking: ExtensionName[] = ["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE"];
const filled = ["INBOX", "Junk", "Trash", "Sent", "Work"];
const perFolder = 14;

let stack: MailStack;
let api: Api;
let poor: ImapWithout;
let imap4d: Imap4d;
let secured: ImapWithout;
const boxes = new Map<(typeof kinds)[number], Box>();

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const { host, ports } = stack.dovecot;
  poor = await startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
  imap4d = await startImap4d();
  secured = await startImapWithout([], imap4d, stack.certificates.valid);

  const user = stack.dovecot.user();
  const mails = mailIn(1, true);
  const path = await storeAccount(api, accountOn(stack, user));
  boxes.set("Dovecot", await fill(path, mails));
  boxes.set(
    "a server that can little",
    await boxOf(await storeAccount(api, accountOn(stack, user, { imapsPort: poor.port })), mails),
  );
  const maildrop = await storeAccount(api, maildropOn(stack, user));
  boxes.set("POP3", await flagAll(await boxOf(maildrop, mails), mails));
  const plain = mailIn(2, false);
  const there = await storeAccount(api, accountOn(stack, imap4d.user(), { imapsPort: secured.port }));
  boxes.set("GNU imap4d", await fill(there, plain));
});
afterAll(async () => {
  await api.stop();
  await secured.stop();
  await imap4d.stop();
  await poor.stop();
  await stack.stop();
});

function mailIn(seed: number, hasKeywords: boolean): Map<string, Mail[]> {
  const random = seeded(seed);
  let n = 0;
  const one = (): Mail => {
    const mail = randomMail(random, n++);
    return hasKeywords ? mail : { ...mail, facts: { ...mail.facts, keywords: [] } };
  };
  return new Map(filled.map((name) => [name, Array.from({ length: perFolder }, one)]));
}

async function good<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await api.call<T>(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path} ${JSON.stringify(body)}: ${answer.text}`);
  return answer.body;
}

type Folder = { id: string; name: string; role: string | null };
const foldersOf = async (path: string) => (await good<{ data: Folder[] }>("GET", `${path}/folders`)).data;

/** Stores all messages in their folders. */
async function fill(path: string, mails: Map<string, Mail[]>): Promise<Box> {
  await good("POST", `${path}/folders`, { name: "Work" });
  const folders = await foldersOf(path);
  for (const [name, some] of mails) {
    const folder = folders.find((one) => one.name === name || one.role === name.toLowerCase());
    for (const { raw, facts } of some) {
      const query = new URLSearchParams({
        folder: folder?.id ?? name,
        receivedAt: new Date(facts.receivedAt).toISOString(),
      });
      const flags = Object.entries(facts.flags).flatMap(([flag, isSet]) => (isSet ? [flag] : []));
      if (flags.length > 0) query.set("flags", flags.join(","));
      if (facts.keywords.length > 0) query.set("keywords", facts.keywords.join(","));
      const response = await fetch(`${api.url}${path}/messages?${String(query)}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822" },
        body: raw,
      });
      if (response.status !== 201) throw new Error(await response.text());
    }
  }
  return boxOf(path, mails);
}

/** What is in the account's folders, whoever put it there. */
async function boxOf(path: string, mails: Map<string, Mail[]>): Promise<Box> {
  const folders = (await foldersOf(path)).map(({ id, name, role }) => {
    const mail = [...mails].find(([known]) => known === name || known.toLowerCase() === role)?.[1] ?? [];
    return {
      id,
      name,
      role,
      mail: mail.map(({ facts }) => ({ ...facts, folders: [id, ...(role === null ? [] : [role])] })),
    };
  });
  for (const { id, mail } of folders) {
    const { data } = await good<Page>("GET", `${path}/messages?folder=${id}&limit=200&order=oldest`);
    expect(data.map(({ messageId }) => messageId)).toEqual(mail.map(({ messageId }) => messageId));
    expect(data.map(({ receivedAt }) => Date.parse(receivedAt))).toEqual(mail.map(({ receivedAt }) => receivedAt));
    for (const [n, facts] of mail.entries()) {
      const told = data[n];
      if (told === undefined) throw new Error("a message is missing");
      // As the server counts octets, which is what a search compares; and imap4d keeps not all flags in its folders.
      facts.size = told.size;
      if (facts.keywords?.length === 0) facts.flags = told.flags;
    }
  }
  return { path, folders };
}

/** Flags of a maildrop are Postern's own. */
async function flagAll(box: Box, mails: Map<string, Mail[]>): Promise<Box> {
  const { data } = await good<Page>("GET", `${box.path}/messages?limit=200`);
  for (const { facts } of mails.get("INBOX") ?? []) {
    const id = data.find(({ messageId }) => messageId === facts.messageId)?.id;
    const keywords = facts.keywords.length > 0 ? { keywords: { add: facts.keywords } } : {};
    await good("PATCH", `${box.path}/messages/${id}`, { flags: facts.flags, ...keywords });
  }
  return box;
}

const exactOps: Predicate["op"][] = (
  "from to cc bcc subject header messageId since before seen flagged answered draft keyword largerThan smallerThan inFolder " +
  "hasAttachment filename"
).split(" ") as Predicate["op"][];

function randomSearch(random: Random, box: Box, depth: number): Expression {
  if (depth === 0 || random() < 0.4) {
    const leaf = randomPredicate(random, random() < 0.95 ? exactOps : ["text", "body"]);
    if (leaf.op !== "inFolder") return leaf;
    const { id, role } = pick(random, box.folders);
    return { op: "inFolder", folder: random() < 0.5 ? id : (role ?? "junk") };
  }
  if (random() < 0.2) return { op: "not", of: randomSearch(random, box, depth - 1) };
  const of = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomSearch(random, box, depth - 1));
  return { op: pick(random, ["and", "or"] as const), of };
}

function treeOf(expression: Expression): SearchTree {
  switch (expression.op) {
    case "and":
      return { and: expression.of.map(treeOf) };
    case "or":
      return { or: expression.of.map(treeOf) };
    case "not":
      return { not: treeOf(expression.of) };
    case "all":
    case "none":
      throw new Error("a tree has no constants");
    case "since":
    case "before":
      return { [expression.op]: new Date(expression.at).toISOString() };
    case "seen":
      return { unseen: false };
    case "flagged":
    case "answered":
    case "draft":
    case "hasAttachment":
      return { [expression.op]: true };
    case "largerThan":
    case "smallerThan":
      return { [expression.op]: expression.octets };
    case "header":
      return { header: expression.value === "" ? expression.name : `${expression.name}: ${expression.value}` };
    case "inFolder":
      return { inFolder: expression.folder };
    default:
      return { [expression.op]: expression.value };
  }
}

type Told = { messages: Message[]; metas: SearchMeta[] } | Problem;

type Rest = { folder: string; order: "newest" | "oldest"; limit: number; count: boolean };

/** All pages of a search, by a GET's `q` or a POST's body. */
async function ask(box: Box, by: "q" | "tree", expression: Expression, rest: Rest): Promise<Told> {
  const messages: Message[] = [];
  const metas: SearchMeta[] = [];
  let cursor: string | null = null;
  do {
    const asked = { ...rest, ...(cursor !== null && { cursor }) };
    const query = new URLSearchParams(
      Object.entries({ ...asked, q: printed(expression, by) }).map(([name, value]): [string, string] => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    );
    const answer: { status: number; body: Page | Problem; text: string } =
      by === "q"
        ? await api.call("GET", `${box.path}/messages?${String(query)}`)
        : await api.call("POST", `${box.path}/messages/search`, { ...asked, where: treeOf(expression) });
    if ("code" in answer.body) return answer.body;
    messages.push(...answer.body.data);
    metas.push(answer.body.meta);
    cursor = answer.body.nextCursor;
  } while (cursor !== null);
  return { messages, metas };
}

const printed = (expression: Expression, by: "q" | "tree"): string => (by === "q" ? printSearchQuery(expression) : "");

/** What is wrong with what a search found; null where nobody says that it is exact. */
function faultsOf(box: Box, expression: Expression, rest: Rest, told: Told): string[] | null {
  if ("code" in told) {
    const names = predicatesOf(expression).map(({ op }) => op.toLowerCase());
    const isNamed =
      names.some((name) => told.detail.toLowerCase().includes(name)) ||
      told.detail.includes("none of its conditions alone");
    return /^unsupported-by-(server|protocol)$/.test(told.code) && isNamed ? [] : [`refused: ${told.detail}`];
  }
  const { messages, metas } = told;
  const found = messages.map((one) => one.messageId);
  const faults: string[] = [];
  if (metas.some(({ failed }) => failed.length > 0)) faults.push("a folder failed");
  if (new Set(found).size < found.length) faults.push("told twice");
  if (!metas.every(({ exact }) => exact)) return faults.length > 0 ? faults : null;

  const searched = box.folders.filter(({ id, role }) => [id, role].includes(rest.folder) || rest.folder === "all");
  const matching = searched
    .flatMap(({ mail }) => mail.filter((facts) => matchSearch(expression, facts) === true))
    .map((facts) => facts.messageId);
  const missing = matching.filter((id) => !found.includes(id));
  const wrong = found.filter((id) => !matching.includes(id));
  if (missing.length > 0) faults.push(`not found: ${missing.join(" ")}`);
  if (wrong.length > 0) faults.push(`found: ${wrong.join(" ")}`);
  if (rest.order === "newest") matching.reverse();
  // Several folders are merged by arrival.
  if (searched.length === 1 && found.join() !== matching.join()) faults.push(`in the order ${found.join(" ")}`);
  if (metas.some(({ undecided }) => undecided > 0)) faults.push("some were not decided");
  if (rest.count && metas.at(-1)?.total !== matching.length) faults.push(`counted ${metas.at(-1)?.total}`);
  return faults;
}

describe.each(kinds)("%s", (kind) => {
  test("finds just what a plain filter finds, or says that it does not know", { timeout: 240_000 }, async () => {
    const box = boxes.get(kind);
    if (box === undefined) throw new Error("no box");
    let exact = 0;
    for (let seed = 1; seed <= 45; seed++) {
      const random = seeded(seed);
      const expression = randomSearch(random, box, 3);
      const folder = pick(random, ["all", "all", "inbox", pick(random, box.folders).id]);
      const order = pick(random, ["newest", "oldest"] as const);
      const rest = { folder, order, limit: pick(random, [3, 10, 50, 200]), count: random() < 0.5 };
      const told = await ask(box, pick(random, ["q", "tree"] as const), expression, rest);
      const faults = faultsOf(box, expression, rest, told);
      expect({ seed, rest, expression, faults: faults ?? [] }).toMatchObject({ faults: [] });
      if (faults !== null && !("code" in told)) exact++;
    }
    expect(exact).toBeGreaterThan(10);
  });
});
