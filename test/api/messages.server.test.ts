import { createHash, randomBytes } from "node:crypto";
import type { ImapFlow } from "imapflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asAnother } from "../servers/as-another.ts";
import { startDovecot } from "../servers/dovecot.ts";
import { type ExtensionName, startImapWithout, type ImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { makeMessage } from "../servers/messages.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

type Message = {
  id: string;
  folderIds: string[];
  messageId: string;
  subject: string;
  receivedAt: string;
  flags: Record<string, boolean>;
  keywords: string[];
  attachments: { id: string; filename: string; encodedSize: number }[];
  text: string;
  warnings: string[];
};
type Folder = { id: string; name: string; role: string | null; counts: { messages: number; unseen: number } };
type Page<T> = { data: T[]; nextCursor: string | null };

let stack: MailStack;
let api: Api;
let poor: ImapWithout;

/** The server as it is, and one that has no key for life and can neither move nor expunge single messages. */
const lacking: ExtensionName[] = ["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE", "SPECIAL-USE"];
const servers = ["permanent", "tracked"] as const;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const { host, ports } = stack.dovecot;
  poor = await startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
});
afterAll(async () => {
  await api.stop();
  await poor.stop();
  await stack.stop();
});

/** A mailbox with some messages in its inbox, stored as an account. */
async function mailboxWith(count: number, kind: (typeof servers)[number] = "permanent") {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), count, { to: user.username });
  const path = await storeAccount(api, accountOn(stack, user, kind === "tracked" ? { imapsPort: poor.port } : {}));
  return { user, path };
}

async function list(path: string, query = ""): Promise<Message[]> {
  const { status, body, text } = await api.call<Page<Message>>("GET", `${path}/messages${query}`);
  if (status !== 200) throw new Error(text);
  return body.data;
}

async function folderOf(path: string, role: string): Promise<Folder> {
  const { body } = await api.call<Page<Folder>>("GET", `${path}/folders`);
  const folder = body.data.find((one) => one.role === role);
  if (folder === undefined) throw new Error(`no ${role}`);
  return folder;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function download(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(api.url + path, { headers: { Authorization: `Bearer ${api.keys.appKey}`, ...headers } });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe("listing", () => {
  test("pages through a folder, newest arrival first, each message once", async () => {
    const { path } = await mailboxWith(23);
    const seen: Message[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "?limit=5" : `?limit=5&cursor=${cursor}`;
      const { body } = await api.call<Page<Message>>("GET", `${path}/messages${query}`);
      seen.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    const expected = Array.from({ length: 23 }, (_, at) => makeMessage(22 - at, "x").messageId);
    expect(seen.map(({ messageId }) => messageId)).toEqual(expected);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(23);
  });

  test("a page goes on where it was, though mail came and went in between", async () => {
    const { path, user } = await mailboxWith(12);
    const first = await api.call<Page<Message>>("GET", `${path}/messages?limit=4`);
    deliver(stack.dovecot.maildir(user), "Subject: newest\r\n\r\nhello\r\n");
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageDelete("2,5,9", { uid: true });
    });
    const { body } = await api.call<Page<Message>>("GET", `${path}/messages?limit=20&cursor=${first.body.nextCursor}`);
    const uids = [8, 7, 6, 4, 3, 1];
    expect(body.data.map(({ messageId }) => messageId)).toEqual(uids.map((uid) => makeMessage(uid - 1, "x").messageId));
    expect(body.nextCursor).toBeNull();
  });

  test("new mail is there at once in a session that was open before", async () => {
    const { path, user } = await mailboxWith(1);
    await list(path);
    deliver(stack.dovecot.maildir(user), "Subject: just in\r\n\r\nhello\r\n");
    expect((await list(path))[0]?.subject).toBe("just in");
  });

  test("an empty folder is an empty page, and decides no id tier", async () => {
    const { path } = await mailboxWith(0);
    expect((await api.call("GET", `${path}/messages`)).body).toMatchObject({ data: [], nextCursor: null });
    expect((await api.call("GET", path)).body["capabilities"]).not.toHaveProperty("idStability");
  });

  test("filters are honoured exactly", async () => {
    const { path, user } = await mailboxWith(0);
    const made = Array.from({ length: 40 }, (_, at) => makeMessage(at, user.username));
    fillMaildir(stack.dovecot.maildir(user), 40, { to: user.username });
    const ids = async (query: string): Promise<string[]> =>
      (await list(path, `?limit=100&${query}`)).map(({ messageId }) => messageId);
    const expected = (keep: (message: (typeof made)[number]) => boolean): string[] =>
      made
        .filter(keep)
        .map(({ messageId }) => messageId)
        .reverse();

    expect(await ids("unseen=true")).toEqual(expected(({ flags }) => !flags.includes("S")));
    expect(await ids("unseen=false")).toEqual(expected(({ flags }) => flags.includes("S")));
    expect(await ids("flagged=true")).toEqual(expected(({ flags }) => flags.includes("F")));
    expect(await ids("subject=INVOICE")).toEqual(expected(({ subject }) => /invoice/i.test(subject)));
    expect(await ids(`subject=${encodeURIComponent("größer")}`)).toEqual(
      expected(({ subject }) => subject.includes("größer")),
    );
    const middle = made[17]?.date ?? new Date();
    const since = encodeURIComponent(middle.toISOString());
    expect(await ids(`since=${since}`)).toEqual(expected(({ date }) => date >= middle));
    expect(await ids(`before=${since}`)).toEqual(expected(({ date }) => date < middle));
    expect(await ids(`before=${since}&unseen=true`)).toEqual(
      expected(({ date, flags }) => date < middle && !flags.includes("S")),
    );
    const paged = await api.call<Page<Message>>("GET", `${path}/messages?limit=3&unseen=false`);
    const rest = await api.call<Page<Message>>(
      "GET",
      `${path}/messages?limit=100&unseen=false&cursor=${paged.body.nextCursor}`,
    );
    expect([...paged.body.data, ...rest.body.data].map(({ messageId }) => messageId)).toEqual(
      expected(({ flags }) => flags.includes("S")),
    );
  });

  test("a cursor of a folder that was made anew has expired", async () => {
    const { path, user } = await mailboxWith(0);
    const fill = (client: ImapFlow) => async () => {
      await client.mailboxCreate("Work");
      for (const subject of ["one", "two", "three"]) await client.append("Work", `Subject: ${subject}\r\n\r\nx\r\n`);
    };
    await asAnother(stack.dovecot, user, (client) => fill(client)());
    const { data } = (await api.call<Page<Folder>>("GET", `${path}/folders`)).body;
    const query = `${path}/messages?limit=1&folder=${data.find(({ name }) => name === "Work")?.id}`;
    const { nextCursor } = (await api.call<Page<Message>>("GET", query)).body;
    await new Promise((later) => setTimeout(later, 1100));
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxDelete("Work");
      await fill(client)();
    });
    const expired = await api.call("GET", `${query}&cursor=${nextCursor}`);
    expect([expired.status, expired.body["code"]]).toEqual([410, "cursor-expired"]);
  });

  test.each([
    ["?limit=0", 422],
    ["?limit=abc", 422],
    ["?limit=201", 422],
    ["?unseen=yes", 422],
    ["?since=yesterday", 422],
    ["?since=2026-02-30T00:00:00Z", 422],
    ["?since=2026-02-02T00:00:00Z&before=2026-02-01T00:00:00Z", 422],
    ["?surplus=1", 422],
    ["?subject=a%0d%0aA1%20LOGOUT", 422],
    ["?folder=nowhere", 422],
    [`?folder=fld_${"0".repeat(26)}`, 404],
    ["?cursor=garbage", 400],
  ])("%s is %i", async (query, status) => {
    const { path } = await mailboxWith(0);
    expect((await api.call("GET", `${path}/messages${query}`)).status).toBe(status);
  });

  test("a cursor is good for its own list only", async () => {
    const { path } = await mailboxWith(5);
    const other = await mailboxWith(5);
    const { nextCursor } = (await api.call<Page<Message>>("GET", `${path}/messages?limit=2`)).body;
    for (const query of [`${path}/messages?limit=2&unseen=true`, `${other.path}/messages?limit=2`])
      expect((await api.call("GET", `${query}&cursor=${nextCursor}`)).body).toMatchObject({ code: "invalid-cursor" });
  });
});

describe("folders", () => {
  test("have roles and counts, and keep their id when another client renames them", async () => {
    const { path, user } = await mailboxWith(7);
    const inbox = await folderOf(path, "inbox");
    expect(inbox.counts.messages).toBe(7);
    expect((await folderOf(path, "trash")).name).toBe("Trash");
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxCreate("Größe & Co");
      await client.append("Größe & Co", "Subject: inside\r\n\r\nhello\r\n");
    });
    const before = (await api.call<Page<Folder>>("GET", `${path}/folders`)).body.data.find(
      ({ name }) => name === "Größe & Co",
    );
    await asAnother(stack.dovecot, user, (client) => client.mailboxRename("Größe & Co", "Anders"));
    const [message] = await list(path, `?folder=${before?.id}`);
    expect(message?.subject).toBe("inside");
    const { data } = (await api.call<Page<Folder>>("GET", `${path}/folders`)).body;
    expect(data.find(({ name }) => name === "Anders")?.id).toBe(before?.id);
  });
});

describe("reading", () => {
  test("a message comes parsed, with references and every header", async () => {
    const { path } = await mailboxWith(30);
    const made = Array.from({ length: 30 }, (_, at) => makeMessage(at, "x"));
    for (const { id, messageId } of await list(path)) {
      const { status, body } = await api.call<Message & { references: string[]; headers: { name: string }[] }>(
        "GET",
        `${path}/messages/${id}`,
      );
      const original = made.find((one) => one.messageId === messageId);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id, messageId, subject: original?.subject });
      expect(body.text.length).toBeGreaterThan(20);
      expect(body.headers.map(({ name }) => name.toLowerCase())).toContain("message-id");
    }
    expect((await list(path, "?unseen=true")).length).toBe(made.filter(({ flags }) => !flags.includes("S")).length);
  });

  test("raw is what the server holds, whole and by range", async () => {
    const { path, user } = await mailboxWith(0);
    const raw = Buffer.from(
      `Subject: octets\r\nContent-Type: application/octet-stream\r\n\r\n${randomBytes(300_000)
        .toString("latin1")
        .replaceAll(/[\r\n\0]/g, "x")}\r\n`,
      "latin1",
    );
    await asAnother(stack.dovecot, user, (client) => client.append("INBOX", raw));
    const [message] = await list(path);
    const url = `${path}/messages/${message?.id}/raw`;
    expect(sha256((await download(url)).bytes)).toBe(sha256(raw));
    const part = await download(url, { Range: "bytes=1000-1999" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 1000-1999/${raw.length}`]);
    expect(part.bytes.equals(raw.subarray(1000, 2000))).toBe(true);
    const outside = await download(url, { Range: `bytes=${raw.length}-` });
    expect([outside.status, outside.headers.get("content-range")]).toEqual([416, `bytes */${raw.length}`]);
  });

  test("attachments come byte for byte, whatever they hold, and are only ever saved", async () => {
    const { path, user } = await mailboxWith(0);
    const files = [
      { filename: "naïve – 数.pdf", bytes: randomBytes(200_001), contentType: "application/pdf" },
      {
        filename: 'evil".html',
        bytes: Buffer.from("<script>alert(1)</script>\n\r\n\r lone"),
        contentType: "text/html",
      },
      {
        filename: "latin.txt",
        bytes: Buffer.from("gr\xf6\xdfer", "latin1"),
        contentType: "text/plain; charset=latin1",
      },
      { filename: "empty.bin", bytes: Buffer.alloc(0), contentType: "application/octet-stream" },
    ];
    const { default: MailComposer } = await import("nodemailer/lib/mail-composer/index.js");
    const composed = new MailComposer({
      subject: "files",
      text: "see attached",
      attachments: files.map(({ filename, bytes, contentType }) => ({ filename, content: bytes, contentType })),
    });
    const raw = await composed.compile().build();
    await asAnother(stack.dovecot, user, (client) => client.append("INBOX", raw));
    const [message] = await list(path);
    expect(message?.attachments.map(({ filename }) => filename)).toEqual(files.map(({ filename }) => filename));
    for (const [at, file] of files.entries()) {
      const got = await download(`${path}/messages/${message?.id}/attachments/${message?.attachments[at]?.id}`);
      expect([got.status, sha256(got.bytes)]).toEqual([200, sha256(file.bytes)]);
      expect(got.headers.get("content-disposition")).toMatch(/^attachment; filename="/);
      expect(got.headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
      expect(got.headers.get("x-content-type-options")).toBe("nosniff");
    }
    const missing = await download(`${path}/messages/${message?.id}/attachments/att_9`);
    expect(missing.status).toBe(404);
  });

  test("HEAD tells the headers and keeps no session, however often", async () => {
    const { path } = await mailboxWith(40);
    const message = (await list(path)).find(({ attachments }) => attachments.length > 0);
    const url = `${api.url}${path}/messages/${message?.id}/attachments/${message?.attachments[0]?.id}`;
    for (let n = 0; n < 5; n += 1) {
      const head = await fetch(url, { method: "HEAD", headers: { Authorization: `Bearer ${api.keys.appKey}` } });
      expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/csv"]);
    }
    expect(await list(path)).toHaveLength(40);
  });

  test("forged and foreign ids are 404, with nothing of the other account in the answer", async () => {
    const { path } = await mailboxWith(2);
    const other = await mailboxWith(2);
    const [foreign] = await list(other.path);
    const [own] = await list(path);
    const forged = `${own?.id.slice(0, -1)}${own?.id.endsWith("A") ? "B" : "A"}`;
    for (const id of [foreign?.id ?? "", forged, `msg_${"A".repeat(40)}`])
      for (const below of ["", "/raw", "/attachments/att_1"]) {
        const { status, text } = await api.call("GET", `${path}/messages/${id}${below}`);
        expect(status).toBe(404);
        expect(text).not.toContain(foreign?.subject);
      }
  });
});

describe.each(servers)("on a server with %s ids", (kind) => {
  test("the account says so, once a message was seen", async () => {
    const { path } = await mailboxWith(1, kind);
    await list(path);
    expect((await api.call("GET", path)).body["capabilities"]).toMatchObject({ idStability: kind });
  });

  test("flags and keywords are set and taken away, and nothing else changes", async () => {
    const { path } = await mailboxWith(3, kind);
    const [message, neighbour] = await list(path);
    const url = `${path}/messages/${message?.id}`;
    const on = await api.call<Message>("PATCH", url, {
      flags: { flagged: true, answered: true, seen: true },
      keywords: { add: ["$Forwarded", "todo"] },
    });
    expect(on.body).toMatchObject({ id: message?.id, flags: { flagged: true, answered: true, seen: true } });
    expect(on.body.keywords.sort()).toEqual(["$Forwarded", "todo"]);
    const off = await api.call<Message>("PATCH", url, { flags: { flagged: false }, keywords: { remove: ["todo"] } });
    expect(off.body).toMatchObject({ flags: { flagged: false, answered: true }, keywords: ["$Forwarded"] });
    expect((await list(path)).find(({ id }) => id === neighbour?.id)).toEqual(neighbour);
  });

  test("an id stays through moves by Postern, there and back, and listings say the same", async () => {
    const { path } = await mailboxWith(3, kind);
    const [, message] = await list(path);
    const [archive, inbox] = [await folderOf(path, "archive"), await folderOf(path, "inbox")];
    const url = `${path}/messages/${message?.id}`;
    const moved = await api.call<Message>("PATCH", url, { flags: { flagged: true }, folderId: archive.id });
    expect(moved.body).toMatchObject({
      id: message?.id,
      folderIds: [archive.id],
      flags: { flagged: true },
      warnings: [],
    });
    expect((await list(path, "?folder=archive")).map(({ id }) => id)).toEqual([message?.id]);
    expect((await list(path)).map(({ id }) => id)).not.toContain(message?.id);
    expect((await api.call<Message>("GET", url)).body).toMatchObject({
      subject: message?.subject,
      folderIds: [archive.id],
    });
    await api.call("PATCH", url, { folderId: inbox.id });
    expect((await list(path)).map(({ id }) => id)).toContain(message?.id);
    expect((await api.call<Message>("GET", url)).body.folderIds).toEqual([inbox.id]);
  });

  test("what is missing is told as that, and the message stays", async () => {
    const { path, user } = await mailboxWith(2, kind);
    const [message] = await list(path);
    const url = `${path}/messages/${message?.id}`;
    expect((await api.call("GET", `${url}/attachments/att_9`)).status).toBe(404);
    const elsewhere = await api.call("GET", `${url}?folder=sent`);
    expect([elsewhere.status, elsewhere.body["code"]]).toEqual([404, "not-found"]);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxCreate("Later");
      await client.mailboxCreate("Gone");
    });
    const { data } = (await api.call<Page<Folder>>("GET", `${path}/folders`)).body;
    const later = data.find(({ name }) => name === "Later");
    await asAnother(stack.dovecot, user, (client) => client.mailboxRename("Later", "Sooner"));
    const moved = await api.call<Message>("PATCH", url, { folderId: later?.id });
    expect(moved.body).toMatchObject({ id: message?.id, folderIds: [later?.id] });
    const gone = data.find(({ name }) => name === "Gone");
    await asAnother(stack.dovecot, user, (client) => client.mailboxDelete("Gone"));
    const partly = await api.call("PATCH", url, { flags: { flagged: true }, folderId: gone?.id });
    expect(partly).toMatchObject({ status: 404, body: { code: "not-found", applied: ["flags"] } });
    expect((await api.call<Message>("GET", url)).body.flags["flagged"]).toBe(true);
    expect((await api.call("GET", url)).status).toBe(200);
  });

  test("an id that is read while it moves is found all the time", async () => {
    const { path } = await mailboxWith(1, kind);
    const [message] = await list(path);
    const url = `${path}/messages/${message?.id}`;
    const folders = [await folderOf(path, "archive"), await folderOf(path, "inbox")];
    const moved = new AbortController();
    const seen = new Set<number>();
    const reader = async (): Promise<void> => {
      while (!moved.signal.aborted) seen.add((await api.call("GET", url)).status);
    };
    const readers = [reader(), reader()];
    for (let n = 0; n < 40; n += 1)
      expect((await api.call("PATCH", url, { folderId: folders[n % 2]?.id })).status).toBe(200);
    moved.abort();
    await Promise.all(readers);
    expect([...seen]).toEqual([200]);
  });

  test("a move by another client: the id stays where it is permanent, and is gone where it is tracked", async () => {
    const { path, user } = await mailboxWith(2, kind);
    const [message] = await list(path);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageMove("2", "Archive", { uid: true });
    });
    const { body } = await api.call("GET", `${path}/messages/${message?.id}`);
    const archive = await folderOf(path, "archive");
    expect(body).toMatchObject(
      kind === "tracked" ? { status: 410, code: "message-gone" } : { id: message?.id, folderIds: [archive.id] },
    );
  });

  test("deleting goes to the trash, again is fine, and permanent removes exactly this one", async () => {
    const { path, user } = await mailboxWith(3, kind);
    await asAnother(stack.dovecot, user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageFlagsAdd("1", ["\\Deleted"], { uid: true });
    });
    const [message] = await list(path);
    const url = `${path}/messages/${message?.id}`;
    expect((await api.call("DELETE", url)).status).toBe(204);
    expect((await list(path, "?folder=trash")).map(({ id }) => id)).toEqual([message?.id]);
    expect((await api.call("DELETE", url)).status).toBe(204);
    expect((await api.call("DELETE", `${url}?permanent=true`)).status).toBe(204);
    for (const [method, below] of [
      ["GET", ""],
      ["GET", "/raw"],
      ["PATCH", ""],
      ["DELETE", ""],
    ] as const) {
      const body = method === "PATCH" ? { flags: { seen: true } } : undefined;
      const answer = await api.call(method, url + below, body);
      expect([method, answer.status, answer.body["code"]]).toEqual([method, 410, "message-gone"]);
    }
    const [, second] = await list(path);
    await api.call("DELETE", `${path}/messages/${second?.id}?permanent=true`);
    const left = await asAnother(stack.dovecot, user, async (client) => (await client.mailboxOpen("INBOX")).exists);
    expect(left).toBe(second === undefined ? 2 : 1);
  });

  test("100 messages moved at once by as many requests keep their ids", async () => {
    const { path } = await mailboxWith(40, kind);
    const archive = await folderOf(path, "archive");
    const before = await list(path, "?limit=100");
    await Promise.all(before.map(({ id }) => api.call("PATCH", `${path}/messages/${id}`, { folderId: archive.id })));
    const after = await list(path, "?folder=archive&limit=100");
    expect(after.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
    expect(await list(path)).toEqual([]);
  });
});

test("a message that lies twice in one folder gets two ids, and the old one means the first", async () => {
  const { path, user } = await mailboxWith(2);
  const [original] = await list(path);
  await asAnother(stack.dovecot, user, async (client) => {
    await client.mailboxOpen("INBOX");
    await client.messageCopy("2", "INBOX", { uid: true });
  });
  const listed = await list(path);
  expect(listed).toHaveLength(3);
  expect(new Set(listed.map(({ id }) => id)).size).toBe(3);
  const [, , other] = listed;
  expect((await list(path)).map(({ id }) => id)).toEqual(listed.map(({ id }) => id));
  expect((await api.call("DELETE", `${path}/messages/${listed[0]?.id}?permanent=true`)).status).toBe(204);
  expect((await api.call<Message>("GET", `${path}/messages/${original?.id}`)).body.subject).toBe(original?.subject);
  expect((await list(path)).map(({ id }) => id)).toEqual([listed[1]?.id, other?.id]);
});

test("without a trash a message is only deleted for good, and that is said", async () => {
  const dovecot = await startDovecot({ folders: false, certificates: stack.certificates });
  const user = dovecot.user();
  deliver(dovecot.maildir(user), "Subject: stays\r\n\r\nhello\r\n");
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: dovecot.ports.imaps }));
  const [message] = await list(path);
  const refused = await api.call("DELETE", `${path}/messages/${message?.id}`);
  expect([refused.status, refused.body["code"]]).toEqual([422, "unsupported-by-server"]);
  expect((await api.call("DELETE", `${path}/messages/${message?.id}?permanent=true`)).status).toBe(204);
  await dovecot.stop();
});

test("ids outlive Postern: another process with the same database knows them", async () => {
  const { path } = await mailboxWith(2);
  const [message] = await list(path);
  const row = await api.store.accounts.byId(path.split("/").at(-1) ?? "");
  expect(row?.idStability).toBe("permanent");
  api.postern.close();
  expect((await api.call<Message>("GET", `${path}/messages/${message?.id}`)).body.subject).toBe(message?.subject);
});

test("an empty PATCH, an unknown member and a folder of another account change nothing", async () => {
  const { path } = await mailboxWith(1);
  const other = await mailboxWith(1);
  const [message] = await list(path);
  const url = `${path}/messages/${message?.id}`;
  const foreign = await folderOf(other.path, "archive");
  for (const patch of [{}, { flags: {} }, { keywords: {} }, { keywords: { add: [] } }, { flags: { deleted: true } }])
    expect((await api.call("PATCH", url, patch)).status).toBe(422);
  for (const word of ["\\Deleted", "two words", "a\r\nb", "über", ""])
    expect((await api.call("PATCH", url, { keywords: { add: [word] } })).status).toBe(422);
  expect((await api.call("PATCH", url, { flags: { flagged: true }, folderId: foreign.id })).status).toBe(404);
  expect((await list(path))[0]).toEqual(message);
});
