import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { deliver, fillMaildir } from "../../servers/maildir.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { makeCertificates, type CertificateAuthority } from "../../servers/ca.ts";
import { type ExtensionName, startImapWithout } from "../../servers/imap-without.ts";
import type { User } from "../../servers/mailboxes.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { startProxy } from "../../servers/proxy.ts";
import type { ByteRange, Listing, Mailbox, Page } from "../../../src/mail/mailbox.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { collect, failureOf, openOn, target } from "./session-on-dovecot.ts";

let dovecot: Dovecot;
let certificates: CertificateAuthority;
let scratch: string;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  scratch = makeScratch();
  certificates = await makeCertificates(`${scratch}/certificates`);
  dovecot = await startDovecot({ certificates });
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(async () => {
  await dovecot.stop();
  removeScratch(scratch);
});

async function open(user: User, port?: number): Promise<Mailbox> {
  const mailbox = await openOn(dovecot, user, port);
  cleanUps.push(() => mailbox.close());
  return mailbox;
}

/** A session on a user whose inbox holds made-up messages. */
async function openFilled(count: number): Promise<{ user: User; mailbox: Mailbox }> {
  const user = dovecot.user();
  await (await open(user)).close();
  fillMaildir(dovecot.maildir(user), count);
  return { user, mailbox: await open(user) };
}

/** The same Dovecot without some extensions: their commands are refused, too. */
async function without(...lacking: ExtensionName[]): Promise<number> {
  const front = await startImapWithout(lacking, { host: dovecot.host, port: dovecot.ports.imap }, certificates.valid);
  cleanUps.push(() => front.stop());
  return front.port;
}

const none = { add: [], remove: [] };
const page: Page = { limit: 50, after: null };
const uids = ({ messages }: Listing): number[] => messages.map(({ place }) => place.uid);
const newest = async (mailbox: Mailbox, path = "INBOX"): Promise<Listing["messages"][number]> => {
  const [message] = (await mailbox.list(path, { limit: 1, after: null }, {})).messages;
  if (!message) throw new Error("the folder is empty");
  return message;
};

test("logs in over STARTTLS, and without TLS where told to", async () => {
  for (const security of ["starttls", "none"] as const) {
    const mailbox = await openImap(target(dovecot.user(), dovecot.ports.imap, { ca: dovecot.ca, security }));
    expect((await mailbox.status("INBOX")).messages).toBe(0);
    await mailbox.close();
  }
});

test("refuses certificates that don't verify, on TLS and STARTTLS", async () => {
  const ports = { tls: dovecot.ports.imaps, starttls: dovecot.ports.imap };
  for (const security of ["tls", "starttls"] as const) {
    const wrongName = target(dovecot.user(), ports[security], {
      ca: dovecot.ca,
      security,
      servername: "mail.elsewhere.test",
    });
    expect((await failureOf(openImap(wrongName))).code).toBe("tls-verification-failed");
    const unknown = target(dovecot.user(), ports[security], { security });
    expect((await failureOf(openImap(unknown))).code).toBe("tls-verification-failed");
  }
});

test("tells a wrong password from an unreachable server", async () => {
  const user = { ...dovecot.user(), password: "not-it" };
  const failure = await failureOf(openOn(dovecot, user));
  expect(failure.code).toBe("account-authentication-failed");
  expect(JSON.stringify(failure)).not.toContain("not-it");
});

test("lists every message once, newest first, page by page", async () => {
  const { mailbox } = await openFilled(130);
  const seen: number[] = [];
  let after: Page["after"] = null;
  do {
    const listing: Listing = await mailbox.list("INBOX", { limit: 50, after }, {});
    seen.push(...uids(listing));
    after = listing.next;
  } while (after);
  expect(seen).toEqual(Array.from({ length: 130 }, (_, index) => 130 - index));
});

test("tells what a message is", async () => {
  const { mailbox, user } = await openFilled(0);
  deliver(
    dovecot.maildir(user),
    'From: =?utf-8?Q?J=C3=BCrgen?= <j@a.test>\nTo: "O\'Neil, B" <b@a.test>, group:;\nSubject: =?utf-8?Q?gr=C3=B6=C3=9Fer?=\nDate: nonsense\nMessage-ID: <1@a.test>\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhi\n--x\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/alternative; boundary=y\n\n--y\n\nin\n--y--\n--x\nContent-Type: message/rfc822\n\nSubject: plain\n\nin\n--x--\n',
  );
  const message = await newest(mailbox);
  expect(message.envelope).toEqual({
    messageId: "<1@a.test>",
    inReplyTo: null,
    subject: "größer",
    from: { name: "Jürgen", email: "j@a.test" },
    sender: { name: "Jürgen", email: "j@a.test" },
    replyTo: [{ name: "Jürgen", email: "j@a.test" }],
    to: [{ name: "O'Neil, B", email: "b@a.test" }],
    cc: [],
    bcc: [],
    date: null,
  });
  expect(message.warnings).toEqual(["date-unparseable"]);
  expect(message.key?.kind).toBe("guid");
  const sections = message.structure?.children.map((part) => [
    part.section,
    part.children.map((child) => [child.section, child.children.map(({ section }) => section)]),
  ]);
  expect(sections).toEqual([
    ["1", []],
    ["2", [["2", ["2.1"]]]],
    ["3", [["3.1", []]]],
  ]);
  expect((await collect(await mailbox.openPart(message.place, "2.1"))).toString()).toBe("in");
  expect((await collect(await mailbox.openPart(message.place, "3.1"))).toString()).toBe("in");
  expect((await failureOf(mailbox.openPart(message.place, "4"))).code).toBe("not-found");
});

test("a warm session sees new mail in its next listing and in get", async () => {
  const { mailbox, user } = await openFilled(3);
  const other = await open(user);
  await mailbox.list("INBOX", page, {});
  deliver(dovecot.maildir(user), "Subject: new\n\nnew\n");
  const message = await newest(other);
  expect(message.place.uid).toBe(4);
  expect((await mailbox.get(message.place, {})).summary.envelope.subject).toBe("new");
  deliver(dovecot.maildir(user), "Subject: newer\n\nnewer\n");
  expect((await newest(mailbox)).envelope.subject).toBe("newer");
});

test("filters exactly, across pages and character sets", async () => {
  const { mailbox } = await openFilled(300);
  const all = (await mailbox.list("INBOX", { limit: 300, after: null }, {})).messages;
  const walk = async (filter: Parameters<Mailbox["list"]>[2]): Promise<number[]> => {
    const found: number[] = [];
    let after: Page["after"] = null;
    do {
      const listing: Listing = await mailbox.list("INBOX", { limit: 7, after }, filter);
      found.push(...uids(listing));
      after = listing.next;
    } while (after);
    return found;
  };
  const expected = (passes: (message: (typeof all)[number]) => boolean): number[] =>
    all.filter(passes).map(({ place }) => place.uid);
  const since = all[150]?.receivedAt ?? 0;
  const before = all[20]?.receivedAt ?? 0;
  expect(await walk({ since, before })).toEqual(
    expected(({ receivedAt }) => receivedAt !== null && receivedAt >= since && receivedAt < before),
  );
  expect(await walk({ since: since + 1 })).toEqual(expected(({ receivedAt }) => (receivedAt ?? 0) > since));
  expect(await walk({ unseen: true })).toEqual(expected(({ flags }) => !flags.seen));
  expect(await walk({ unseen: false, flagged: true })).toEqual(expected(({ flags }) => flags.seen && flags.flagged));
  expect(await walk({ subject: "größer" })).toEqual(expected(({ envelope }) => envelope.subject.includes("größer")));
  expect(await walk({ from: "grace@navy.test" })).toEqual(
    expected(({ envelope }) => envelope.from?.email === "grace@navy.test"),
  );
  expect(await walk({ from: 'nobody"\\' })).toEqual([]);
});

test("gets a message's header and text parts without marking it seen", async () => {
  const { mailbox } = await openFilled(30);
  const { messages } = await mailbox.list("INBOX", page, { unseen: true });
  for (const { place } of messages) {
    const { summary, header, bodies } = await mailbox.get(place, { headers: true, bodies: true });
    expect(Buffer.from(header ?? []).toString()).toMatch(/^Return-Path: [\s\S]*\r\n\r\n$/);
    expect(bodies?.length).toBeGreaterThan(0);
    for (const { part, bytes, truncated } of bodies ?? []) {
      expect([bytes.length, truncated]).toEqual([part.encodedSize, false]);
    }
    const raw = await mailbox.openRaw(place);
    expect(await collect(raw.stream)).toHaveLength(summary.size);
    expect((await mailbox.get(place, {})).summary.flags.seen).toBe(false);
  }
  const gone = { ...(messages[0]?.place ?? { path: "INBOX", uidValidity: 0, uid: 0 }), uid: 4_000_000 };
  expect((await failureOf(mailbox.get(gone, {}))).code).toBe("message-gone");
});

test("cuts a text part that is longer than it downloads, and says so", async () => {
  const { mailbox, user } = await openFilled(0);
  deliver(dovecot.maildir(user), `Subject: long\nContent-Type: text/plain\n\n${"0123456789abcde\n".repeat(400_000)}`);
  const { bodies } = await mailbox.get((await newest(mailbox)).place, { bodies: true });
  expect(bodies?.map(({ bytes, truncated }) => [bytes.length, truncated])).toEqual([[4 * 1024 * 1024, true]]);
});

test("streams byte-exact, whole and in ranges, across chunk borders", async () => {
  const { mailbox, user } = await openFilled(0);
  const lines = Array.from({ length: 60_000 }, (_, index) => `line ${index} ${"x".repeat(index % 60)}`);
  deliver(dovecot.maildir(user), `Subject: big\n\n${lines.join("\n")}\n`);
  const { place, size } = await newest(mailbox);
  const whole = await mailbox.openRaw(place);
  const raw = await collect(whole.stream);
  expect(whole.size).toBe(size);
  expect(raw.toString()).toBe(`Subject: big\r\n\r\n${lines.join("\r\n")}\r\n`);
  const ranges: ByteRange[] = [
    { start: 0, end: 0 },
    { start: 262_143, end: 262_144 },
    { start: 1000, end: 1_500_000 },
    { start: size - 1, end: size - 1 },
    { start: size - 10, end: size + 100 },
  ];
  for (const range of ranges) {
    const part = await mailbox.openRaw(place, range);
    expect(await collect(part.stream)).toEqual(raw.subarray(range.start, range.end + 1));
  }
  expect((await failureOf(mailbox.openRaw(place, { start: size, end: size }))).code).toBe("range-not-satisfiable");
  expect(mailbox.dead).toBe(false);
});

test("aborts a download whose connection breaks", async () => {
  const user = dovecot.user();
  await (await open(user)).close();
  deliver(dovecot.maildir(user), `Subject: big\n\n${"0123456789abcde\n".repeat(300_000)}`);
  const proxy = await startProxy({
    port: dovecot.ports.imaps,
    faults: () => ({ cutAfter: { direction: "toClient", bytes: 2_000_000, how: "reset" } }),
  });
  cleanUps.push(() => proxy.stop());
  const mailbox = await open(user, proxy.port);
  const { stream } = await mailbox.openRaw((await newest(mailbox)).place);
  expect((await failureOf(collect(stream))).code).toBe("upstream-unreachable");
  expect(mailbox.dead).toBe(true);
});

test("sets and clears flags and keywords, and tells which places are missing", async () => {
  const { mailbox } = await openFilled(5);
  const { place } = await newest(mailbox);
  const absent = { ...place, uid: 999 };
  const elsewhere = { ...place, uidValidity: 1 };
  const set = { flags: { seen: true, flagged: true }, keywords: { add: ["$Work", "later"], remove: [] } };
  expect(await mailbox.setFlags([place, absent, elsewhere], set)).toEqual({ missing: [absent, elsewhere] });
  expect((await newest(mailbox)).flags).toMatchObject({ seen: true, flagged: true });
  expect((await newest(mailbox)).keywords.sort()).toEqual(["$Work", "later"]);
  await mailbox.setFlags([place], { flags: { flagged: false }, keywords: { add: [], remove: ["$Work"] } });
  expect(await newest(mailbox)).toMatchObject({ flags: { seen: true, flagged: false }, keywords: ["later"] });
  await mailbox.setFlags([place], { flags: { seen: true }, keywords: none });
});

const servers: [string, ExtensionName[]][] = [
  ["as it is", []],
  ["without MOVE", ["MOVE"]],
  ["without UIDPLUS", ["UIDPLUS"]],
  ["without MOVE and UIDPLUS", ["MOVE", "UIDPLUS"]],
];
for (const [name, lacking] of servers) {
  test(`moves, and removes exactly what it is told to, on a server ${name}`, async () => {
    const { user } = await openFilled(6);
    const mailbox = await open(user, await without(...lacking));
    const all = (await mailbox.list("INBOX", page, {})).messages;
    const [six, five, four, three] = all.map(({ place }) => place);
    if (!six || !five || !four || !three) throw new Error("too few messages");
    // Another client has marked one of the others.
    const client = await markDeleted(user, three.uid);
    const { uidNext } = await mailbox.status("Archive");
    const absent = { ...six, uid: 999 };
    const { moved, missing } = await mailbox.move([six, five, absent], "Archive", uidNext);
    expect(missing).toEqual([absent]);
    const archived = (await mailbox.list("Archive", page, {})).messages;
    const ids = (messages: Listing["messages"]): Set<string | null> =>
      new Set(messages.map(({ envelope }) => envelope.messageId));
    expect(archived).toHaveLength(2);
    expect(ids(archived)).toEqual(ids(all.slice(0, 2)));
    for (const { from, to } of moved) {
      const original = all.find(({ place }) => place.uid === from.uid);
      const copy = archived.find(({ place }) => place.uid === to?.uid);
      expect(copy?.envelope.messageId).toBe(original?.envelope.messageId);
      expect(copy?.key).toEqual(original?.key);
      expect(to?.uidValidity).toBe(copy?.place.uidValidity);
    }
    expect(await mailbox.remove([four, absent])).toEqual({ missing: [absent] });
    expect(uids(await mailbox.list("INBOX", page, {}))).toEqual([3, 2, 1]);
    expect(await deletedFlags(client)).toEqual([3]);
    await client.logout();
  });
}

async function markDeleted(user: User, uid: number) {
  const { ImapFlow } = await import("imapflow");
  const auth = { user: user.username, pass: user.password };
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: dovecot.ports.imap,
    secure: false,
    doSTARTTLS: false,
    auth,
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
  await client.messageFlagsAdd({ uid: String(uid) }, ["\\Deleted"], { uid: true });
  return client;
}

async function deletedFlags(client: Awaited<ReturnType<typeof markDeleted>>): Promise<number[]> {
  await client.noop();
  return (await client.search({ deleted: true }, { uid: true })) || [];
}

test("copies that can't be told apart have no known place", async () => {
  const user = dovecot.user();
  await (await open(user)).close();
  // Two of three are in the same second.
  const twin = "Message-ID: <twin@a.test>\nSubject: twin\n\ntwin\n";
  for (const _ of [1, 2, 3]) deliver(dovecot.maildir(user), twin);
  const mailbox = await open(user, await without("MOVE", "UIDPLUS"));
  const places = (await mailbox.list("INBOX", page, {})).messages.map(({ place }) => place);
  const { uidNext } = await mailbox.status("Archive");
  const { moved } = await mailbox.move(places, "Archive", uidNext);
  expect(moved.filter(({ to }) => to === null).length).toBeGreaterThanOrEqual(2);
  expect(await mailbox.status("INBOX")).toMatchObject({ messages: 0 });
});

test("moving to a folder that is not there is not-found and moves nothing", async () => {
  const { mailbox } = await openFilled(2);
  const { place } = await newest(mailbox);
  expect((await failureOf(mailbox.move([place], "Nowhere", 1))).code).toBe("not-found");
  expect((await failureOf(mailbox.list("Nowhere", page, {}))).code).toBe("not-found");
  expect((await failureOf(mailbox.status("Nowhere"))).code).toBe("not-found");
  expect(uids(await mailbox.list("INBOX", page, {}))).toEqual([2, 1]);
});

test("finds a message by its permanent key after somebody moved it", async () => {
  const { mailbox } = await openFilled(3);
  const { place, key } = await newest(mailbox);
  if (!key) throw new Error("no key");
  expect(await mailbox.locate("INBOX", key)).toEqual([place]);
  const { moved } = await mailbox.move([place], "Archive", null);
  expect(await mailbox.locate("INBOX", key)).toEqual([]);
  expect(await mailbox.locate("Archive", key)).toEqual([moved[0]?.to]);
});

test("has no keys on a server that does not know X-GUID", async () => {
  const { user } = await openFilled(3);
  const mailbox = await open(user, await without("X-GUID"));
  const { place, key } = await newest(mailbox);
  expect(key).toBeNull();
  expect((await mailbox.get(place, { headers: true })).summary.key).toBeNull();
});

test("lists folders with roles and counts, in one round trip or with a STATUS each", async () => {
  const { user } = await openFilled(4);
  fillMaildir(dovecot.maildir(user, "Kunden/Gr&APYA3w-e"), 2);
  const mailbox = await open(user);
  const full = await mailbox.folders();
  const plain = await (await open(user, await without("LIST-EXTENDED", "LIST-STATUS"))).folders();
  expect(plain.map(({ path }) => path).sort()).toEqual(full.map(({ path }) => path).sort());
  for (const folders of [full, plain]) {
    const byPath = new Map(folders.map((folder) => [folder.path, folder]));
    expect(byPath.get("INBOX")).toMatchObject({ role: "inbox", status: { messages: 4, uidNext: 5 } });
    expect(byPath.get("Trash")).toMatchObject({ role: "trash", parentPath: null });
    expect(byPath.get("Kunden")?.selectable).toBe(false);
    expect(byPath.get("Kunden/Gr&APYA3w-e")).toMatchObject({
      name: "Größe",
      parentPath: "Kunden",
      status: { messages: 2 },
    });
  }
  expect((await mailbox.list("Kunden/Gr&APYA3w-e", page, {})).messages).toHaveLength(2);
});

test("a removed and made again folder has other places", async () => {
  const { mailbox } = await openFilled(1);
  const { place } = await newest(mailbox);
  expect((await failureOf(mailbox.get({ ...place, uidValidity: place.uidValidity + 1 }, {}))).code).toBe(
    "message-gone",
  );
});

test("concurrent calls are answered one after the other", async () => {
  const { mailbox } = await openFilled(20);
  const [listing, status, folders, again] = await Promise.all([
    mailbox.list("INBOX", page, {}),
    mailbox.status("Archive"),
    mailbox.folders(),
    mailbox.list("Archive", page, {}),
  ]);
  expect([listing.messages.length, status.messages, folders.length, again.messages.length]).toEqual([20, 0, 6, 0]);
});

test("a server that goes away ends the session", async () => {
  const user = dovecot.user();
  const proxy = await startProxy({ port: dovecot.ports.imaps });
  cleanUps.push(() => proxy.stop());
  const mailbox = await open(user, proxy.port);
  proxy.connections[0]?.reset();
  await expect.poll(() => mailbox.dead).toBe(true);
  expect((await failureOf(mailbox.status("INBOX"))).code).toBe("upstream-unreachable");
});

test("loses no message from a listing while another session removes others", async () => {
  const { user, mailbox } = await openFilled(300);
  const remover = await open(user);
  const { uidValidity } = await remover.status("INBOX");
  const doomed = Array.from({ length: 100 }, (_, index) => ({ path: "INBOX", uidValidity, uid: 3 * index + 1 }));
  const removing = (async () => {
    for (let start = 0; start < doomed.length; start += 4) await remover.remove(doomed.slice(start, start + 4));
  })();
  const isDoomed = new Set(doomed.map(({ uid }) => uid));
  for (let round = 0; round < 8; round++) {
    const seen: number[] = [];
    let after: Page["after"] = null;
    do {
      const listing: Listing = await mailbox.list("INBOX", { limit: 10, after }, round % 2 ? { from: "@" } : {});
      seen.push(...uids(listing));
      after = listing.next;
    } while (after);
    expect(seen.filter((uid) => !isDoomed.has(uid))).toHaveLength(200);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
  }
  await removing;
});

test("works below a prefix, with roles by name where the server says none", async () => {
  const other = await startDovecot({ certificates, separator: ".", specialUse: false });
  cleanUps.push(() => other.stop());
  const mailbox = await openOn(other, other.user());
  cleanUps.push(() => mailbox.close());
  const folders = await mailbox.folders();
  const roles = folders.map(({ path, parentPath, role }) => `${path} ${parentPath} ${role}`);
  expect(roles).toContain("INBOX null inbox");
  for (const [name, role] of [
    ["Trash", "trash"],
    ["Sent", "sent"],
    ["Drafts", "drafts"],
    ["Junk", "junk"],
    ["Archive", "archive"],
  ]) {
    expect(roles).toContain(`INBOX.${name} INBOX ${role}`);
  }
});
