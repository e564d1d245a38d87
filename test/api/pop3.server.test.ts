import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../src/mail/account.ts";
import type { Message } from "../../src/mail/message.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { makeMessage } from "../servers/messages.ts";
import { type Pop3d, startMailutilsPop3d } from "../servers/pop3d.ts";
import { type Pop3Front, startPop3Front } from "../servers/pop3-front.ts";
import { accountOn, type Api, maildropOn, startApi, storeAccount } from "./start.ts";

type Page<T> = { data: T[]; nextCursor: string | null };
type Problem = {
  code: string;
  capability?: string;
  fix?: string;
  upstream?: { protocol: string; responseCode?: string };
};

let stack: MailStack;
let front: Pop3Front;
let api: Api;

/** A server that locks a maildrop as long as a session lasts. */
beforeAll(async () => {
  stack = await startMailStack({ dovecot: { pop3Locks: true } });
  const { host, ports } = stack.dovecot;
  front = await startPop3Front({ host, port: ports.pop3 }, stack.certificates.valid);
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await stack.stop();
});

/** A maildrop with made-up messages, stored as an account. */
async function maildropWith(count: number): Promise<{ user: User; path: string }> {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), count, { to: user.username });
  return { user, path: await storeAccount(api, maildropOn(stack, user, { pop3sPort: front.port })) };
}

async function list(path: string, query = ""): Promise<Message[]> {
  const { status, body, text } = await api.call<Page<Message>>("GET", `${path}/messages${query}`);
  if (status !== 200) throw new Error(text);
  return body.data;
}

const idsOf = (messages: Message[]): string[] => messages.map(({ id }) => id);

async function newest(path: string): Promise<Message> {
  const [message] = await list(path, "?limit=1");
  if (!message) throw new Error("there is no message");
  return message;
}

async function download(path: string, headers: Record<string, string> = {}, method = "GET") {
  const init = { method, headers: { Authorization: `Bearer ${api.keys.appKey}`, ...headers } };
  const response = await fetch(api.url + path, init);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");

/** How often the command was asked meanwhile. */
async function asked(command: string, work: () => Promise<unknown>): Promise<number> {
  const before = front.commands.length;
  await work();
  return front.commands.slice(before).filter((word) => word === command).length;
}

/** Removes all messages behind Postern's back. */
function emptied(user: User): void {
  const maildir = stack.dovecot.maildir(user);
  for (const folder of ["cur", "new"])
    for (const name of readdirSync(`${maildir}/${folder}`)) rmSync(`${maildir}/${folder}/${name}`);
}

describe("accounts", () => {
  const withoutSide = (side: "incoming" | "outgoing", protocol: "imap" | "pop3") => {
    const on = protocol === "imap" ? accountOn : maildropOn;
    const { [side]: _, ...account } = on(stack, stack.dovecot.user());
    return account;
  };
  const submission = { to: [{ name: "", email: "someone@postern.test" }], subject: "s", text: "t" };
  const send = (path: string) =>
    api.call<Problem>("POST", `${path}/submissions`, submission, {
      headers: { "Idempotency-Key": randomBytes(8).toString("hex") },
    });

  test.each(["imap", "pop3"] as const)("with %s alone can be read and not send", async (protocol) => {
    const path = await storeAccount(api, withoutSide("outgoing", protocol));
    expect(await list(path)).toEqual([]);
    const refused = await send(path);
    expect([refused.status, refused.body.code]).toEqual([422, "no-outgoing"]);
    expect((await api.call("POST", `${path}/verify`)).status).toBe(200);
  });

  test("with SMTP alone can send and not be read", async () => {
    const path = await storeAccount(api, withoutSide("incoming", "pop3"));
    for (const below of ["/messages", "/folders"]) {
      const refused = await api.call<Problem>("GET", path + below);
      expect([refused.status, refused.body.code]).toEqual([422, "no-incoming"]);
    }
    expect((await send(path)).status).toBe(202);
    expect((await api.call<Account>("GET", path)).body.incoming).toBeNull();
  });

  test("with POP3 and SMTP sends, and what it sends to itself is in its maildrop", async () => {
    const { user, path } = await maildropWith(0);
    const message = { ...submission, to: [{ name: "", email: user.username }], subject: "round trip" };
    const headers = { "Idempotency-Key": "round", Prefer: "wait=20" };
    const sent = await api.call<{ state: string; messageId: string }>("POST", `${path}/submissions`, message, {
      headers,
    });
    expect([sent.status, sent.body.state]).toEqual([200, "sent"]);
    await expect.poll(() => list(path), { timeout: 10_000 }).toMatchObject([{ subject: "round trip" }]);
    expect((await newest(path)).messageId).toBe(sent.body.messageId);
  });

  test("say what POP3 can do, and how long its ids hold", async () => {
    const { path } = await maildropWith(1);
    const before = (await api.call<Account>("GET", path)).body;
    expect(before.incoming).toMatchObject({ protocol: "pop3", security: "tls" });
    expect(before.capabilities).toEqual({
      folders: false,
      move: false,
      keywords: true,
      append: false,
      search: "headers",
      push: "poll",
      flagStorage: "gateway",
    });
    await list(path);
    expect((await api.call<Account>("GET", path)).body.capabilities?.idStability).toBe("uidl");
  });

  test("over STLS are read as well", async () => {
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 2);
    const account = maildropOn(stack, user, { pop3sPort: stack.dovecot.ports.pop3 });
    const path = await storeAccount(api, { ...account, incoming: { ...account.incoming, security: "starttls" } });
    expect(await list(path)).toHaveLength(2);
  });

  test("with a wrong password are not stored, and the problem says which side and where", async () => {
    const user = { ...stack.dovecot.user(), password: "not-the-password" };
    const { status, body, text } = await api.call<Problem>("POST", "/v1/accounts", maildropOn(stack, user));
    expect([status, body.code]).toEqual([422, "verification-failed"]);
    expect(body.upstream).toMatchObject({ protocol: "pop3", responseCode: "AUTH" });
    expect(text).not.toContain("not-the-password");
  });
});

describe("listing", () => {
  test("pages through the maildrop, newest first, each message once, with what TOP tells", async () => {
    const { path } = await maildropWith(23);
    const seen: Message[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "?limit=5" : `?limit=5&cursor=${cursor}`;
      const { body } = await api.call<Page<Message>>("GET", `${path}/messages${query}`);
      seen.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    const made = Array.from({ length: 23 }, (_, at) => makeMessage(22 - at, "x"));
    expect(seen.map(({ messageId }) => messageId)).toEqual(made.map(({ messageId }) => messageId));
    expect(seen.map(({ receivedAt }) => receivedAt)).toEqual(made.map(({ date }) => date.toISOString()));
    expect(new Set(idsOf(seen)).size).toBe(23);
    for (const message of seen)
      for (const key of ["attachments", "hasAttachment"]) expect(message).not.toHaveProperty(key);
  });

  test("asks no TOP for what was listed before, and one for what is new", async () => {
    const { path, user } = await maildropWith(60);
    const first: Message[] = [];
    expect(await asked("TOP", async () => first.push(...(await list(path))))).toBe(50);
    const again: Message[] = [];
    expect(await asked("TOP", async () => again.push(...(await list(path))))).toBe(0);
    expect(again).toEqual(first);
    deliver(stack.dovecot.maildir(user), "Subject: new\n\nhello\n");
    expect(await asked("TOP", () => list(path))).toBe(1);
    const ids = await asked("RETR", async () =>
      expect(idsOf(await list(path)).slice(1)).toEqual(idsOf(first).slice(0, 49)),
    );
    expect(ids).toBe(0);
  });

  test("filters by header and date", async () => {
    const { path } = await maildropWith(40);
    const made = Array.from({ length: 40 }, (_, at) => makeMessage(39 - at, "x"));
    const since = made[20]?.date.toISOString() ?? "";
    const before = made[5]?.date.toISOString() ?? "";
    const found = await list(path, `?since=${since}&before=${before}`);
    expect(found.map(({ messageId }) => messageId)).toEqual(made.slice(6, 21).map(({ messageId }) => messageId));
    const [subject = ""] = made[3]?.subject.split(" ").slice(-1) ?? [];
    const expected = made.filter((one) => one.subject.toLowerCase().includes(subject.toLowerCase()));
    const listed = await list(path, `?subject=${encodeURIComponent(subject)}`);
    expect(listed.map(({ messageId }) => messageId)).toEqual(expected.map(({ messageId }) => messageId));
  });

  test("tells one folder, the inbox", async () => {
    const { path } = await maildropWith(3);
    const { body } = await api.call<Page<{ id: string }>>("GET", `${path}/folders`);
    expect(body.data).toMatchObject([{ name: "INBOX", role: "inbox", counts: { messages: 3, unseen: 3 } }]);
    expect((await newest(path)).folderIds).toEqual([body.data[0]?.id]);
    expect(await list(path, `?folder=${body.data[0]?.id}`)).toHaveLength(3);
    expect((await api.call<Problem>("GET", `${path}/messages?folder=sent`)).body.code).toBe("not-found");
  });
});

describe("reading", () => {
  const file = randomBytes(300_000);
  const mail = Buffer.from(
    [
      "From: =?utf-8?Q?J=C3=BCrgen?= <j@a.test>",
      "Subject: with a file",
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "--b",
      "Content-Type: text/plain; charset=utf-8",
      "",
      "Grüße",
      "--b",
      'Content-Type: application/pdf; name="a.pdf"',
      "Content-Transfer-Encoding: base64",
      "",
      file.toString("base64").replaceAll(/.{76}/g, "$&\n"),
      "--b--",
      ".",
      "",
    ].join("\n"),
  );

  test("gives the message, its raw octets, and an attachment, whole and in ranges", async () => {
    const { path, user } = await maildropWith(1);
    deliver(stack.dovecot.maildir(user), mail);
    const { id } = await newest(path);
    const { status, body } = await api.call<Message>("GET", `${path}/messages/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, subject: "with a file", from: { name: "Jürgen" }, hasAttachment: true });
    expect(body.text?.trim()).toBe("Grüße");
    const raw = Buffer.from(mail.toString("latin1").replaceAll("\n", "\r\n"), "latin1");
    expect((await download(`${path}/messages/${id}/raw`)).bytes.equals(raw)).toBe(true);
    const part = await download(`${path}/messages/${id}/raw`, { Range: "bytes=100-299" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 100-299/${raw.length}`]);
    expect(part.bytes.equals(raw.subarray(100, 300))).toBe(true);
    const attachment = `${path}/messages/${id}/attachments/${body.attachments?.[0]?.id}`;
    const whole = await download(attachment);
    expect([whole.status, sha256(whole.bytes)]).toEqual([200, sha256(file)]);
    const cut = await download(attachment, { Range: "bytes=1000-200000" });
    expect([cut.status, cut.bytes.equals(file.subarray(1000, 200_001))]).toEqual([206, true]);
    const beyond = await download(attachment, { Range: "bytes=300000-" });
    expect(beyond.status).toBe(416);
    expect((await download(attachment, {}, "HEAD")).status).toBe(200);
  });

  test("a caller who leaves in the middle gives the maildrop back", async () => {
    const { path, user } = await maildropWith(1);
    const large = `Subject: large\n\n${"0123456789abcde\n".repeat(1_500_000)}`;
    deliver(stack.dovecot.maildir(user), large);
    const { id } = await newest(path);
    const left = new AbortController();
    const headers = { Authorization: `Bearer ${api.keys.appKey}` };
    const response = await fetch(`${api.url}${path}/messages/${id}/raw`, { headers, signal: left.signal });
    await response.body?.getReader().read();
    left.abort();
    const startedAt = performance.now();
    expect(await list(path)).toHaveLength(2);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test("a message that somebody else removed is gone", async () => {
    const { path, user } = await maildropWith(2);
    const { id } = await newest(path);
    emptied(user);
    for (const below of ["", "/raw", "/attachments/att_1"]) {
      const { status, body } = await api.call<Problem>("GET", `${path}/messages/${id}${below}`);
      expect([below, status, body.code]).toEqual([below, 410, "message-gone"]);
    }
    expect((await api.call("PATCH", `${path}/messages/${id}`, { flags: { seen: true } })).status).toBe(410);
    expect((await api.call("DELETE", `${path}/messages/${id}?permanent=true`)).status).toBe(410);
    expect(await list(path)).toEqual([]);
  });

  test("ids hold over listings, sessions, a restart of either side, and removals of others", async () => {
    const { path } = await maildropWith(5);
    const ids = idsOf(await list(path));
    await stack.dovecot.restart();
    expect(idsOf(await list(path))).toEqual(ids);
    expect((await api.call("DELETE", `${path}/messages/${ids[4]}?permanent=true`)).status).toBe(204);
    expect(idsOf(await list(path))).toEqual(ids.slice(0, 4));
  });
});

describe("changing", () => {
  const none = { seen: false, flagged: false, answered: false, draft: false };

  test("flags and keywords are kept, listed, filtered by, and gone with their message", async () => {
    const { path } = await maildropWith(4);
    const [first, second] = await list(path);
    expect([first?.flags, first?.keywords]).toEqual([none, []]);
    const change = { flags: { seen: true, flagged: true }, keywords: { add: ["$Work", "later"] } };
    const changed = await api.call<Message>("PATCH", `${path}/messages/${first?.id}`, change);
    const now = { flags: { ...none, seen: true, flagged: true }, keywords: ["$Work", "later"] };
    expect([changed.status, changed.body.flags, changed.body.keywords.toSorted()]).toEqual([
      200,
      now.flags,
      now.keywords,
    ]);
    const listed = await list(path);
    expect([listed[0]?.flags, listed[0]?.keywords.toSorted(), listed[1]]).toEqual([now.flags, now.keywords, second]);
    expect(idsOf(await list(path, "?flagged=true"))).toEqual([first?.id]);
    expect(await list(path, "?unseen=true")).toHaveLength(3);
    const folders = await api.call<Page<unknown>>("GET", `${path}/folders`);
    expect(folders.body.data).toMatchObject([{ counts: { messages: 4, unseen: 3 } }]);
    await api.call("PATCH", `${path}/messages/${first?.id}`, {
      flags: { flagged: false },
      keywords: { remove: ["later"] },
    });
    expect((await newest(path)).keywords).toEqual(["$Work"]);
    expect(await list(path, "?flagged=true")).toEqual([]);
    expect((await api.call("DELETE", `${path}/messages/${first?.id}?permanent=true`)).status).toBe(204);
    expect(idsOf(await list(path))).toEqual(idsOf(listed).slice(1));
  });

  test("a message is deleted for good, and only that one", async () => {
    const { path, user } = await maildropWith(5);
    const before = await list(path);
    const doomed = `${path}/messages/${before[2]?.id}`;
    expect((await api.call("DELETE", `${doomed}?permanent=true`)).status).toBe(204);
    expect(await list(path)).toEqual(before.filter((_, at) => at !== 2));
    const maildir = stack.dovecot.maildir(user);
    expect([...readdirSync(`${maildir}/cur`), ...readdirSync(`${maildir}/new`)]).toHaveLength(4);
    const again = await api.call<Problem>("DELETE", `${doomed}?permanent=true`);
    expect([again.status, again.body.code]).toEqual([410, "message-gone"]);
  });

  test("what needs folders is refused with the name of the capability, and nothing happens", async () => {
    const { path } = await maildropWith(2);
    const { id, folderIds } = await newest(path);
    const folder = `${path}/folders/${folderIds[0]}`;
    const append = () =>
      fetch(`${api.url}${path}/messages?folder=inbox`, {
        method: "POST",
        headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822" },
        body: "Subject: a\r\n\r\nb\r\n",
      }).then(async (response) => ({ status: response.status, body: (await response.json()) as Problem }));
    const refused: [string, () => Promise<{ status: number; body: Problem }>][] = [
      ["move", () => api.call<Problem>("DELETE", `${path}/messages/${id}`)],
      ["move", () => api.call<Problem>("PATCH", `${path}/messages/${id}`, { folderId: folderIds[0] })],
      ["folders", () => api.call<Problem>("POST", `${path}/folders`, { name: "Made" })],
      ["folders", () => api.call<Problem>("PATCH", folder, { name: "Other" })],
      ["folders", () => api.call<Problem>("DELETE", folder)],
      ["append", append],
    ];
    for (const [capability, call] of refused) {
      const { status, body } = await call();
      expect([status, body.code, body.capability]).toEqual([422, "unsupported-by-protocol", capability]);
      expect(body.fix).toBeTruthy();
    }
    expect(await list(path)).toHaveLength(2);
  });
});

describe("one session at a time", () => {
  test("requests at once queue, and all are answered", async () => {
    const { path } = await maildropWith(20);
    const { id } = await newest(path);
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => api.call("GET", `${path}/messages`)),
      api.call("GET", `${path}/messages/${id}`),
      api.call("PATCH", `${path}/messages/${id}`, { flags: { seen: true } }),
      api.call("GET", `${path}/folders`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  describe("that somebody else has", () => {
    let pop3d: Pop3d & { ca: string };
    beforeAll(async () => {
      pop3d = await startMailutilsPop3d(stack.certificates);
    });
    afterAll(() => pop3d.stop());

    test("is told as locked after a few tries, and the account goes on once it is free", async () => {
      const user = pop3d.user();
      await pop3d.fill(user, 3);
      const { outgoing: _, ...account } = maildropOn(stack, user, { pop3sPort: pop3d.port });
      const path = await storeAccount(api, { ...account, incoming: { ...account.incoming, security: "starttls" } });
      const ids = idsOf(await list(path));
      const holder = await occupied(pop3d.port, user);
      const startedAt = performance.now();
      const { status, body } = await api.call<Problem>("GET", `${path}/messages`);
      expect([status, body.code, body.upstream?.responseCode]).toEqual([423, "mailbox-locked", "IN-USE"]);
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      const waiting = list(path);
      setTimeout(() => holder.end("QUIT\r\n"), 1_000);
      expect(idsOf(await waiting)).toEqual(ids);
    }, 60_000);
  });
});

/** A session that another client has open, until its end. */
async function occupied(port: number, user: User): Promise<TLSSocket> {
  const { connect: connectTcp } = await import("node:net");
  const plain = connectTcp(port, "127.0.0.1");
  await answers(plain, 1, "STLS");
  const socket = connect({ socket: plain, servername: "localhost", ca: stack.certificates.ca });
  await answers(socket, 0, `USER ${user.username}`);
  await answers(socket, 1, `PASS ${user.password}`);
  await answers(socket, 1, "NOOP");
  return socket;
}
