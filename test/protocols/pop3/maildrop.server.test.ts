import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { timestampOrNull } from "../../../src/mail/time.ts";
import { decodeBodies } from "../../../src/mime/decode-body.ts";
import { decodeTransfer } from "../../../src/mime/decode-transfer.ts";
import { parseHeaders, references } from "../../../src/mime/headers.ts";
import { attachments, findPart } from "../../../src/mime/walk.ts";
import { systemClock } from "../../../src/observe.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { openPop3 } from "../../../src/protocols/pop3/open-pop3.ts";
import { searchFor } from "../mailbox-bench.ts";
import { corpus } from "../../corpus/all.ts";
import type { Facts, FileFacts } from "../../corpus/corpus.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { deliver, fillMaildir } from "../../servers/maildir.ts";
import type { User } from "../../servers/mailboxes.ts";
import { provision } from "../../servers/provision.ts";
import { attachmentOf, collect, failureOf } from "../failure-of.ts";
import { type KeptInMemory, keptInMemory } from "./kept-maildrop.ts";
import { page, placeOf, textsOf } from "./maildrop-bench.ts";
import { target } from "./scripted-pop3.ts";

let dovecot: Dovecot;
const mailboxes: Mailbox<MaildropPlace>[] = [];
const quiet = { write() {} };

beforeAll(async () => {
  await provision(["dovecot"]);
  dovecot = await startDovecot();
});
afterEach(() => Promise.all(mailboxes.splice(0).map((mailbox) => mailbox.close())));
afterAll(() => dovecot?.stop());

function login(user: User, security: "tls" | "starttls" = "tls") {
  const port = security === "tls" ? dovecot.ports.pop3s : dovecot.ports.pop3;
  return target(port, { ...user, security, tls: { ca: dovecot.ca, servername: null } });
}

async function open(user: User, kept: KeptInMemory, security?: "tls" | "starttls"): Promise<Mailbox<MaildropPlace>> {
  const mailbox = await openMaildrop({ ...login(user, security), kept, log: quiet });
  mailboxes.push(mailbox);
  return mailbox;
}

const crlf = (raw: Buffer): Buffer => Buffer.from(raw.toString("latin1").replace(/\r?\n/g, "\r\n"), "latin1");
const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");

describe("the corpus of awkward messages, byte for byte and read whole", () => {
  const user = { username: "", password: "" };
  const kept = keptInMemory();
  const places = new Map<string, MaildropPlace>();

  beforeAll(async () => {
    Object.assign(user, dovecot.user());
    fillMaildir(dovecot.maildir(user), 0);
    const folder = `${dovecot.maildir(user)}/new`;
    for (const [index, { raw }] of corpus.entries())
      writeFileSync(`${folder}/1700000000.${10_000 + index}.corpus`, raw);
    const mailbox = await open(user, kept);
    const { messages } = await mailbox.list("INBOX", { limit: 1_000, after: null });
    for (const { place } of messages) {
      places.set(sha256(await collect((await mailbox.openRaw(place)).stream)), place);
    }
    await mailbox.close();
  }, 60_000);

  async function factsOf(mailbox: Mailbox<MaildropPlace>, place: MaildropPlace): Promise<Facts> {
    const { summary, header, bodies } = await mailbox.get(place, { headers: true, bodies: true });
    const { envelope, structure, warnings } = summary;
    if (!structure || !header || !bodies) throw new Error("not all of it was told");
    const content = await decodeBodies(bodies);
    const files: FileFacts[] = [];
    for (const { id, filename, contentType, inline, size, encodedSize } of attachments(structure)) {
      const part = findPart(structure, id.slice(4));
      expect((await collect(await attachmentOf(mailbox, place, id.slice(4)))).length).toBe(encodedSize);
      const octets = await collect(
        decodeTransfer(part?.encoding ?? "", await attachmentOf(mailbox, place, id.slice(4))),
      );
      expect([null, octets.length]).toContain(size ?? null);
      files.push({ filename, contentType, sha256: sha256(octets), octets: octets.length, inline });
    }
    return {
      ...envelope,
      date: timestampOrNull(envelope.date),
      references: references(parseHeaders(header)),
      text: content.text,
      html: content.html,
      files,
      warnings: [...new Set([...warnings, ...content.warnings])].toSorted(),
    };
  }

  test("is listed whole", () => {
    const missing = corpus.filter(({ raw }) => !places.has(sha256(crlf(raw))));
    expect(missing.map(({ name }) => name)).toEqual([]);
    expect(places.size).toBe(corpus.length);
  });

  test("says what it says by any reader, and the same in a listing", async () => {
    const mailbox = await open(user, kept);
    const listed = (await mailbox.list("INBOX", { limit: 1_000, after: null })).messages;
    for (const { name, raw, facts } of corpus) {
      const place = places.get(sha256(crlf(raw))) ?? placeOf("");
      const found = await factsOf(mailbox, place);
      const summary = listed.find((message) => message.place.key.value === place.key.value);
      // What a listing cuts, who gets the message reads once more from its header.
      const isCut = summary?.warnings.includes("header-truncated") === true;
      const { cc, warnings, ...others } = facts;
      expect([name, found]).toMatchObject([name, isCut ? others : facts]);
      expect([name, found.warnings]).toEqual([name, isCut ? [...warnings, "header-truncated"] : warnings]);
      expect([name, cc.slice(0, found.cc.length)]).toEqual([name, found.cc]);
      const { structure: _, ...read } = (await mailbox.get(place, { structure: true })).summary;
      const { structure: __, ...told } = summary ?? { structure: null };
      expect([name, told]).toEqual([name, read]);
    }
  }, 60_000);
});

describe.for(["tls", "starttls"] as const)("a maildrop over %s", (security) => {
  test("is listed, read, flagged and cleared, each at a login of its own", async () => {
    const user = dovecot.user();
    const kept = keptInMemory();
    fillMaildir(dovecot.maildir(user), 30);
    const first = await open(user, kept, security);
    const { messages, next } = await first.list("INBOX", { limit: 20, after: null });
    await first.close();
    const second = await open(user, kept, security);
    const rest = await second.list("INBOX", { limit: 20, after: next });
    expect(new Set([...textsOf({ messages }), ...textsOf(rest)]).size).toBe(30);
    expect(messages.every(({ receivedAt }) => receivedAt !== null)).toBe(true);
    const [one, two] = messages.map(({ place }) => place);
    if (!one || !two) throw new Error("too few messages");
    const change = { flags: { seen: true }, keywords: { add: ["$Work"], remove: [] } };
    await second.setFlags([one, two], change);
    expect(await second.remove([two])).toEqual({ missing: [] });
    const third = await open(user, kept, security);
    expect(await third.status("INBOX")).toMatchObject({ messages: 29, unseen: 28 });
    expect((await third.get(one, { bodies: true })).summary).toMatchObject({
      flags: { seen: true },
      keywords: ["$Work"],
    });
    expect((await failureOf(third.get(two, {}))).code).toBe("message-gone");
    expect(textsOf(await third.search("INBOX", page, searchFor({ unseen: false })))).toEqual(
      textsOf({ messages: messages.slice(0, 1) }),
    );
  });
});

test("new mail is seen at the next login, and costs one header", async () => {
  const user = dovecot.user();
  const kept = keptInMemory();
  deliver(dovecot.maildir(user), "Subject: one\n\none\n");
  const mailbox = await open(user, kept);
  expect((await mailbox.list("INBOX", page)).messages).toHaveLength(1);
  deliver(dovecot.maildir(user), "Subject: two\n\ntwo\n");
  expect((await mailbox.list("INBOX", page)).messages).toHaveLength(1);
  await mailbox.close();
  const [newest] = (await (await open(user, kept)).list("INBOX", page)).messages;
  expect(newest?.envelope.subject).toBe("two");
  expect(kept.put).toHaveLength(2);
});

test("a large part comes in constant memory, and leaving it frees the session", async () => {
  const line = `${"QUJD".repeat(18)}\n`;
  const file = line.repeat((50 * 1024 * 1024) / line.length);
  const part = "Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n";
  const user = dovecot.user();
  deliver(
    dovecot.maildir(user),
    `Subject: big\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\ntext\n--x\n${part}\n${file}\n--x--\n`,
  );
  const mailbox = await open(user, keptInMemory());
  const [message] = (await mailbox.list("INBOX", page)).messages;
  const place = message?.place ?? placeOf("");
  for await (const _ of await attachmentOf(mailbox, place, "2"));
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = 0;
  const digest = createHash("sha256");
  for await (const chunk of await attachmentOf(mailbox, place, "2")) {
    digest.update(chunk);
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  const { summary, bodies } = await mailbox.get(place, { bodies: true });
  peak = Math.max(peak, process.memoryUsage().rss);
  console.log(`50 MB part: RSS +${((peak - before) / 1024 / 1024).toFixed(1)} MiB`);
  expect(peak - before).toBeLessThan(64 * 1024 * 1024);
  expect(digest.digest("hex")).toBe(sha256(Buffer.from(file.replaceAll("\n", "\r\n"), "latin1")));
  expect(bodies?.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["text"]);
  expect(summary.structure?.children.at(-1)?.encodedSize).toBe(file.length + file.length / line.length);
  for await (const chunk of await attachmentOf(mailbox, place, "2", { start: 10, end: 20_000_000 })) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  // The rest is more than is read off: the line was dropped instead.
  await mailbox.unfinished;
  expect(mailbox.dead).toBe(true);
}, 60_000);

test("the second listing of 50 of 10,000 takes little more than a login and UIDL", async () => {
  const user = dovecot.user();
  const kept = keptInMemory();
  fillMaildir(dovecot.maildir(user), 10_000);
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
  const list = async (): Promise<void> => {
    const mailbox = await openMaildrop({ ...login(user), kept, log: quiet });
    expect((await mailbox.list("INBOX", page)).messages).toHaveLength(50);
    await mailbox.close();
  };
  const raw = async (): Promise<void> => {
    const session = await openPop3({ ...login(user), clock: systemClock });
    expect((await session.uidl())?.size).toBe(10_000);
    await session.close();
  };
  await list();
  const rounds: (readonly [number, number])[] = [];
  for (let round = 0; round < 5; round++) rounds.push([await timed(raw), await timed(list)] as const);
  const best = (index: 0 | 1): number => Math.min(...rounds.map((round) => round[index]));
  console.log(`login and UIDL ${best(0).toFixed(1)} ms, second listing ${best(1).toFixed(1)} ms`);
  expect(best(1)).toBeLessThan(2 * best(0));
}, 60_000);
