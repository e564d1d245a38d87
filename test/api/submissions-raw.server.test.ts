import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Api, startApi } from "./start.ts";
import { arrivedIn, correspondents, messagesOf, type Problem, rawOf, type Submission } from "./submissions.ts";

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

type Posted<T> = { status: number; replayed: boolean; body: T };

async function sendRaw<T = Submission>(
  path: string,
  raw: string | Buffer | ReadableStream<Uint8Array>,
  { query = "", key, type = "message/rfc822" }: { query?: string; key?: string; type?: string } = {},
): Promise<Posted<T>> {
  const response = await fetch(`${api.url}${path}/submissions/raw${query}`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${api.keys.appKey}`,
      "Content-Type": type,
      "Idempotency-Key": key ?? randomUUID(),
      Prefer: "wait=20",
    },
    body: raw,
    ...(raw instanceof ReadableStream && { duplex: "half" }),
  });
  const replayed = response.headers.get("idempotency-replayed") === "true";
  return { status: response.status, replayed, body: (await response.json()) as T };
}

/** The body that arrived, without what a last line end adds. */
const bodyOf = (raw: Buffer): Buffer => raw.subarray(raw.indexOf("\r\n\r\n") + 4);

test("a raw message goes out as it is, but for Bcc, bare line feeds and what is missing", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack);
  const hidden = stack.dovecot.user();
  const body = "Gr\u00fc\u00dfe\n.\n..\n.dot\r\n\r\n.\r\nFrom me\nlast";
  const raw = Buffer.concat([
    Buffer.from(
      `From: Ann <${sender.username}>\nTo: ${recipient.username}\nBcc: ${hidden.username}\nX-Kept:  as   it is\nSubject: raw\n` +
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n",
      "latin1",
    ),
    Buffer.from(body, "latin1"),
  ]);
  const { status, body: sent } = await sendRaw(from, raw);
  expect([status, sent.state, sent.subject]).toEqual([200, "sent", "raw"]);
  expect(sent.envelope.to.toSorted()).toEqual([hidden.username, recipient.username].sort());
  const arrived = await arrivedIn(api, inbox);
  const got = await rawOf(api, inbox, arrived);
  const head = got.toString("latin1").split("\r\n\r\n")[0] ?? "";
  expect(head).toContain("X-Kept:  as   it is");
  expect(head).not.toMatch(/^Bcc:/im);
  expect(head).toMatch(/^Date: .+/m);
  expect(head).toContain(`Message-ID: ${sent.messageId}`);
  expect(bodyOf(got).toString("latin1")).toBe(`${body.replaceAll(/\r?\n/g, "\r\n")}\r\n`);
});

test("what a raw message says of itself stays: its Message-ID, its date, its signature's octets", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack);
  const lines = [
    `From: ${sender.username}`,
    `To: ${recipient.username}`,
    "Subject: signed",
    "Date: Mon, 23 Nov 2026 07:00:00 +0100",
    "Message-ID: <mine.4711@postern.test>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/signed; boundary="s"; protocol="application/pgp-signature"',
    "",
    "--s",
    "Content-Type: text/plain",
    "",
    "trailing spaces   ",
    "\ttabs\t",
    "--s",
    "Content-Type: application/pgp-signature",
    "",
    "-----BEGIN PGP SIGNATURE-----",
    "--s--",
    "",
  ];
  const { body: sent } = await sendRaw(from, lines.join("\r\n"));
  expect(sent).toMatchObject({ state: "sent", messageId: "<mine.4711@postern.test>" });
  const got = await rawOf(api, inbox, await arrivedIn(api, inbox));
  expect(got.toString("latin1").endsWith(lines.slice(2).join("\r\n"))).toBe(true);
});

test("the envelope, and when it goes out, are in the query; the same key again is the same message", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack);
  const raw = `From: ${sender.username}\r\nTo: list@elsewhere.test\r\nSubject: x\r\n\r\nx\r\n`;
  const query = `?to=${encodeURIComponent(recipient.username)}&undoSeconds=1&saveToSent=never`;
  const first = await sendRaw(from, raw, { query, key: "raw-key" });
  expect(first.body).toMatchObject({ state: "sent", saveToSent: "never", envelope: { to: [recipient.username] } });
  const again = await sendRaw(from, raw, { query, key: "raw-key" });
  expect([again.status, again.replayed, again.body.id]).toEqual([200, true, first.body.id]);
  const other = await sendRaw<Problem>(from, raw.replace("Subject: x", "Subject: y"), { query, key: "raw-key" });
  expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
  expect(await messagesOf(api, inbox)).toHaveLength(1);
});

test("a long message streams through, and arrives octet for octet", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack);
  const line = `${"0123456789abcdef".repeat(4)}\r\n`;
  const chunk = Buffer.from(line.repeat(1000));
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`From: ${sender.username}\r\nTo: ${recipient.username}\r\nSubject: long\r\n\r\n`);
    for (let n = 0; n < 150; n += 1) yield chunk;
  }
  const { status, body } = await sendRaw(from, ReadableStream.from(pieces()));
  expect([status, body.state]).toEqual([200, "sent"]);
  expect(body.size).toBeGreaterThan(150 * chunk.length);
  const got = bodyOf(await rawOf(api, inbox, await arrivedIn(api, inbox)));
  expect(got.length).toBe(150 * chunk.length);
  expect(got.equals(Buffer.concat(Array.from({ length: 150 }, () => chunk)))).toBe(true);
});

test("what is no message is refused, and nothing of it is sent", async () => {
  const { from, sender, recipient } = await correspondents(api, stack);
  const head = `From: ${sender.username}\r\nTo: ${recipient.username}\r\n`;
  const before = stack.postfix.log();
  const cases: [string, string][] = [
    ["no From", `To: ${recipient.username}\r\n\r\nx`],
    ["nobody to get it", `From: ${sender.username}\r\n\r\nx`],
    ["a NUL in the header", `${head}Subject: a\0b\r\n\r\nx`],
    ["a NUL in the body", `${head}Subject: a\r\n\r\nx\0`],
    ["no header", "hello\r\n\r\nx"],
    ["a line too long", `${head}Subject: ${"x".repeat(1000)}\r\n\r\nx`],
    ["two of From", `${head}From: a@postern.test\r\n\r\nx`],
  ];
  for (const [what, raw] of cases) {
    const answer = await sendRaw<Problem>(from, raw);
    expect([what, answer.status, answer.body.code]).toEqual([what, 422, "validation-failed"]);
  }
  const nothing = await sendRaw<Problem>(from, "");
  expect([nothing.status, nothing.body.code]).toEqual([400, "bad-request"]);
  const json = await sendRaw<Problem>(from, "{}", { type: "application/json" });
  expect([json.status, json.body.code]).toEqual([415, "unsupported-media-type"]);
  const listed = await api.call<{ data: unknown[] }>("GET", `${from}/submissions`);
  expect(listed.body.data).toEqual([]);
  expect(stack.postfix.log()).toBe(before);
});
