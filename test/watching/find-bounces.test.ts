import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { sentRow } from "../background/follow-up-house.ts";
import { accountRow } from "../store/rows.ts";
import { type Told, watchedInbox } from "./watched-inbox.ts";

/** What the log tells of bounces that come into a watched mailbox. */

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-bounces-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const outgoing = accountRow().incoming;
const sentId = "<sent.1@postern.test>";

type Failed = { email: string; action?: string; status?: string; diagnostic?: string };

/** RFC 3464. */
function report(recipients: Failed[], about = sentId): string {
  const groups = recipients.map(
    ({ email, action = "failed", status = "5.1.1", diagnostic = "550 5.1.1 User unknown" }) =>
      `Final-Recipient: rfc822; ${email}\r\nAction: ${action}\r\nStatus: ${status}\r\nDiagnostic-Code: smtp; ${diagnostic}\r\n\r\n`,
  );
  const parts = [
    "Content-Type: text/plain\r\n\r\nSorry.\r\n",
    `Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n${groups.join("")}`,
    `Content-Type: message/rfc822\r\n\r\nMessage-ID: ${about}\r\nSubject: x\r\n\r\n${"x".repeat(5_000)}\r\n`,
  ];
  const head =
    'From: MAILER-DAEMON@mx.postern.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="r"\r\n\r\n';
  return `${head}${parts.map((part) => `--r\r\n${part}`).join("")}--r--\r\n`;
}

/** A watched account that has sent one message to these. */
async function sender(
  emails: string[],
  change: Partial<AccountRow> = {},
  before: (server: Told["server"]) => void = () => {},
): Promise<Told & { submissionId: string }> {
  const house = await watchedInbox(store, true, { account: { outgoing, ...change }, before });
  const account = await store.accounts.byId(house.watch.accountId);
  if (account === null) throw new Error("no account");
  const recipients = emails.map((email) => ({
    email,
    state: "accepted" as const,
    code: 250,
    enhancedCode: null,
    text: null,
  }));
  const row = sentRow(account, 1_790_000_000_000, { messageId: sentId, recipients, followUps: [], followUpAt: null });
  await store.submissions.accept({ ...row, sentCopy: null }, Buffer.from("x"));
  return { ...house, submissionId: row.id };
}

/** Puts a bounce into the inbox; its key. */
function bounce(server: Told["server"], raw: string | null, path = "INBOX"): string {
  const key = `bounce${server.raws.size}`;
  server.raws.set(key, raw);
  server.add(path, key);
  return key;
}

const dataOf = async ({ watch }: Told): Promise<Record<string, unknown>[]> =>
  (await watch.events()).flatMap(({ type, data }) => (type === "message.bounced" && data !== null ? [data] : []));

test("tells of a bounce right after its arrival, in one write with it", async () => {
  const house = await sender(["bob@example.net", "eve@example.net"]);
  bounce(house.server, report([{ email: "bob@example.net" }]));
  await house.watch.lookAndDie("after");
  const events = await house.watch.events();
  expect(events.slice(-2).map(({ type }) => type)).toEqual(["message.created", "message.bounced"]);
  const [created, bounced] = events.slice(-2);
  expect(bounced?.data).toEqual({
    id: created?.data?.["id"],
    folderIds: created?.data?.["folderIds"],
    submissionId: house.submissionId,
    originalMessageId: sentId,
    kind: "failed",
    recipients: [
      { email: "bob@example.net", action: "failed", status: "5.1.1", code: 550, text: "550 5.1.1 User unknown" },
    ],
    actor: "external",
  });
  expect(bounced?.folderRoles).toEqual(["inbox"]);
  await house.watch.look();
  expect(await dataOf(house)).toHaveLength(1);
});

test("one that only says that it takes longer is told as such", async () => {
  const house = await sender(["bob@example.net"]);
  bounce(house.server, report([{ email: "bob@example.net", action: "delayed", status: "4.4.1" }]));
  await house.watch.look();
  expect(await dataOf(house)).toMatchObject([
    { kind: "delayed", recipients: [{ action: "delayed", status: "4.4.1" }] },
  ]);
});

test("recipients are those whom it was sent to, whatever case and form they come back in", async () => {
  const house = await sender(["bob@bücher.example", "eve@example.net"]);
  const gone = [{ email: "Bob@XN--BCHER-KVA.example" }, { email: "third@example.net" }];
  bounce(house.server, report(gone));
  await house.watch.look();
  expect(await dataOf(house)).toMatchObject([{ recipients: [{ email: "bob@bücher.example" }] }]);
});

test("one that names nobody means the only recipient there is, and of several nobody", async () => {
  for (const [emails, recipients] of [
    [["bob@example.net"], [{ email: "bob@example.net", action: "failed", status: null, code: null, text: null }]],
    [["bob@example.net", "eve@example.net"], []],
  ] as const) {
    const house = await sender([...emails]);
    const unnamed = report([]).replace("Reporting-MTA: dns; mx.example", "Reporting-MTA: dns; x\r\n\r\nAction: failed");
    bounce(house.server, unnamed);
    await house.watch.look();
    expect((await dataOf(house)).map((data) => data["recipients"])).toEqual([recipients]);
  }
});

test("nothing is told of what was not sent from here, to others, or by another account", async () => {
  const house = await sender(["bob@example.net"]);
  const other = await watchedInbox(store, true, { account: { outgoing } });
  bounce(house.server, report([{ email: "bob@example.net" }], "<other@postern.test>"));
  bounce(house.server, report([{ email: "eve@example.net" }]));
  bounce(house.server, "From: MAILER-DAEMON@x\r\nSubject: hello\r\n\r\nI am no bounce.\r\n");
  bounce(other.server, report([{ email: "bob@example.net" }]));
  await house.watch.look();
  await other.watch.look();
  expect([await dataOf(house), await dataOf(other)]).toEqual([[], []]);
  expect(house.server.read).toHaveLength(3);
});

test("only what comes just now is read: not what was there before, and not what we have put there", async () => {
  const watch = { mode: "push", folders: "all", notifySince: 1 } as const;
  const house = await sender(["bob@example.net"], { watch }, (server) =>
    server.raws.set("first", report([{ email: "bob@example.net" }])),
  );
  const { server } = house;
  expect([await house.told(null), server.read]).toEqual([["message.created external INBOX"], []]);
  await house.watch.moveByUs("INBOX", 1, "Archive", async () => {});
  await house.watch.look();
  expect([(await house.told(null)).slice(1), server.read]).toEqual([["message.moved api Archive"], []]);
  server.move("Archive", 1, "INBOX");
  await house.watch.look();
  expect((await house.told(null)).slice(2)).toEqual(["message.moved external INBOX"]);
});

test("who sends nothing gets no bounces", async () => {
  const { server, watch } = await watchedInbox(store, true);
  bounce(server, report([{ email: "bob@example.net" }]));
  await watch.look();
  expect(server.read).toEqual([]);
});

test("of very many only some are read in one look, and none is lost", async () => {
  const house = await sender(["bob@example.net"]);
  const { server, watch } = house;
  for (let n = 0; n < 130; n += 1) {
    bounce(server, report([{ email: "bob@example.net" }]));
    if (n % 10 === 0) server.add("INBOX");
  }
  await watch.lookAndDie("after");
  expect([server.read.length, (await dataOf(house)).length]).toEqual([20, 20]);
  await watch.look();
  expect(server.read).toHaveLength(130);
  expect(new Set((await dataOf(house)).map(({ id }) => id)).size).toBe(130);
  expect((await house.told(null)).filter((line) => line.startsWith("message.created"))).toHaveLength(143);
});

test("of a huge one only the beginning is read", async () => {
  const house = await sender(["bob@example.net"]);
  bounce(house.server, report([{ email: "bob@example.net" }]) + "x".repeat(3_000_000));
  await house.watch.look();
  expect(await dataOf(house)).toHaveLength(1);
  expect(house.server.octetsRead).toBe(256 * 1024);
});

test("a line that ends with the message is not asked for the next: that waits for another look", async () => {
  const house = await sender(["bob@example.net"]);
  const { server, watch } = house;
  const keys = [1, 2, 3].map(() => bounce(server, report([{ email: "bob@example.net" }])));
  server.diesAfterRead = true;
  for (const n of [1, 2, 3]) {
    await watch.lookAndDie("after");
    expect([server.read, (await dataOf(house)).length]).toEqual([keys.slice(0, n), n]);
    server.isDead = false;
  }
});

test("one that can't be read is told as any message, and stops nothing", async () => {
  const house = await sender(["bob@example.net"]);
  const { server, watch } = house;
  const broken = bounce(server, "");
  server.raws.set(broken, undefined as unknown as string);
  bounce(server, report([{ email: "bob@example.net" }]));
  await watch.look();
  expect((await house.told(null)).map((line) => line.split(" ")[0])).toEqual([
    "message.created",
    "message.created",
    "message.bounced",
  ]);
});

test("where the line is lost over one, it is read once more, and then told all the same", async () => {
  const house = await sender(["bob@example.net"]);
  const { server, watch } = house;
  const all = [report([{ email: "bob@example.net" }]), null, report([{ email: "bob@example.net" }])];
  const keys = all.map((raw) => bounce(server, raw));
  const created = async (): Promise<number> =>
    (await watch.events()).filter(({ type }) => type === "message.created").length;
  await watch.lookAndDie("after");
  expect([server.read, await created(), (await dataOf(house)).length]).toEqual([keys.slice(0, 2), 1, 1]);
  server.isDead = false;
  await watch.lookAndDie("after");
  expect([server.read.slice(2), await created(), (await dataOf(house)).length]).toEqual([[keys[1]], 2, 1]);
  server.isDead = false;
  await watch.look();
  expect([server.read.slice(3), await created(), (await dataOf(house)).length]).toEqual([[keys[2]], 3, 2]);
});
