import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../src/mail/account.ts";
import type { Message } from "../../src/mail/message.ts";
import { openPop3 } from "../../src/protocols/pop3/open-pop3.ts";
import { target } from "../protocols/pop3/scripted-pop3.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import type { MailStack } from "../servers/mail-stack.ts";
import { makeMessage } from "../servers/messages.ts";
import { type Pop3d, startMailutilsPop3d } from "../servers/pop3d.ts";
import { startPostern } from "../servers/postern.ts";
import { idsOf, type Maildrops, type Page, type Problem, startMaildrops } from "./maildrops.ts";
import { accountOn, type Api, maildropOn, storeAccount } from "./start.ts";

let drops: Maildrops;
let api: Api;
let stack: MailStack;

beforeAll(async () => {
  drops = await startMaildrops();
  ({ api, stack } = drops);
});
afterAll(() => drops.stop());

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
    expect(await drops.list(path)).toEqual([]);
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
    const { user, path } = await drops.filled(0);
    const message = { ...submission, to: [{ name: "", email: user.username }], subject: "round trip" };
    const headers = { "Idempotency-Key": "round", Prefer: "wait=20" };
    const sent = await api.call<{ state: string; messageId: string }>("POST", `${path}/submissions`, message, {
      headers,
    });
    expect([sent.status, sent.body.state]).toEqual([200, "sent"]);
    await expect.poll(() => drops.list(path), { timeout: 10_000 }).toMatchObject([{ subject: "round trip" }]);
    expect((await drops.newest(path)).messageId).toBe(sent.body.messageId);
  });

  test("say what POP3 can do, and how long its ids hold", async () => {
    const { path } = await drops.filled(1);
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
    await drops.list(path);
    expect((await api.call<Account>("GET", path)).body.capabilities?.idStability).toBe("uidl");
  });

  test("over STLS are read as well", async () => {
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 2);
    const account = maildropOn(stack, user, { pop3sPort: stack.dovecot.ports.pop3 });
    const path = await storeAccount(api, { ...account, incoming: { ...account.incoming, security: "starttls" } });
    expect(await drops.list(path)).toHaveLength(2);
  });

  test("with a wrong password are not stored, and the problem says which side and where", async () => {
    const user = { ...stack.dovecot.user(), password: "not-the-password" };
    const { outgoing: _, ...account } = maildropOn(stack, user);
    const { status, body, text } = await api.call<Problem>("POST", "/v1/accounts", account);
    expect([status, body.code]).toEqual([422, "verification-failed"]);
    expect(body.upstream).toMatchObject({ protocol: "pop3", responseCode: "AUTH" });
    expect(text).not.toContain("not-the-password");
  });
});

describe("listing", () => {
  test("pages through the maildrop, newest first, each message once, with what TOP tells", async () => {
    const { path } = await drops.filled(23);
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

  test("goes on where it was though the whole page was deleted, by a cursor that holds names and no numbers", async () => {
    const { user, path } = await drops.filled(9);
    const page = (query: string) => api.call<Page<Message> & Problem>("GET", `${path}/messages?limit=3${query}`);
    const all = idsOf(await drops.list(path));
    const { body: first } = await page("");
    // Behind its seal and what it has in common with the list: folder, no UIDVALIDITY, and names.
    const sealed = Buffer.from(first.nextCursor ?? "", "base64url").toString("latin1");
    const names = expect.stringMatching(/^uidl:[!-~]+$/);
    expect(JSON.parse(sealed.slice(sealed.indexOf('["fld_'), -1))).toEqual([
      expect.any(String),
      0,
      names,
      [names, names, names, names],
    ]);
    for (const id of idsOf(first.data)) await api.call("DELETE", `${path}/messages/${id}?permanent=true`);
    deliver(stack.dovecot.maildir(user), "Subject: new\n\nhello\n");
    const { body: second } = await page(`&cursor=${first.nextCursor}`);
    expect(idsOf(second.data)).toEqual(all.slice(3, 6));
    for (const id of all.slice(3, 7)) await api.call("DELETE", `${path}/messages/${id}?permanent=true`);
    const expired = await page(`&cursor=${first.nextCursor}`);
    expect([expired.status, expired.body.code]).toEqual([410, "cursor-expired"]);

    const other = stack.dovecot.user();
    const auth = { username: other.username, password: other.password };
    expect((await api.call("PATCH", path, { incoming: { auth } })).status).toBe(200);
    const foreign = await page(`&cursor=${first.nextCursor}`);
    expect([foreign.status, foreign.body.code]).toEqual([400, "invalid-cursor"]);
  });

  test("asks no TOP for what was listed before, and one for what is new", async () => {
    const { path, user } = await drops.filled(60);
    const first: Message[] = [];
    expect(await drops.asked("TOP", async () => first.push(...(await drops.list(path))))).toBe(50);
    const again: Message[] = [];
    expect(await drops.asked("TOP", async () => again.push(...(await drops.list(path))))).toBe(0);
    expect(again).toEqual(first);
    deliver(stack.dovecot.maildir(user), "Subject: new\n\nhello\n");
    expect(await drops.asked("TOP", () => drops.list(path))).toBe(1);
    const ids = await drops.asked("RETR", async () =>
      expect(idsOf(await drops.list(path)).slice(1)).toEqual(idsOf(first).slice(0, 49)),
    );
    expect(ids).toBe(0);
  });

  test("filters by header and date", async () => {
    const { path } = await drops.filled(40);
    const made = Array.from({ length: 40 }, (_, at) => makeMessage(39 - at, "x"));
    const since = made[20]?.date.toISOString() ?? "";
    const before = made[5]?.date.toISOString() ?? "";
    const found = await drops.list(path, `?since=${since}&before=${before}`);
    expect(found.map(({ messageId }) => messageId)).toEqual(made.slice(6, 21).map(({ messageId }) => messageId));
    const [subject = ""] = made[3]?.subject.split(" ").slice(-1) ?? [];
    const expected = made.filter((one) => one.subject.toLowerCase().includes(subject.toLowerCase()));
    const listed = await drops.list(path, `?subject=${encodeURIComponent(subject)}`);
    expect(listed.map(({ messageId }) => messageId)).toEqual(expected.map(({ messageId }) => messageId));
  });

  test("tells one folder, the inbox", async () => {
    const { path } = await drops.filled(3);
    const { body } = await api.call<Page<{ id: string }>>("GET", `${path}/folders`);
    expect(body.data).toMatchObject([{ name: "INBOX", role: "inbox", counts: { messages: 3, unseen: 3 } }]);
    expect((await drops.newest(path)).folderIds).toEqual([body.data[0]?.id]);
    expect(await drops.list(path, `?folder=${body.data[0]?.id}`)).toHaveLength(3);
    const other = (await api.call<Problem>("GET", `${path}/messages?folder=sent`)).body;
    expect([other.code, other.capability]).toEqual(["unsupported-by-protocol", "folders"]);
  });
});

test("after a crash of Postern ids, flags and kept headers are what they were", async () => {
  const postern = await startPostern();
  try {
    const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const headers = { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json" };
      const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
      return (await (await fetch(postern.url + path, init)).json()) as T;
    };
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 4, { to: user.username });
    const account = maildropOn(stack, user, { pop3sPort: drops.port });
    const path = `/v1/accounts/${(await call<Account>("POST", "/v1/accounts", account)).id}/messages`;
    const { data } = await call<Page<Message>>("GET", path);
    const changed = await call<Message>("PATCH", `${path}/${data[0]?.id}`, { flags: { flagged: true } });
    await postern.kill9();
    await postern.restart();
    let after: Message[] = [];
    const tops = await drops.asked("TOP", async () => {
      after = (await call<Page<Message>>("GET", path)).data;
    });
    expect([idsOf(after), after[0]?.flags, tops]).toEqual([idsOf(data), changed.flags, 0]);
    expect(changed.flags.flagged).toBe(true);
  } finally {
    await postern.stop();
  }
}, 30_000);

describe("one session at a time", () => {
  test("requests at once queue, and all are answered", async () => {
    const { path } = await drops.filled(20);
    const { id } = await drops.newest(path);
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
      const ids = idsOf(await drops.list(path));
      const tls = { ca: pop3d.ca, servername: null };
      const holder = await openPop3(target(pop3d.port, { ...user, security: "starttls", tls }));
      const startedAt = performance.now();
      const { status, body } = await api.call<Problem>("GET", `${path}/messages`);
      expect([status, body.code, body.upstream?.responseCode]).toEqual([423, "mailbox-locked", "IN-USE"]);
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      const waiting = drops.list(path);
      setTimeout(() => void holder.close(), 1_000);
      expect(idsOf(await waiting)).toEqual(ids);

      const again = await openPop3(target(pop3d.port, { ...user, security: "starttls", tls }));
      setTimeout(() => void again.close(), 1_000);
      expect(await api.call("POST", `${path}/verify`)).toMatchObject({ status: 200, body: { incoming: "ok" } });
    }, 60_000);
  });
});
