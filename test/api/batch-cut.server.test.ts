import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Proxy, startProxy } from "../servers/proxy.ts";
import { allIn, batch, folderNamed, idsOf, type Result } from "./batches.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

let stack: MailStack;
let api: Api;
let proxy: Proxy;
let front: ImapWithout;
/** Which command is the connection's last one, the nth of its name from now on, and when it is cut off, milliseconds. */
let last: { command: RegExp; nth: number; afterMs: number } | null = null;

/** What travels so long in each direction arrives when the line is cut after half as much more, and its answer never. */
const delayMs = 100;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const { host, ports } = stack.dovecot;
  proxy = await startProxy({ host, port: ports.imap, faults: () => (last === null ? {} : { delayMs }) });
  front = await startImapWithout([], proxy, stack.certificates.valid);
  const passed = front.passed as string[];
  passed.push = (...commands) => {
    for (const command of commands) {
      if (last?.command.test(command) !== true || (last.nth -= 1) > 0) continue;
      const { afterMs } = last;
      last = null;
      const open = proxy.connections.filter((connection) => connection.open);
      if (afterMs === 0) for (const connection of open) connection.reset();
      else setTimeout(() => open.forEach((connection) => connection.reset()), afterMs);
    }
    return 0;
  };
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await proxy.stop();
  await stack.stop();
});

/** Three folders with four messages each. */
async function filled() {
  const user = stack.dovecot.user();
  for (const [index, name] of [undefined, "Archive", "Sent"].entries())
    fillMaildir(stack.dovecot.maildir(user, name), 4, { to: user.username, seed: index + 1 });
  const account = accountOn(stack, user, { imapsPort: front.port });
  const path = await storeAccount(api, { ...account, watch: { mode: "off" } });
  const ids: string[] = [];
  for (const folder of ["inbox", "archive", "sent"]) ids.push(...idsOf(await allIn(api, path, folder)));
  return { path, ids };
}

/** The next session is slow, and ends with the command. */
async function cutAt(command: RegExp, nth: number, afterMs: number): Promise<void> {
  for (const connection of proxy.connections.filter(({ open }) => open)) connection.reset();
  // The pool has noticed by then.
  await sleep(100);
  last = { command, nth, afterMs };
}

const short = ({ ok, problem }: Result) =>
  ok ? "ok" : [problem?.code, problem?.applied, problem?.unknown].flat().filter(Boolean).join(" ");

test.each([
  { what: "never arrived", afterMs: 0 },
  { what: "was done, and its answer never came", afterMs: delayMs * 1.5 },
])("a change that $what is told as unknown, what came before as done, what was to come as not done", async (how) => {
  const { path, ids } = await filled();
  await cutAt(/^UID STORE/, 2, how.afterMs);
  const { results } = await batch(api, path, { ids, action: { keywords: { add: ["cut"] } } });
  expect(results.map(short)).toEqual([
    ...Array.from({ length: 4 }, () => "ok"),
    ...Array.from({ length: 4 }, () => "upstream-unreachable flags"),
    ...Array.from({ length: 4 }, () => "upstream-unreachable"),
  ]);
  expect(results[4]?.problem).toMatchObject({ unknown: ["flags"], retryable: true });
  expect(results[8]?.problem).not.toHaveProperty("unknown");
  const changed = [];
  for (const folder of ["inbox", "archive", "sent"])
    changed.push((await allIn(api, path, folder)).filter(({ keywords }) => keywords.includes("cut")).length);
  expect(changed).toEqual([4, how.afterMs === 0 ? 0 : 4, 0]);
});

test("a move that was cut off says what was done before it; the ids stay, wherever the messages are", async () => {
  const { path, ids } = await filled();
  const { id: trash } = await folderNamed(api, path, "Trash");
  await cutAt(/^UID MOVE/, 2, delayMs * 1.5);
  const { results } = await batch(api, path, { ids, action: { flags: { flagged: true }, folderId: trash } });
  expect(results.map(short)).toEqual([
    ...Array.from({ length: 4 }, () => "ok"),
    ...Array.from({ length: 4 }, () => "upstream-unreachable flags folderId"),
    ...Array.from({ length: 4 }, () => "upstream-unreachable"),
  ]);
  expect(results[5]?.problem).toMatchObject({ applied: ["flags"], unknown: ["folderId"] });
  expect(idsOf(await allIn(api, path, "trash")).toSorted()).toEqual(ids.slice(0, 8).toSorted());
  const again = await batch(api, path, { ids, action: { flags: { flagged: true }, folderId: trash } });
  expect(again.results.map(short)).toEqual(ids.map(() => "ok"));
  expect(idsOf(await allIn(api, path, "trash")).toSorted()).toEqual(ids.toSorted());
});

test("a session that is lost before anything is changed fails the whole", async () => {
  const { path, ids } = await filled();
  await cutAt(/^UID FETCH/, 1, 0);
  const answer = await api.call("POST", `${path}/messages/batch`, { ids, action: { delete: "permanent" } });
  expect([answer.status, answer.body["code"]]).toEqual([502, "upstream-unreachable"]);
  expect(idsOf(await allIn(api, path))).toEqual(ids.slice(0, 4));
});
