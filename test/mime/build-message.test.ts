import { simpleParser } from "mailparser";
import { describe, expect, test } from "vitest";
import { buildMessage, type MessageContent } from "../../src/mime/build-message.ts";
import { parseAddresses } from "../../src/mime/parse-addresses.ts";
import { headerValue, messageIdOf, parseHeaders, rawHeaders, references } from "../../src/mime/headers.ts";
import { parseStructure } from "../../src/mime/parse-raw.ts";
import { attachments, bodyParts } from "../../src/mime/walk.ts";
import { collect } from "./random.ts";

const least: MessageContent = {
  from: { name: "", email: "from@example.com" },
  to: [{ name: "", email: "to@example.com" }],
  cc: [],
  replyTo: [],
  subject: "Hello",
  attachments: [],
  headers: [],
  messageId: "<id-1@example.com>",
  date: new Date("2026-11-22T10:00:00.000Z"),
};

async function build(changes: Partial<MessageContent>): Promise<Buffer> {
  const built = buildMessage({ ...least, ...changes });
  return built instanceof Uint8Array ? Buffer.from(built) : collect(built);
}

/** The tree as content types in brackets. */
function outline(raw: Buffer): string {
  const name = (part: ReturnType<typeof parseStructure>): string =>
    part.children.length === 0 ? part.contentType : `${part.contentType}(${part.children.map(name).join(" ")})`;
  return name(parseStructure(raw));
}

const pdf = { filename: "a.pdf", contentType: "application/pdf", content: Buffer.from("%PDF") };
const logo = { filename: "l.png", contentType: "image/png", content: Buffer.alloc(99, 1), contentId: "logo@x" };

describe("the tree", () => {
  test.each([
    ["text", { text: "a" }, "text/plain"],
    ["nothing", {}, "text/plain"],
    ["html", { html: "<b>a</b>" }, "text/html"],
    ["both", { text: "a", html: "b" }, "multipart/alternative(text/plain text/html)"],
    ["a file", { text: "a", attachments: [pdf] }, "multipart/mixed(text/plain application/pdf)"],
    ["a file alone", { attachments: [pdf] }, "application/pdf"],
    ["an image in the page", { html: "b", attachments: [logo] }, "multipart/related(text/html image/png)"],
    ["an image without a page", { text: "a", attachments: [logo] }, "multipart/mixed(text/plain image/png)"],
    [
      "all",
      { text: "a", html: "b", attachments: [pdf, logo] },
      "multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) application/pdf)",
    ],
  ])("of %s", async (_, changes, tree) => expect(outline(await build(changes))).toBe(tree));
});

test("the headers are ours, with no Bcc and nothing of nodemailer", async () => {
  const raw = await build({
    from: { name: 'Jörg "Q", M', email: "j@example.com" },
    to: [
      { name: "", email: "a@example.com" },
      { name: "B, C <evil@x.y>", email: "b@xn--mnchen-3ya.de" },
    ],
    cc: [{ name: "Ünï", email: "c@example.com" }],
    replyTo: [{ name: "", email: "r@example.com" }],
    subject: `Grüße 👋 ${"lang ".repeat(60)}`.trim(),
    inReplyTo: "<parent@example.com>",
    references: ["<root@example.com>", "<parent@example.com>"],
    headers: [
      { name: "X-One", value: "ä" },
      { name: "X-One", value: "2" },
      { name: "List-Unsubscribe", value: "<https://example.com/u>" },
    ],
    text: "x",
  });
  const headers = parseHeaders(raw);
  expect(headers.filter(({ name }) => name === "X-One").map(({ value }) => value)).toEqual(["ä", "2"]);
  expect(headerValue(headers, "subject")).toBe(`Grüße 👋 ${"lang ".repeat(60)}`.trim());
  expect(headerValue(headers, "date")).toBe("Sun, 22 Nov 2026 10:00:00 +0000");
  expect(headerValue(headers, "list-unsubscribe")).toBe("<https://example.com/u>");
  expect(messageIdOf(headers)).toBe("<id-1@example.com>");
  expect(headerValue(headers, "in-reply-to")).toBe("<parent@example.com>");
  expect(references(headers)).toEqual(["<root@example.com>", "<parent@example.com>"]);
  const fields = rawHeaders(raw);
  expect(parseAddresses(headerValue(fields, "from") ?? "")).toEqual([{ name: 'Jörg "Q", M', email: "j@example.com" }]);
  expect(parseAddresses(headerValue(fields, "to") ?? "")).toEqual([
    { name: "", email: "a@example.com" },
    { name: "B, C <evil@x.y>", email: "b@xn--mnchen-3ya.de" },
  ]);
  expect(parseAddresses(headerValue(fields, "cc") ?? "")).toEqual([{ name: "Ünï", email: "c@example.com" }]);
  expect(parseAddresses(headerValue(fields, "reply-to") ?? "")).toEqual([{ name: "", email: "r@example.com" }]);
  const names = new Set(headers.map(({ name }) => name.toLowerCase()));
  for (const name of ["bcc", "x-mailer", "x-priority"]) expect(names.has(name)).toBe(false);
});

test("CRLF only, ASCII only, no line beyond 998 octets", async () => {
  const raw = await build({
    subject: "ü".repeat(300),
    text: `a\nb\r\nc\rd ${"word ".repeat(500)}\n.\n..\nFrom me\n${"x".repeat(3000)}\nü`,
    html: `<p>${"ü".repeat(2000)}</p>`,
    attachments: [{ ...pdf, filename: `${"länge".repeat(40)}.pdf`, content: Buffer.alloc(5000, 0xff) }],
  });
  const text = raw.toString("latin1");
  expect(text).toMatch(/^[\t\r\n\x20-\x7e]*$/);
  expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
});

test("what went in comes out", async () => {
  const text = "Grüße\n> zitiert \n\n-- \nich \u{1f44b}";
  const octets = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
  const raw = await build({
    text,
    html: "<p>ü</p>\n",
    attachments: [
      { filename: 'Größe "a"; c=.bin', contentType: "application/octet-stream", content: octets },
      { filename: "empty.txt", contentType: "text/plain", content: new Uint8Array() },
      {
        filename: "data.csv",
        contentType: "text/csv; charset=iso-8859-1",
        content: Buffer.from("a\nb\r\n\u00e9", "latin1"),
      },
      logo,
    ],
  });
  const parsed = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true, keepCidLinks: true });
  expect(parsed.text?.replaceAll("\r\n", "\n").trimEnd()).toBe(text);
  expect(parsed.html).toContain("<p>ü</p>");
  const files = new Map(parsed.attachments.map((file) => [file.filename, file]));
  expect(files.get('Größe "a"; c=.bin')?.content).toEqual(octets);
  expect(files.get("empty.txt")?.content).toHaveLength(0);
  expect(files.get("data.csv")?.content).toEqual(Buffer.from("a\nb\r\n\u00e9", "latin1"));
  expect(files.get("l.png")).toMatchObject({ cid: "logo@x", contentDisposition: "inline", related: true });
  expect(bodyParts(parseStructure(raw))).toMatchObject({
    text: [{ section: "1.1", parameters: { charset: "utf-8" } }],
    html: [{ section: "1.2.1" }],
  });
  expect(attachments(parseStructure(raw)).map(({ id, filename, inline }) => [id, filename, inline])).toEqual([
    ["att_1.2.2", "l.png", true],
    ["att_2", 'Größe "a"; c=.bin', false],
    ["att_3", "empty.txt", false],
    ["att_4", "data.csv", false],
  ]);
  expect(raw.toString()).not.toMatch(/flowed/);
});

test("a forwarded message stays readable", async () => {
  const content = Buffer.from("Subject: inner\r\n\r\nhé\r\n");
  const raw = await build({
    text: "see",
    attachments: [{ filename: "m.eml", contentType: "message/rfc822", content }],
  });
  expect(outline(raw)).toBe("multipart/mixed(text/plain message/rfc822(text/plain))");
  expect(raw.includes(content)).toBe(true);
});

test("nothing is fetched or read by name", async () => {
  for (const value of ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/", "data:text/plain,x"]) {
    const raw = await build({
      text: value,
      html: value,
      attachments: [{ filename: value, contentType: "text/plain", content: Buffer.from(value) }],
    });
    const parsed = await simpleParser(raw);
    expect(parsed.attachments[0]?.content.toString()).toBe(value);
    expect(parsed.text?.trim()).toBe(value);
  }
});
