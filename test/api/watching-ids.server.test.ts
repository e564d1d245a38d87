import { afterAll, beforeAll, expect, test } from "vitest";
import { type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { deliver, fillMaildir } from "../servers/maildir.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";
import { asAnother } from "../servers/as-another.ts";
import { eventsOf, eventually, letter, untilLooked } from "./watching.ts";

type Listed = { data: { id: string; name: string; role: string | null }[] };

let stack: MailStack;
let api: Api;
/** A server without keys for life: ids are tracked. */
let front: ImapWithout;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 500, maildrop: 500 } });
  const { host, ports } = stack.dovecot;
  front = await startImapWithout(["X-GUID"], { host, port: ports.imap }, stack.certificates.valid);
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await stack.stop();
});

async function watched(count: number) {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), count, { to: user.username });
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: front.port }));
  await untilLooked(api, path);
  return { user, path };
}

async function list(path: string, what: "messages" | "folders") {
  return (await api.call<Listed>("GET", `${path}/${what}`)).body.data;
}

test("what we move and then remove is told by the one id that it had all along", async () => {
  const { path } = await watched(2);
  const [message] = await list(path, "messages");
  const archive = (await list(path, "folders")).find(({ role }) => role === "archive");
  const itself = `${path}/messages/${message?.id}`;
  expect((await api.call("PATCH", itself, { folderId: archive?.id })).status).toBe(200);
  await eventually(api, path, 1);
  expect((await api.call("DELETE", `${itself}?permanent=true`)).status).toBe(204);
  // Whoever asks before the watcher has looked takes nothing from him.
  expect((await api.call("GET", itself)).status).toBe(410);
  const events = await eventually(api, path, 2);
  expect(events.map(({ type, data: { id, actor } }) => ({ type, id, actor }))).toEqual([
    { type: "message.moved", id: message?.id, actor: "api" },
    { type: "message.deleted", id: message?.id, actor: "api" },
  ]);
});

test("an account that is given another mailbox looks at it for the first time; a new password is no other mailbox", async () => {
  const { user, path } = await watched(3);
  const before = await list(path, "messages");
  const folders = await list(path, "folders");
  const same = { incoming: { auth: { username: user.username, password: user.password } } };
  expect((await api.call("PATCH", path, same)).status).toBe(200);
  await untilLooked(api, path);
  expect(await list(path, "folders")).toEqual(folders);

  const other = stack.dovecot.user();
  const maildir = stack.dovecot.maildir(other);
  fillMaildir(maildir, 4, { to: other.username, seed: 9 });
  await asAnother(stack.dovecot, other, async (client) => {
    await client.mailboxCreate("Elsewhere");
    await client.append("Elsewhere", letter("long ago"), [], new Date("2019-01-01"));
  });
  const change = { incoming: { auth: { username: other.username, password: other.password } } };
  expect((await api.call("PATCH", path, change)).status).toBe(200);
  await untilLooked(api, path);
  await untilLooked(api, path);
  expect((await eventsOf(api, path)).filter(({ type }) => !type.startsWith("account."))).toEqual([]);
  for (const { id } of before) expect((await api.call("GET", `${path}/messages/${id}`)).status).toBe(410);
  expect(await list(path, "messages")).toHaveLength(4);
  deliver(maildir, letter("new there"));
  expect(await eventually(api, path, 1)).toMatchObject([{ type: "message.created", data: { subject: "new there" } }]);
});
