import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDovecot } from "../servers/dovecot.ts";
import { type ExtensionName, type ImapWithout, startImapWithout } from "../servers/imap-without.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

type Stored = {
  id?: string;
  folderIds: string[];
  messageId: string | null;
  subject: string;
  receivedAt: string;
  size: number;
  flags: Record<string, boolean>;
  keywords: string[];
  attachments: { id: string }[];
  warnings: string[];
};
type Problem = { code: string; retryable: boolean; limit?: number; errors?: { pointer: string }[] };

let stack: MailStack;
let api: Api;
let poor: ImapWithout;

const lacking: ExtensionName[] = ["UIDPLUS", "X-GUID", "MOVE", "LIST-STATUS", "CONDSTORE"];

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  const { host, ports } = stack.dovecot;
  poor = await startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
});
afterAll(async () => {
  await api.stop();
  await poor.stop();
  await stack.stop();
});

const kinds = { "as it is": () => stack.dovecot.ports.imaps, "without APPENDUID": () => poor.port };

async function mailbox(kind: keyof typeof kinds = "as it is"): Promise<string> {
  return storeAccount(api, accountOn(stack, stack.dovecot.user(), { imapsPort: kinds[kind]() }));
}

async function append(
  path: string,
  query: string,
  body: Uint8Array<ArrayBuffer> | string | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${api.url}${path}/messages${query}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822", ...headers },
    body,
    ...(body instanceof ReadableStream && { duplex: "half" }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Stored & Problem };
}

async function list(path: string, query = ""): Promise<Stored[]> {
  return (await api.call<{ data: Stored[] }>("GET", `${path}/messages${query}`)).body.data;
}

async function raw(path: string, id: string | undefined): Promise<Buffer> {
  const response = await fetch(`${api.url}${path}/messages/${id}/raw`, {
    headers: { Authorization: `Bearer ${api.keys.appKey}` },
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const sha256 = (octets: Uint8Array): string => createHash("sha256").update(octets).digest("hex");

/** A message with an attachment of random octets, of about `size` octets. */
function sample(subject: string, size = 1000): Buffer<ArrayBuffer> {
  const lines =
    randomBytes(Math.floor((size * 3) / 4))
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  const message = [
    `Message-ID: <${randomBytes(8).toString("hex")}@example.org>`,
    `Subject: ${subject}`,
    "From: Ann <ann@example.org>",
    "MIME-Version: 1.0",
    'Content-Type: application/octet-stream; name="a.bin"',
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment; filename=a.bin",
    "",
    ...lines,
    "",
  ];
  return Buffer.from(message.join("\r\n"));
}

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])("on a server %s", (kind) => {
  test("a message comes back octet for octet, with its flags, keywords and time, under the id that was told", async () => {
    const path = await mailbox(kind);
    const message = sample("kept");
    const query =
      "?folder=sent&flags=seen,flagged&keywords=$Work,$Work,later&receivedAt=2020-02-03T04:05:06.789%2B01:00";
    const stored = await append(path, query, message);
    expect(stored.status).toBe(201);
    expect(stored.body).toMatchObject({
      subject: "kept",
      size: message.length,
      receivedAt: "2020-02-03T03:05:06.000Z",
      flags: { seen: true, flagged: true, answered: false, draft: false },
      attachments: [{ id: "att_1" }],
      warnings: [],
    });
    expect(stored.body.keywords.sort()).toEqual(["$Work", "later"]);
    expect(stored.headers.get("location")).toBe(`${path}/messages/${stored.body.id}`);
    expect(await list(path, "?folder=sent")).toEqual([stored.body]);
    expect(await list(path)).toEqual([]);
    expect(sha256(await raw(path, stored.body.id))).toBe(sha256(message));
  });

  test("ten at once, equal but for their Message-ID, each get their own id", async () => {
    const path = await mailbox(kind);
    const messages = Array.from({ length: 10 }, (_, at) => sample(`number ${at}`, 500));
    const stored = await Promise.all(messages.map((message) => append(path, "", message)));
    expect(new Set(stored.map(({ body }) => body.id)).size).toBe(10);
    for (const [at, { body }] of stored.entries())
      expect(sha256(await raw(path, body.id))).toBe(sha256(messages[at] ?? Buffer.of()));
    expect(await list(path)).toHaveLength(10);
  });

  test("the same message twice is there twice", async () => {
    const path = await mailbox(kind);
    const message = sample("twice");
    const stored = [await append(path, "", message), await append(path, "", message)];
    expect(stored.map(({ status }) => status)).toEqual([201, 201]);
    const listed = (await list(path)).map(({ id }) => id);
    expect(new Set([...listed, ...stored.map(({ body }) => body.id)]).size).toBe(2);
  });
});

test("line ends become CRLF, and nothing else changes", async () => {
  const path = await mailbox();
  const odd = Buffer.from("Subject: odd\nX-Raw: \xff\xfe\r\n\r\na\nb\r\n\n.\r\n..c \t\n\x01\x7f\x80", "latin1");
  const stored = await append(path, "", odd);
  expect(stored.status).toBe(201);
  const expected = odd.toString("latin1").replaceAll(/\r?\n/g, "\r\n");
  expect((await raw(path, stored.body.id)).toString("latin1")).toBe(expected);
});

test("what has no header, no line end or only one letter is a message too", async () => {
  const path = await mailbox();
  for (const text of ["x", "\r\n", "no header at all", "Subject: no body"]) {
    const stored = await append(path, "", text);
    expect([text, stored.status]).toEqual([text, 201]);
    expect((await raw(path, stored.body.id)).toString()).toBe(text);
  }
});

test("32 MiB are stored, in one piece or in chunks, and one octet more is refused", async () => {
  const path = await mailbox();
  const big = Buffer.alloc(
    32 * 1024 * 1024,
    "Subject: big\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef\r\n",
  );
  const whole = await append(path, "", big);
  expect([whole.status, whole.body.size]).toEqual([201, big.length]);
  expect(sha256(await raw(path, whole.body.id))).toBe(sha256(big));
  const chunked = await append(path, "", new Blob([big]).stream());
  expect([chunked.status, chunked.body.size]).toEqual([201, big.length]);

  const over = Buffer.concat([big, Buffer.from("x")]);
  for (const body of [over, new Blob([over]).stream()]) {
    const refused = await append(path, "", body);
    expect([refused.status, refused.body.code, refused.body.limit]).toEqual([413, "body-too-large", big.length]);
  }
  expect(await list(path)).toHaveLength(2);
}, 60_000);

test("bad input is refused by name, and nothing is stored", async () => {
  const path = await mailbox();
  const message = "Subject: x\r\n\r\nx\r\n";
  const cases: [string, string, Record<string, string>, number, string, string?][] = [
    ["", "", {}, 400, "bad-request"],
    ["", message, { "Content-Type": "text/plain" }, 415, "unsupported-media-type"],
    ["", message, { "Content-Encoding": "gzip" }, 415, "unsupported-media-type"],
    ["", "Subject: a\0b\r\n\r\n", {}, 422, "validation-failed", ""],
    ["?flags=deleted", message, {}, 422, "validation-failed", "?flags"],
    ["?flags=", message, {}, 422, "validation-failed", "?flags"],
    ["?flags=seen,,draft", message, {}, 422, "validation-failed", "?flags"],
    ["?keywords=%5CDeleted", message, {}, 422, "validation-failed", "?keywords"],
    ["?keywords=a%0d%0ab", message, {}, 422, "validation-failed", "?keywords"],
    ["?keywords=a)b", message, {}, 422, "validation-failed", "?keywords"],
    ["?receivedAt=yesterday", message, {}, 422, "validation-failed", "?receivedAt"],
    ["?receivedAt=1969-12-31T23:59:59Z", message, {}, 422, "validation-failed", "?receivedAt"],
    ["?folder=nowhere", message, {}, 422, "validation-failed", "?folder"],
    [`?folder=fld_${"0".repeat(26)}`, message, {}, 404, "not-found"],
    ["?folder=allMail", message, {}, 404, "not-found"],
    ["?subject=x", message, {}, 422, "validation-failed", "?subject"],
  ];
  for (const [query, body, headers, status, code, pointer] of cases) {
    const answer = await append(path, query, body, headers);
    expect([query, body, answer.status, answer.body.code]).toEqual([query, body, status, code]);
    expect([body, answer.body.errors?.[0]?.pointer]).toEqual([body, pointer]);
  }
  expect(await list(path)).toEqual([]);
});

test("an upload that stalls holds no mail session", async () => {
  const path = await mailbox();
  const { port } = new URL(api.url);
  const sockets = Array.from({ length: 3 }, () => connect(Number(port), "127.0.0.1"));
  for (const socket of sockets) {
    socket.on("error", () => {});
    socket.write(
      `POST ${path}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.keys.appKey}\r\n` +
        "Content-Type: message/rfc822\r\nContent-Length: 10000000\r\n\r\nSubject: never",
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startedAt = Date.now();
  expect((await append(path, "", sample("quick"))).status).toBe(201);
  expect(await list(path)).toHaveLength(1);
  expect(Date.now() - startedAt).toBeLessThan(3000);
  for (const socket of sockets) socket.destroy();
});

test("a full mailbox says so, and keeps what it has", async () => {
  const dovecot = await startDovecot({ quota: "100K", certificates: stack.certificates });
  const path = await storeAccount(api, accountOn(stack, dovecot.user(), { imapsPort: dovecot.ports.imaps }));
  expect((await append(path, "", sample("fits", 20_000))).status).toBe(201);
  const refused = await append(path, "", sample("does not fit", 200_000));
  expect([refused.status, refused.body.code, refused.body.retryable]).toEqual([422, "refused-by-server", false]);
  expect(await list(path)).toHaveLength(1);
  await dovecot.stop();
});
