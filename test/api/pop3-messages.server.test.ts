import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../../src/mail/message.ts";
import { deliver } from "../servers/maildir.ts";
import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { idsOf, type Maildrops, type Page, type Problem, startMaildrops } from "./maildrops.ts";
import type { Api } from "./start.ts";

let drops: Maildrops;
let api: Api;
let stack: MailStack;

beforeAll(async () => {
  drops = await startMaildrops();
  ({ api, stack } = drops);
});
afterAll(() => drops.stop());

async function download(path: string, headers: Record<string, string> = {}, method = "GET") {
  const init = { method, headers: { Authorization: `Bearer ${api.keys.appKey}`, ...headers } };
  const response = await fetch(api.url + path, init);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");

/** Removes all messages behind Postern's back. */
function emptied(user: User): void {
  const maildir = stack.dovecot.maildir(user);
  for (const folder of ["cur", "new"])
    for (const name of readdirSync(`${maildir}/${folder}`)) rmSync(`${maildir}/${folder}/${name}`);
}

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
    const { path, user } = await drops.filled(1);
    deliver(stack.dovecot.maildir(user), mail);
    const { id } = await drops.newest(path);
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

  test("reads an attachment, and finds out about it, by one RETR each", async () => {
    const { path, user } = await drops.filled(1);
    const text = "0123456789abcde\n".repeat(1000);
    const plain = `\n--b\nContent-Type: text/csv; name="a.csv"\n\n${text}\n--b--\n`;
    deliver(
      stack.dovecot.maildir(user),
      Buffer.concat([mail.subarray(0, mail.lastIndexOf("\n--b--")), Buffer.from(plain)]),
    );
    const { id } = await drops.newest(path);
    const { body } = await api.call<Message>("GET", `${path}/messages/${id}`);
    const [pdf = "", csv = ""] = body.attachments?.map((one) => `${path}/messages/${id}/attachments/${one.id}`) ?? [];
    const stored = Buffer.from(text.replaceAll("\n", "\r\n"));
    type Asked = [path: string, headers: Record<string, string>, method: string, status: number, octets: Buffer | null];
    const none = Buffer.alloc(0);
    const { headers } = await download(csv, {}, "HEAD");
    const etag = headers.get("etag") ?? "";
    expect(headers.get("content-type")).toBe("text/csv");
    expect(headers.get("content-disposition")).toContain("a.csv");
    expect(headers.get("content-length")).toBeNull();
    const asked: Asked[] = [
      [pdf, {}, "GET", 200, file],
      [csv, {}, "GET", 200, stored],
      [csv, {}, "HEAD", 200, none],
      [csv, { "If-None-Match": etag }, "GET", 304, none],
      [csv, { "If-Match": '"other"' }, "GET", 412, null],
      [csv, { Range: "bytes=100-199" }, "GET", 206, stored.subarray(100, 200)],
      [csv, { Range: "bytes=-5" }, "GET", 206, stored.subarray(-5)],
      [csv, { Range: "bytes=100-", "If-Range": etag }, "GET", 206, stored.subarray(100)],
      [csv, { Range: "bytes=100-", "If-Range": '"other"' }, "GET", 200, stored],
      [csv, { Range: `bytes=${stored.length}-` }, "GET", 416, null],
      [csv.replace(/\d+$/, "1"), {}, "GET", 404, null],
      [csv.replace(/\d+$/, "9"), {}, "HEAD", 404, none],
    ];
    for (const [where, sent, method, status, octets] of asked) {
      const retrs = await drops.asked("RETR", async () => {
        const answer = await download(where, sent, method);
        expect([sent, answer.status]).toEqual([sent, status]);
        expect(octets === null || answer.bytes.equals(octets)).toBe(true);
      });
      expect([sent, status, retrs]).toEqual([sent, status, 1]);
    }
  });

  test("callers who leave while they wait, and in the middle of reading, hold up nobody and change nothing", async () => {
    const { path, user } = await drops.filled(1);
    deliver(stack.dovecot.maildir(user), `Subject: large\n\n${"0123456789abcde\n".repeat(3_000_000)}`);
    const { id } = await drops.newest(path);
    const headers = { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "application/json" };
    const call = (below: string, left: AbortSignal, init: RequestInit = {}) =>
      fetch(`${api.url}${path}/messages${below}`, { headers, signal: left, ...init });
    const holding = new AbortController();
    await (await call(`/${id}/raw`, holding.signal)).body?.getReader().read();
    const left = new AbortController();
    const patch = { method: "PATCH", body: JSON.stringify({ flags: { seen: true } }) };
    const waiting = [call("", left.signal), call(`/${id}`, left.signal), call(`/${id}`, left.signal, patch)];
    const refused = Promise.allSettled(waiting);
    await new Promise((resolve) => setTimeout(resolve, 200));
    left.abort();
    expect((await refused).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    const logins = drops.asked("RETR", async () => {
      holding.abort();
      const startedAt = performance.now();
      expect((await drops.newest(path)).flags.seen).toBe(false);
      expect(performance.now() - startedAt).toBeLessThan(3000);
    });
    expect(await logins).toBe(0);

    const reading = new AbortController();
    const moment = () => new Promise((resolve) => setTimeout(resolve, 20));
    // One look right after the other, from before the call on: none between which it could be asked.
    const isRead = async (): Promise<void> => ((await drops.asked("RETR", moment)) === 0 ? isRead() : undefined);
    const begun = isRead();
    const read = call(`/${id}`, reading.signal).catch(() => "left");
    await begun;
    reading.abort();
    const startedAt = performance.now();
    expect(await read).toBe("left");
    expect(await drops.list(path)).toHaveLength(2);
    expect(performance.now() - startedAt).toBeLessThan(1500);
  });

  test("a caller who leaves in the middle gives the maildrop back", async () => {
    const { path, user } = await drops.filled(1);
    const large = `Subject: large\n\n${"0123456789abcde\n".repeat(1_500_000)}`;
    deliver(stack.dovecot.maildir(user), large);
    const { id } = await drops.newest(path);
    const left = new AbortController();
    const headers = { Authorization: `Bearer ${api.keys.appKey}` };
    const response = await fetch(`${api.url}${path}/messages/${id}/raw`, { headers, signal: left.signal });
    await response.body?.getReader().read();
    left.abort();
    const startedAt = performance.now();
    expect(await drops.list(path)).toHaveLength(2);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test("a message that somebody else removed is gone", async () => {
    const { path, user } = await drops.filled(2);
    const { id } = await drops.newest(path);
    emptied(user);
    for (const below of ["", "/raw", "/attachments/att_1"]) {
      const { status, body } = await api.call<Problem>("GET", `${path}/messages/${id}${below}`);
      expect([below, status, body.code]).toEqual([below, 410, "message-gone"]);
    }
    expect((await api.call("PATCH", `${path}/messages/${id}`, { flags: { seen: true } })).status).toBe(410);
    expect((await api.call("DELETE", `${path}/messages/${id}?permanent=true`)).status).toBe(410);
    expect(await drops.list(path)).toEqual([]);
  });

  test("ids and flags of a mailbox mean nothing in the next one that the account is changed to", async () => {
    const { path, user } = await drops.filled(2);
    const { user: other } = await drops.filled(2);
    const ids = idsOf(await drops.list(path));
    expect((await api.call("PATCH", `${path}/messages/${ids[0]}`, { flags: { seen: true } })).status).toBe(200);
    const become = async ({ username, password }: User) => {
      const auth = { type: "password", username, password };
      expect((await api.call("PATCH", path, { incoming: { auth } })).status).toBe(200);
    };
    await become(other);
    const logins = await drops.asked("PASS", async () => {
      for (const below of [`${ids[0]}`, `${ids[0]}/raw`]) {
        const { status, body } = await api.call<Problem>("GET", `${path}/messages/${below}`);
        expect([status, body.code]).toEqual([410, "message-gone"]);
      }
      expect((await api.call("DELETE", `${path}/messages/${ids[1]}?permanent=true`)).status).toBe(410);
    });
    expect(logins).toBe(0);
    const others = await drops.list(path);
    expect(others.map(({ id, flags }) => [ids.includes(id), flags.seen])).toEqual([
      [false, false],
      [false, false],
    ]);
    await become(user);
    expect(idsOf(await drops.list(path))).toEqual(ids);
  });

  test("ids hold over listings, sessions, a restart of the server, and removals of others", async () => {
    const { path } = await drops.filled(5);
    const ids = idsOf(await drops.list(path));
    await stack.dovecot.restart();
    expect(idsOf(await drops.list(path))).toEqual(ids);
    expect((await api.call("DELETE", `${path}/messages/${ids[4]}?permanent=true`)).status).toBe(204);
    expect(idsOf(await drops.list(path))).toEqual(ids.slice(0, 4));
  });
});

describe("changing", () => {
  const none = { seen: false, flagged: false, answered: false, draft: false };

  test("flags and keywords are kept, listed, filtered by, and gone with their message", async () => {
    const { path } = await drops.filled(4);
    const [first, second] = await drops.list(path);
    expect([first?.flags, first?.keywords]).toEqual([none, []]);
    const change = { flags: { seen: true, flagged: true }, keywords: { add: ["$Work", "later"] } };
    const changed = await api.call<Message>("PATCH", `${path}/messages/${first?.id}`, change);
    const now = { flags: { ...none, seen: true, flagged: true }, keywords: ["$Work", "later"] };
    expect([changed.status, changed.body.flags, changed.body.keywords.toSorted()]).toEqual([
      200,
      now.flags,
      now.keywords,
    ]);
    const listed = await drops.list(path);
    expect([listed[0]?.flags, listed[0]?.keywords.toSorted(), listed[1]]).toEqual([now.flags, now.keywords, second]);
    expect(idsOf(await drops.list(path, "?flagged=true"))).toEqual([first?.id]);
    expect(await drops.list(path, "?unseen=true")).toHaveLength(3);
    const folders = await api.call<Page<unknown>>("GET", `${path}/folders`);
    expect(folders.body.data).toMatchObject([{ counts: { messages: 4, unseen: 3 } }]);
    await api.call("PATCH", `${path}/messages/${first?.id}`, {
      flags: { flagged: false },
      keywords: { remove: ["later"] },
    });
    expect((await drops.newest(path)).keywords).toEqual(["$Work"]);
    expect(await drops.list(path, "?flagged=true")).toEqual([]);
    expect((await api.call("DELETE", `${path}/messages/${first?.id}?permanent=true`)).status).toBe(204);
    expect(idsOf(await drops.list(path))).toEqual(idsOf(listed).slice(1));
  });

  test("a message is deleted for good, and only that one", async () => {
    const { path, user } = await drops.filled(5);
    const before = await drops.list(path);
    const doomed = `${path}/messages/${before[2]?.id}`;
    expect((await api.call("DELETE", `${doomed}?permanent=true`)).status).toBe(204);
    expect(await drops.list(path)).toEqual(before.filter((_, at) => at !== 2));
    const maildir = stack.dovecot.maildir(user);
    expect([...readdirSync(`${maildir}/cur`), ...readdirSync(`${maildir}/new`)]).toHaveLength(4);
    const again = await api.call<Problem>("DELETE", `${doomed}?permanent=true`);
    expect([again.status, again.body.code]).toEqual([410, "message-gone"]);
  });

  test("what needs folders is refused with the name of the capability, and nothing happens", async () => {
    const { path } = await drops.filled(2);
    const { id, folderIds } = await drops.newest(path);
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
    expect(await drops.list(path)).toHaveLength(2);
  });
});
