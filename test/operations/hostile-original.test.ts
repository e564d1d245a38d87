import { simpleParser } from "mailparser";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import { openReplyHouse, type ReplyHouse } from "./reply-house.ts";

let house: ReplyHouse;
beforeEach(async () => {
  house = await openReplyHouse();
});
afterEach(() => house.close());

const to = [{ name: "", email: "eve@example.com" }];
const header = ["From: Mallory <mallory@example.com>", "MIME-Version: 1.0"];

function multipart(parts: string[][]): Buffer {
  const lines = [
    ...header,
    "Content-Type: multipart/mixed; boundary=b",
    "",
    ...parts.flatMap((part) => ["--b", ...part]),
  ];
  return Buffer.from([...lines, "--b--", ""].join("\r\n"), "latin1");
}

async function sent(original: Buffer, input: Partial<SubmissionInput>) {
  const { id, subject } = await house.create({ inReplyTo: house.put(original), ...input });
  const raw = (await house.built(id)).toString("latin1");
  expect(raw).not.toMatch(/[^\r]\n|\r[^\n]|[^\0-\x7f]/);
  expect(raw.slice(0, raw.indexOf("\r\n\r\n"))).not.toMatch(/^(bcc|x-evil):/im);
  return { subject, raw, mail: await simpleParser(raw) };
}

test("names, subject and ids of an original break out of no header", async () => {
  const original = Buffer.from(
    [
      "From: =?utf-8?q?M=0D=0ABcc:_e@example.com=00?= <mallory@example.com>",
      "Subject: =?utf-8?q?hi=0D=0AX-Evil:_1=E2=80=A8?=",
      "Message-ID: <a@b>\r\n <c@d\xfc>",
      "References: <e f\tg@h> <i@j>",
      " Bcc: <k@l>",
      "",
      "x",
    ].join("\r\n"),
    "latin1",
  );
  const { subject, mail } = await sent(original, { quote: true });
  expect(subject).toBe("Re: hi X-Evil: 1");
  expect(mail.to).toMatchObject({ value: [{ name: "M Bcc: e@example.com", address: "mallory@example.com" }] });
});

test("file names and types of an original are made fit to be told", async () => {
  const original = multipart([
    ["Content-Type: text/plain", "", "x"],
    ["Content-Type: a/b", "Content-Disposition: attachment; filename*=utf-8''a%0D%0ABcc:x%00%22%3b.pdf", "", "1"],
    ['Content-Type: text/csv; charset="x\\"\\y"', "Content-Disposition: attachment; filename=2", "", "2"],
    ["Content-Type: message/partial", `Content-Disposition: attachment; filename=${"z".repeat(900)}`, "", "3"],
  ]);
  const { mail } = await sent(original, { action: "forward", to });
  expect(mail.attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
    ['a Bcc:x ";.pdf', "a/b"],
    ["2", "text/csv"],
    [`${"z".repeat(79)}…`, "application/octet-stream"],
  ]);
});

test("an image of the original gives way to one of the caller with the same content id", async () => {
  const original = multipart([
    ["Content-Type: text/html", "", '<img src="cid:logo">'],
    ["Content-Type: image/png", "Content-ID: <logo>", "Content-Disposition: inline", "", "theirs"],
  ]);
  const content = Buffer.from("ours").toString("base64");
  const attachments = [{ filename: "l.png", contentType: "image/png", content, contentId: "logo" }];
  const { raw, mail } = await sent(original, { html: "<p>", quote: true, attachments });
  expect(raw.match(/Content-ID/g)).toHaveLength(1);
  expect(mail.attachments.map((one) => one.content.toString())).toEqual(["ours"]);
});

test("HTML that was only read in part gives way to its text", async () => {
  const html = `${"<i>".repeat(20_001)}end`;
  const { mail } = await sent(multipart([["Content-Type: text/html", "", html]]), { html: "<p>", quote: true });
  expect(mail.html).toContain("pre-wrap");
  expect(mail.html).not.toContain("<i>");
});

test("nothing of a long attachment stays lent when the message becomes too long in its middle", async () => {
  await house.close();
  house = await openReplyHouse({ maxMessage: 100_000 });
  const messageId = house.put(
    multipart([
      ["Content-Type: text/plain", "", "x"],
      ["Content-Type: a/b", "Content-Disposition: attachment", "", "y".repeat(8_000_000)],
    ]),
  );
  const work = house.create({ to, attachments: [{ messageId, attachmentId: "att_2" }] });
  expect(await work.catch((error: unknown) => error instanceof Failure && error.code)).toBe("message-too-large");
  await expect.poll(() => house.seen.open).toBe(0);
  expect(await house.strays()).toBe(0);
});

test("a message that is attached and holds a NUL is told what to do about", async () => {
  const original = multipart([["Content-Type: message/rfc822", "", "Subject: x\r\n\r\n\0"]]);
  const work = house.create({ inReplyTo: house.put(original), action: "forward", to });
  await expect(work).rejects.toMatchObject({
    code: "validation-failed",
    details: { fix: expect.stringContaining("includeAttachments"), errors: [{ pointer: "/inReplyTo" }] },
  });
  expect((await sent(original, { action: "forward", to, includeAttachments: false })).mail.attachments).toEqual([]);
});
