import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Api, startApi } from "./start.ts";
import {
  arrivedIn,
  correspondents,
  messagesOf,
  octetsOf,
  type Problem,
  rawOf,
  refused,
  send,
  submitted,
  to,
} from "./submissions.ts";
import { until } from "./watching.ts";
import { good } from "./webhooks.ts";

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

type Upload = { id: string; filename: string; contentType: string; size: number; expiresAt: string };

function upload(path: string, octets: Buffer, contentType = "application/octet-stream", name = "all bytes.bin") {
  return fetch(`${api.url}${path}/uploads?filename=${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": contentType },
    body: octets,
  });
}

const everyByte = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => (n * 31 + (n >> 8)) % 256));
const digest = (octets: Buffer): string => createHash("sha256").update(octets).digest("hex");

test("uploads and attachments of other messages arrive octet for octet", async () => {
  const { from, inbox, sender, recipient } = await correspondents(api, stack);
  const [small, large] = [everyByte(1_000), everyByte(3_000_001)];
  const answer = await upload(from, large, "image/png", "große Datei.png");
  expect(answer.status).toBe(201);
  const uploaded = (await answer.json()) as Upload;
  expect(uploaded).toMatchObject({ filename: "große Datei.png", contentType: "image/png", size: large.length });
  expect(Date.parse(uploaded.expiresAt)).toBeGreaterThan(Date.now() + 60_000);

  const attachments = [
    { uploadId: uploaded.id },
    { uploadId: uploaded.id, filename: "again.png", contentType: "application/x-test" },
    { filename: "small.bin", contentType: "application/octet-stream", content: small.toString("base64") },
  ];
  const first = { to: to(sender.username, recipient.username), subject: "first", text: "x", attachments };
  expect((await submitted(api, from, first)).state).toBe("sent");
  const arrived = await arrivedIn(api, inbox);
  const hashes = async (path: string, { id, attachments: all }: typeof arrived): Promise<[string, string, string][]> =>
    Promise.all(
      all.map(async (one) => [
        one.filename,
        one.contentType,
        digest(await octetsOf(api, `${path}/messages/${id}/attachments/${one.id}`)),
      ]),
    );
  const expected = [
    ["große Datei.png", "image/png", digest(large)],
    ["again.png", "application/x-test", digest(large)],
    ["small.bin", "application/octet-stream", digest(small)],
  ];
  expect(await hashes(inbox, arrived)).toEqual(expected);

  const [own] = await messagesOf(api, from);
  const references = own?.attachments.map(({ id }) => ({ messageId: own.id, attachmentId: id }));
  const second = { to: to(recipient.username), subject: "second", text: "x", attachments: references };
  expect((await submitted(api, from, second)).state).toBe("sent");
  const both = await until(
    () => messagesOf(api, inbox),
    (all) => all.length === 2,
  );
  const again = both.find(({ subject }) => subject === "second");
  expect(again && (await hashes(inbox, again))).toEqual(expected);
});

test("what is referred to has to be there, and to be the account's", async () => {
  const [mine, other] = [await correspondents(api, stack), await correspondents(api, stack)];
  const { id: uploadId } = (await (await upload(other.from, everyByte(10))).json()) as Upload;
  const message = { to: to(mine.recipient.username), subject: "x", text: "x" };
  for (const attachment of [
    { uploadId },
    { uploadId: "upl_0c8jv4h2m9q6s1t7r3n5k8p0ba" },
    { messageId: "msg_AAAA", attachmentId: "att_2" },
    { uploadId, content: "aGVsbG8=" },
    { uploadId, filename: "a\r\nb" },
    { uploadId, contentType: "no type" },
  ]) {
    const answer = await send<Problem>(api, mine.from, { ...message, attachments: [attachment] });
    expect([422, 404]).toContain(answer.status);
    expect(["validation-failed", "not-found"]).toContain(answer.body.code);
  }
  expect(await good(api.call("GET", `${mine.from}/submissions`))).toMatchObject({ data: [] });
});

test("an inline image is found by its cid, and a calendar stands beside the text", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const image = everyByte(5_000);
  const method = "REQUEST";
  const calendar = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Postern//Test//EN",
    `METHOD:${method}`,
    "BEGIN:VEVENT",
    "UID:meeting-1@postern.test",
    "DTSTAMP:20261123T080000Z",
    "DTSTART:20261124T080000Z",
    "SUMMARY:Besprechung mit Jürgen",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");
  const message = {
    to: to(recipient.username),
    subject: "Meeting",
    text: "Come.",
    html: '<p>Come.</p><img src="cid:logo@x">',
    attachments: [
      {
        filename: "logo.png",
        contentType: "image/png",
        content: image.toString("base64"),
        contentId: "logo@x",
        inline: true,
      },
    ],
    calendar: { method, content: calendar },
  };
  expect((await submitted(api, from, message)).state).toBe("sent");
  const arrived = await arrivedIn(api, inbox);
  const logo = arrived.attachments.find(({ filename }) => filename === "logo.png");
  expect(logo).toMatchObject({ inline: true, contentType: "image/png" });
  expect(logo?.contentId?.replace(/[<>]/g, "")).toBe("logo@x");
  expect((await octetsOf(api, `${inbox}/messages/${arrived.id}/attachments/${logo?.id}`)).equals(image)).toBe(true);

  const raw = (await rawOf(api, inbox, arrived)).toString("latin1");
  expect(raw).toMatch(/Content-Type: multipart\/alternative/i);
  expect(raw).toMatch(/Content-Type: text\/calendar;[^]{0,60}method="?REQUEST"?/i);
  const { html } = await good(api.call<{ html: string }>("GET", `${inbox}/messages/${arrived.id}`));
  expect(html).toContain("cid:logo@x");
  const part = arrived.attachments.find(({ contentType }) => contentType === "text/calendar");
  const got = await octetsOf(api, `${inbox}/messages/${arrived.id}/attachments/${part?.id}`);
  expect(got.toString().replaceAll("\r\n", "\n").trim()).toBe(calendar.replaceAll("\r\n", "\n").trim());
});

test("every body there can be is taken: text, html, both, none", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const bodies = [
    { text: "Grüße\n.\n..\nFrom here" },
    { html: "<p>Grüße</p>" },
    { text: "a", html: "<p>b</p>" },
    { text: "" },
  ];
  for (const [n, body] of bodies.entries())
    expect((await submitted(api, from, { to: to(recipient.username), subject: `${n}`, ...body })).state).toBe("sent");
  const all = await until(
    () => messagesOf(api, inbox),
    (listed) => listed.length === bodies.length,
  );
  for (const [n, body] of bodies.entries()) {
    const id = all.find(({ subject }) => subject === `${n}`)?.id;
    const read = await good(api.call<{ text?: string; html?: string }>("GET", `${inbox}/messages/${id}`));
    const got = { text: read.text?.replaceAll("\r\n", "\n").trimEnd(), html: read.html?.trim() };
    expect(got).toMatchObject(body);
  }
});

test("CR, LF and NUL in any string are refused, and not one octet reaches a mail server", async () => {
  const { from, recipient } = await correspondents(api, stack);
  const good = { to: to(recipient.username), subject: "x", text: "x" };
  const bad = ["a\r\nBcc: evil@postern.test", "a\nb", "a\rb", "a\0b"];
  const places: [string, (text: string) => object][] = [
    ["/from/name", (text) => ({ from: { name: text, email: "a@postern.test" } })],
    ["/from/email", (text) => ({ from: { name: "", email: `${text}@postern.test` } })],
    ...["to", "cc", "bcc", "replyTo"].flatMap((field): [string, (text: string) => object][] => [
      [`/${field}/0/name`, (text) => ({ [field]: [{ name: text, email: "a@postern.test" }] })],
      [`/${field}/0/email`, (text) => ({ [field]: [{ name: "", email: `${text}@postern.test` }] })],
    ]),
    ["/subject", (text) => ({ subject: text })],
    ["/headers/0", (text) => ({ headers: [{ name: text, value: "x" }] })],
    ["/headers/0", (text) => ({ headers: [{ name: "X-A", value: text }] })],
    ["/attachments/0/filename", (text) => ({ attachments: [{ filename: text, contentType: "a/b", content: "" }] })],
    ["/attachments/0/contentType", (text) => ({ attachments: [{ filename: "a", contentType: text, content: "" }] })],
    [
      "/attachments/0/contentId",
      (text) => ({ attachments: [{ filename: "a", contentType: "a/b", content: "", contentId: text }] }),
    ],
    ["/calendar/method", (text) => ({ calendar: { method: text, content: "x" } })],
    ["/envelope/from", (text) => ({ envelope: { from: `${text}@postern.test` } })],
    ["/envelope/to/0", (text) => ({ envelope: { to: [`${text}@postern.test`] } })],
    ["/inReplyTo", (text) => ({ inReplyTo: `msg_${text}` })],
  ];
  const before = stack.postfix.log();
  for (const [pointer, change] of places)
    for (const text of bad) {
      const answer = await send<Problem>(api, from, { ...good, ...change(text) }, { wait: 0 });
      const about = `${pointer} ${JSON.stringify(text)}`;
      if (text.includes("\0") && answer.status === 400) continue; // strict JSON takes none
      const named = answer.body.errors?.[0]?.pointer.startsWith(pointer);
      expect([about, answer.status, named]).toEqual([about, 422, true]);
    }
  const listed = await api.call<{ data: unknown[] }>("GET", `${from}/submissions`);
  expect(listed.body.data).toEqual([]);
  expect(stack.postfix.log()).toBe(before);
});

test("a key that may not send may not upload either", async () => {
  const { from } = await correspondents(api, stack);
  const operator = { key: api.keys.operatorKey };
  const { body } = await api.call<{ id: string }>("POST", "/v1/apps", { name: "other" }, operator);
  const other = await api.call<{ key: string }>(
    "POST",
    `/v1/apps/${body.id}/keys`,
    { name: "k", scopes: ["messages:read"] },
    operator,
  );
  const answer = await api.call("POST", `${from}/uploads?filename=a`, undefined, { key: other.body.key });
  expect([
    [403, "scope-missing"],
    [404, "not-found"],
  ]).toContainEqual(refused(answer));
});
