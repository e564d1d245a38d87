import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asAnother } from "../servers/as-another.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

type Folder = {
  id: string;
  name: string;
  parentId: string | null;
  role: string | null;
  selectable: boolean;
  subscribed: boolean;
  counts: { messages: number; unseen: number } | null;
};
type Problem = { code: string; errors?: { pointer: string }[]; upstream?: { text?: string } };

let stack: MailStack;
let api: Api;
let dots: Dovecot;
let mute: ImapWithout;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  dots = await startDovecot({ separator: ".", certificates: stack.certificates });
  const plain = { host: dots.host, port: dots.ports.imap };
  mute = await startImapWithout(
    ["NAMESPACE", "X-GUID", "LIST-EXTENDED", "LIST-STATUS"],
    plain,
    stack.certificates.valid,
  );
});
afterAll(async () => {
  await api.stop();
  await mute.stop();
  await dots.stop();
  await stack.stop();
});

const servers = {
  "a server with /": () => ({ dovecot: stack.dovecot, port: stack.dovecot.ports.imaps, below: "/", prefix: "" }),
  "a server with all below INBOX.": () => ({ dovecot: dots, port: dots.ports.imaps, below: ".", prefix: "INBOX." }),
  "… without NAMESPACE": () => ({ dovecot: dots, port: mute.port, below: ".", prefix: "INBOX." }),
};

async function mailboxOn(server: keyof typeof servers) {
  const { dovecot, port, below, prefix } = servers[server]();
  const user = dovecot.user();
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: port }));
  const call = <T = Folder & Problem>(method: string, url: string, body?: unknown) =>
    api.call<T>(method, path + url, body);
  return {
    user,
    dovecot,
    path,
    below,
    prefix,
    call,
    list: async () => (await call<{ data: Folder[] }>("GET", "/folders")).body.data,
    make: async (name: string, parentId?: string | null) => {
      const { status, body, text } = await call("POST", "/folders", {
        name,
        ...(parentId !== undefined && { parentId }),
      });
      if (status !== 201) throw new Error(text);
      return body;
    },
    /** Puts a message into a folder by its raw path, behind Postern's back. */
    put: (raw: string, subject: string) =>
      asAnother(dovecot, user, (client) => client.append(raw, `Subject: ${subject}\r\n\r\nhello\r\n`)),
  };
}

describe.each(Object.keys(servers) as (keyof typeof servers)[])("on %s", (server) => {
  test("a folder is made at the top and below it, found again, and told alike", async () => {
    const { call, list, make, path } = await mailboxOn(server);
    const made = await call("POST", "/folders", { name: "Été & Hiver" });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: made.body.id,
      name: "Été & Hiver",
      parentId: null,
      role: null,
      selectable: true,
      subscribed: true,
      counts: { messages: 0, unseen: 0 },
    });
    expect(made.headers.get("location")).toBe(`${path}/folders/${made.body.id}`);
    const child = await make("日本語 2026", made.body.id);
    expect(child).toMatchObject({ name: "日本語 2026", parentId: made.body.id, subscribed: true });
    expect((await call("GET", `/folders/${child.id}`)).body).toEqual(child);
    const listed = await list();
    expect(listed.filter(({ id }) => [made.body.id, child.id].includes(id))).toHaveLength(2);
    const special = listed.filter(({ role }) => role !== null);
    expect(new Set(special.map(({ role }) => role)).size).toBe(6);
    expect(special.every((one) => one.parentId === null)).toBe(true);
  });

  test("renames and moves keep the ids of folders, of those below, and of their messages", async () => {
    const { call, list, make, put, below, prefix } = await mailboxOn(server);
    const work = await make("Work");
    const year = await make("2026", work.id);
    const quarter = await make("Q1", year.id);
    await put(`${prefix}Work${below}2026${below}Q1`, "in Q1");
    const messages = async () =>
      (await call<{ data: { id: string; subject: string }[] }>("GET", `/messages?folder=${quarter.id}`)).body.data;
    const [before] = await messages();
    expect(before?.subject).toBe("in Q1");

    const renamed = await call("PATCH", `/folders/${work.id}`, { name: "Arbeit" });
    expect([renamed.status, renamed.body]).toEqual([200, { ...work, name: "Arbeit" }]);
    expect((await messages()).map(({ id }) => id)).toEqual([before?.id]);
    const moved = await call("PATCH", `/folders/${year.id}`, { parentId: null, name: "Jahr", subscribed: false });
    expect([moved.status, moved.body]).toEqual([200, { ...year, name: "Jahr", parentId: null, subscribed: false }]);
    const back = await call("PATCH", `/folders/${year.id}`, { parentId: work.id, subscribed: true });
    expect(back.body).toEqual({ ...year, name: "Jahr" });
    const listed = new Map((await list()).map((folder) => [folder.id, folder]));
    expect(listed.get(quarter.id)).toMatchObject({ name: "Q1", parentId: year.id, subscribed: true });
    expect(listed.get(year.id)).toMatchObject({ parentId: work.id });
    const read = await call<{ subject: string }>("GET", `/messages/${before?.id}`);
    expect([read.status, read.body.subject]).toEqual([200, "in Q1"]);
  });

  test("a new folder under an old name is another one", async () => {
    const { call, make, put, prefix } = await mailboxOn(server);
    const old = await make("Work");
    await put(`${prefix}Work`, "old mail");
    const listed = async (id: string) =>
      (await call<{ data: { subject: string }[] }>("GET", `/messages?folder=${id}`)).body.data.map(
        ({ subject }) => subject,
      );
    /** By all three sessions that an account has at once. */
    const listedByAll = async (id: string) => (await Promise.all([listed(id), listed(id), listed(id)])).map(String);
    expect(await listedByAll(old.id)).toEqual(["old mail", "old mail", "old mail"]);
    await call("PATCH", `/folders/${old.id}`, { name: "Old work" });
    const fresh = await make("Work");
    expect(fresh.id).not.toBe(old.id);
    expect(await listedByAll(fresh.id)).toEqual(["", "", ""]);
    expect(await listedByAll(old.id)).toEqual(["old mail", "old mail", "old mail"]);
    expect((await call("DELETE", `/folders/${fresh.id}`)).status).toBe(204);
    expect((await make("Work")).id).not.toBe(fresh.id);
  });

  test("deleting takes the folder and its mail, and nothing else", async () => {
    const { call, list, make, put, below, prefix } = await mailboxOn(server);
    const work = await make("Work");
    const year = await make("2026", work.id);
    await put(`${prefix}Work${below}2026`, "goes");
    const { data } = (await call<{ data: { id: string }[] }>("GET", `/messages?folder=${year.id}`)).body;
    const kept = await call("DELETE", `/folders/${work.id}`);
    expect([kept.status, kept.body.code]).toEqual([409, "folder-protected"]);
    expect((await call("DELETE", `/folders/${year.id}`)).status).toBe(204);
    for (const [method, url] of [
      ["GET", `/folders/${year.id}`],
      ["PATCH", `/folders/${year.id}`],
      ["DELETE", `/folders/${year.id}`],
      ["GET", `/messages?folder=${year.id}`],
    ] as const) {
      const answer = await call(method, url, method === "PATCH" ? { name: "x" } : undefined);
      expect([method, url, answer.status, answer.body.code]).toEqual([method, url, 404, "not-found"]);
    }
    const gone = await call("GET", `/messages/${data[0]?.id}`);
    expect([gone.status, gone.body.code]).toEqual([410, "message-gone"]);
    expect((await list()).map(({ id }) => id)).toContain(work.id);
    expect((await call("DELETE", `/folders/${work.id}`)).status).toBe(204);
  });

  test("a message that Postern had moved into it is gone with it", async () => {
    const { call, make, put } = await mailboxOn(server);
    await put("INBOX", "moved");
    const { data } = (await call<{ data: { id: string }[] }>("GET", "/messages")).body;
    const bin = await make("Bin");
    expect((await call("PATCH", `/messages/${data[0]?.id}`, { folderId: bin.id })).status).toBe(200);
    expect((await call("GET", `/messages/${data[0]?.id}`)).status).toBe(200);
    await call("DELETE", `/folders/${bin.id}`);
    expect((await call("GET", `/messages/${data[0]?.id}`)).status).toBe(410);
  });

  test("what can't be is told by name, and changes nothing", async () => {
    const { call, list, make, below } = await mailboxOn(server);
    const work = await make("Work");
    const inbox = (await list()).find(({ role }) => role === "inbox");
    const before = await list();
    const absent = `fld_${"0".repeat(26)}`;
    const cases: [string, string, unknown, number, string, string?][] = [
      ["POST", "/folders", { name: "Work" }, 409, "folder-exists"],
      ["POST", "/folders", { name: "Inbox" }, 409, "folder-exists"],
      ["POST", "/folders", { name: `a${below}b` }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: "" }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: " a" }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: "a\u00a0" }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: "a\r\nDELETE x" }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: "x".repeat(201) }, 422, "validation-failed", "/name"],
      ["POST", "/folders", { name: "a", parentId: absent }, 404, "not-found"],
      ["POST", "/folders", { name: "a", parentId: "inbox" }, 422, "validation-failed", "/parentId"],
      ["PATCH", `/folders/${work.id}`, {}, 422, "validation-failed", ""],
      ["PATCH", `/folders/${work.id}`, { name: "Sent" }, 409, "folder-exists"],
      ["PATCH", `/folders/${work.id}`, { parentId: work.id }, 422, "validation-failed", "/parentId"],
      ["PATCH", `/folders/${work.id}`, { parentId: absent }, 404, "not-found"],
      ["PATCH", `/folders/${inbox?.id}`, { name: "Old" }, 409, "folder-protected"],
      ["PATCH", `/folders/${inbox?.id}`, { parentId: work.id }, 409, "folder-protected"],
      ["DELETE", `/folders/${inbox?.id}`, undefined, 409, "folder-protected"],
      ["DELETE", `/folders/${absent}`, undefined, 404, "not-found"],
    ];
    for (const [method, url, body, status, code, pointer] of cases) {
      const answer = await call<Problem>(method, url, body);
      expect([url, body, answer.status, answer.body.code]).toEqual([url, body, status, code]);
      expect([body, answer.body.errors?.[0]?.pointer]).toEqual([body, pointer]);
    }
    expect(await list()).toEqual(before);
  });

  test("a name that this server does not take is refused in its words", async () => {
    const { call } = await mailboxOn(server);
    const answer = await call<Problem>("POST", "/folders", { name: "ü".repeat(150) });
    expect([answer.status, answer.body.code]).toEqual([422, "refused-by-server"]);
    expect(answer.body.upstream?.text).toMatch(/too long/i);
  });

  test("a folder that only holds folders is shown, and never opened", async () => {
    const { call, list, make, user, dovecot, prefix, below } = await mailboxOn(server);
    const inbox = (await list()).find(({ role }) => role === "inbox");
    await asAnother(dovecot, user, (client) => client.mailboxCreate([`${prefix}Attic`, "Box"].join(below)));
    const attic = (await list()).find(({ name }) => name === "Attic");
    expect(attic).toMatchObject({ selectable: false, parentId: null, counts: null });
    await asAnother(dovecot, user, (client) => client.append("INBOX", "Subject: stays\r\n\r\nhello\r\n"));
    const { data } = (await call<{ data: { id: string }[] }>("GET", "/messages")).body;
    const listing = await call("GET", `/messages?folder=${attic?.id}`);
    expect([listing.status, listing.body.code]).toEqual([404, "not-found"]);
    const move = await call("PATCH", `/messages/${data[0]?.id}`, { folderId: attic?.id });
    expect([move.status, move.body.code]).toEqual([422, "refused-by-server"]);
    const gone = await call("DELETE", `/folders/${attic?.id}`);
    expect([gone.status, gone.body.code]).toEqual([409, "folder-protected"]);
    expect((await call("GET", `/folders/${attic?.id}`)).body).toEqual(attic);
    expect(await make("Second box", attic?.id)).toMatchObject({ parentId: attic?.id });
    expect((await call("PATCH", `/folders/${inbox?.id}`, { subscribed: true })).body).toMatchObject({
      subscribed: true,
    });
  });

  test("twenty made at once are all there, each once", async () => {
    const { call, list } = await mailboxOn(server);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => call("POST", "/folders", { name: `F${at % 10}` })),
    );
    // Dovecot may tell both of a pair that the other one was first.
    expect(answers.filter(({ status }) => status !== 201).map(({ body }) => body.code)).toSatisfy((codes: string[]) =>
      codes.every((code) => code === "folder-exists"),
    );
    const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.name);
    expect(new Set(made).size).toBe(made.length);
    const names = (await list()).map(({ name }) => name).filter((name) => /^F\d$/.test(name));
    expect(names.sort()).toEqual(Array.from({ length: 10 }, (_, at) => `F${at}`));
  });
});
