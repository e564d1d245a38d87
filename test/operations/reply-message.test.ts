import { simpleParser, type ParsedMail } from "mailparser";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Submission, SubmissionInput } from "../../src/mail/submission.ts";
import { openReplyHouse, type ReplyHouse } from "./reply-house.ts";

let house: ReplyHouse;
beforeEach(async () => {
  house = await openReplyHouse();
});
afterEach(() => house.close());

const header = [
  "From: Ann Archer <ann@example.com>",
  "To: alice@example.org, Carl <carl@example.com>",
  "Cc: dora@example.com",
  "Subject: The plan",
  "Date: Mon, 23 Nov 2026 07:05:00 +0000",
  "Message-ID: <third@example.com>",
  "References: <first@example.com> <second@example.com>",
  "MIME-Version: 1.0",
];
const plain = [...header, "Content-Type: text/plain; charset=utf-8", "", "Shall we?", "", "Ann", ""];
const page = '<html><body onload="x()"><p>Shall <b>we</b>?</p><script>1</script><img src="cid:logo@x"></body></html>';
const logo = Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * 7) % 256));
const table = Buffer.from("a;\u00e9\r\n", "latin1");
const rich = [
  ...header,
  'Content-Type: multipart/mixed; boundary="m"',
  "",
  "--m",
  'Content-Type: multipart/related; boundary="r"',
  "",
  "--r",
  "Content-Type: text/html; charset=utf-8",
  "",
  page,
  "--r",
  'Content-Type: image/png; name="logo.png"',
  "Content-ID: <logo@x>",
  "Content-Disposition: inline",
  "Content-Transfer-Encoding: base64",
  "",
  ...(logo.toString("base64").match(/.{1,76}/g) ?? []),
  "--r--",
  "--m",
  "Content-Type: text/csv; charset=iso-8859-1",
  'Content-Disposition: attachment; filename="table.csv"',
  "Content-Transfer-Encoding: base64",
  "",
  table.toString("base64"),
  "--m--",
  "",
];

async function sent(
  input: Partial<SubmissionInput>,
): Promise<{ submission: Submission; mail: ParsedMail; raw: string }> {
  const submission = await house.create(input);
  const octets = await house.built(submission.id);
  return { submission, mail: await simpleParser(octets, { skipTextToHtml: true }), raw: octets.toString("latin1") };
}
const refusal = (input: Partial<SubmissionInput>) =>
  house.create(input).then(
    () => null,
    (error: unknown) => (error instanceof Failure ? error : null),
  );
const names = (mail: ParsedMail) => mail.attachments.map(({ filename }) => filename);

describe("a reply", () => {
  test("goes to who wrote, and keeps the conversation together", async () => {
    const inReplyTo = house.put(plain);
    const { submission, mail } = await sent({ inReplyTo, text: "Yes.\n" });
    expect(submission).toMatchObject({
      subject: "Re: The plan",
      envelope: { from: "alice@example.org", to: ["ann@example.com"] },
      inReplyTo,
      action: "reply",
      warnings: [],
    });
    expect(mail.inReplyTo).toBe("<third@example.com>");
    expect(mail.references).toEqual(["<first@example.com>", "<second@example.com>", "<third@example.com>"]);
    expect(mail.text).toBe("Yes.\n");
    expect(mail.attachments).toEqual([]);
    expect(house.seen).toMatchObject({ gets: 1, open: 0 });
  });

  test("to all leaves the account out, and who is named elsewhere", async () => {
    const inReplyTo = house.put(plain);
    const { mail } = await sent({
      inReplyTo,
      action: "replyAll",
      text: "x",
      bcc: [{ name: "", email: "dora@example.com" }],
    });
    expect(mail.to).toMatchObject({ value: [{ address: "ann@example.com", name: "Ann Archer" }] });
    expect(mail.cc).toMatchObject({ value: [{ address: "carl@example.com" }] });
  });

  test("takes what is named before what the original has", async () => {
    const to = [{ name: "", email: "eve@example.com" }];
    const { submission, mail } = await sent({ inReplyTo: house.put(plain), to, subject: "New", text: "x" });
    expect(submission).toMatchObject({ subject: "New", envelope: { to: ["eve@example.com"] } });
    expect(mail.inReplyTo).toBe("<third@example.com>");
  });

  test("quotes below the text, and below the HTML", async () => {
    const { mail } = await sent({ inReplyTo: house.put(plain), text: "Yes.\n\n", html: "<p>Yes.</p>", quote: true });
    const quoted = "On 2026-11-23 07:05 UTC, Ann Archer wrote:\n\n> Shall we?\n>\n> Ann\n";
    expect(mail.text).toBe(`Yes.\n\n${quoted}`);
    expect(mail.html).toMatch(/^<p>Yes\.<\/p><div>[^]*<blockquote type="cite">[^]*Shall we\?[^]*<\/blockquote>/);
  });

  test("in text to a message of HTML quotes its words, and takes no images along", async () => {
    const { mail } = await sent({ inReplyTo: house.put(rich), text: "Yes.", quote: true });
    expect(mail.text).toContain("\n> Shall we?\n");
    expect(mail.html).toBe(false);
    expect(mail.attachments).toEqual([]);
  });

  test("in HTML quotes it sanitised, with the images that it shows", async () => {
    const { mail, raw } = await sent({ inReplyTo: house.put(rich), html: "<p>Yes.</p>", quote: true });
    expect(mail.html).toContain('<p>Shall <b>we</b>?</p><img src="');
    expect(mail.html).not.toMatch(/script|onload|<body/);
    expect(raw).toContain("Content-ID: <logo@x>");
    expect(names(mail)).toEqual(["logo.png"]);
    expect(mail.attachments[0]?.content.equals(logo)).toBe(true);
  });

  test("to an address that no server takes says so", async () => {
    const inReplyTo = house.put(["From: <a..b@example.com>", "Reply-To: ann@example.com, <x@[1.2.3.4]>", "", "x"]);
    const { submission } = await sent({ inReplyTo, text: "x" });
    expect(submission).toMatchObject({ envelope: { to: ["ann@example.com"] }, warnings: ["recipient-left-out"] });
  });
});

describe("a forward", () => {
  const to = [{ name: "", email: "eve@example.com" }];

  test("takes text, look and attachments along", async () => {
    const inReplyTo = house.put(rich);
    const { submission, mail, raw } = await sent({ inReplyTo, action: "forward", to, text: "For <you>." });
    expect(submission).toMatchObject({
      subject: "Fwd: The plan",
      action: "forward",
      envelope: { to: ["eve@example.com"] },
    });
    expect(mail.inReplyTo).toBeUndefined();
    expect(mail.text).toMatch(
      /^For <you>\.\n\n-+ Forwarded message -+\nFrom: Ann Archer <ann@example\.com>\n[^]*Shall we\?/,
    );
    expect(mail.html).toMatch(
      /^<div style="white-space:pre-wrap">For &lt;you&gt;\.<\/div>[^]*<p>Shall <b>we<\/b>\?<\/p>/,
    );
    expect(names(mail)).toEqual(["logo.png", "table.csv"]);
    expect(mail.attachments.map(({ content }) => content)).toEqual([logo, table]);
    expect(raw).toContain("text/csv; charset=iso-8859-1");
    expect(house.seen).toMatchObject({ gets: 1, open: 0, most: 1 });
  });

  test("of a text is a text", async () => {
    const { mail } = await sent({ inReplyTo: house.put(plain), action: "forward", to });
    expect(mail.html).toBe(false);
    expect(mail.text).toMatch(/^-+ Forwarded/);
  });

  test("takes along what it is told to", async () => {
    const inReplyTo = house.put(rich);
    const bareOne = await sent({
      inReplyTo,
      action: "forward",
      to,
      text: "x",
      quote: false,
      includeAttachments: false,
    });
    expect([bareOne.mail.text, bareOne.mail.attachments]).toEqual(["x\n", []]);
    const files = await sent({ inReplyTo, action: "forward", to, text: "x", quote: false });
    expect(names(files.mail)).toEqual(["logo.png", "table.csv"]);
  });

  test("needs somebody to go to", async () => {
    const failure = await refusal({ inReplyTo: house.put(plain), action: "forward", text: "x" });
    expect(failure).toMatchObject({ code: "validation-failed", details: { errors: [{ pointer: "/to" }] } });
    expect(house.seen.gets).toBe(0);
  });
});

describe("attachments by reference", () => {
  const to = [{ name: "", email: "eve@example.com" }];

  test("arrive octet for octet, one read after another", async () => {
    const messageId = house.put(rich);
    const attachments = [
      { messageId, attachmentId: "att_2" },
      { messageId, attachmentId: "att_1.2", filename: "other.png" },
      { messageId, attachmentId: "att_2", contentType: "text/plain" },
    ];
    const { mail } = await sent({ to, text: "x", attachments });
    expect(names(mail)).toEqual(["table.csv", "other.png", "table.csv"]);
    expect(mail.attachments.map(({ content }) => content)).toEqual([table, logo, table]);
    expect(house.seen).toMatchObject({ gets: 1, open: 0, most: 1 });
  });

  test("to nothing are told with their places, and nothing is stored", async () => {
    const messageId = house.put(plain);
    const attachments = [
      { messageId, attachmentId: "att_2" },
      { messageId: "msg_AAAA", attachmentId: "att_2" },
      { uploadId: "upl_0c8jv4h2m9q6s1t7r3n5k8p0ba" },
    ];
    const failure = await refusal({ to, text: "x", attachments });
    expect(failure?.code).toBe("validation-failed");
    expect(failure?.details.errors?.map(({ pointer, code }) => [pointer, code])).toEqual([
      ["/attachments/0/attachmentId", "not-found"],
      ["/attachments/1/messageId", "not-found"],
      ["/attachments/2/uploadId", "not-found"],
    ]);
    expect(await house.submissions(house.account)).toEqual([]);
  });

  test("that break off make no message at all", async () => {
    const messageId = house.put(rich);
    house.breaks.stream = new Failure("upstream-unreachable", "The line was lost.");
    const attachments = [{ messageId, attachmentId: "att_2" }];
    expect(await refusal({ to, text: "x", attachments })).toMatchObject({ code: "upstream-unreachable" });
    expect(await house.submissions(house.account)).toEqual([]);
    expect(house.seen.open).toBe(0);
  });

  test("that would make too large a message are not read on", async () => {
    await house.close();
    house = await openReplyHouse({ maxMessage: 2_000 });
    const attachments = [{ messageId: house.put(rich), attachmentId: "att_1.2" }];
    expect(await refusal({ to, text: "x", attachments })).toMatchObject({ code: "message-too-large" });
    await expect.poll(() => house.seen.open).toBe(0);
  });

  test.each(["message/rfc822", "Message/RFC822"])(
    "a %s goes out as it is, 8-bit and all, where the server takes that",
    async (contentType) => {
      house.announce({});
      const inner = Buffer.from("Subject: inner\r\n\r\nGr\u00fc\u00dfe\r\n", "utf8");
      const attachment = { filename: "a.eml", contentType, content: inner.toString("base64") };
      const { submission, raw } = await sent({ to, text: "x", attachments: [attachment] });
      expect(raw).toContain(inner.toString("latin1"));
      expect((await house.store.submissions.get(house.account.id, submission.id))?.needs).toEqual({
        eightBit: true,
        utf8: false,
      });
      house.announce({ eightBitMime: false });
      expect(await refusal({ to, text: "x", attachments: [attachment] })).toMatchObject({
        code: "unsupported-by-server",
      });
      const nul = { ...attachment, content: Buffer.from("Subject: a\r\n\r\n\0").toString("base64") };
      expect(await refusal({ to, text: "x", attachments: [nul] })).toMatchObject({
        details: { errors: [{ pointer: "/attachments/0" }] },
      });
    },
  );
});

describe("an original", () => {
  test("that is gone, is nobody's, or can't be there", async () => {
    const inReplyTo = house.put(plain);
    house.remove();
    expect(await refusal({ inReplyTo, text: "x" })).toMatchObject({ code: "message-gone" });
    expect(await refusal({ inReplyTo: "msg_AAAA", text: "x" })).toMatchObject({ code: "not-found" });
    const mute = await house.newAccount({ incoming: null, name: null });
    await expect(house.create({ inReplyTo, text: "x" }, mute)).rejects.toMatchObject({ code: "no-incoming" });
    expect(house.seen.open).toBe(0);
  });

  test.each([
    ["/action", { action: "reply" }],
    ["/quote", { quote: true }],
    ["/includeAttachments", { includeAttachments: true }],
  ] as const)("is missed by %s", async (pointer, change) => {
    const failure = await refusal({ to: [{ name: "", email: "eve@example.com" }], text: "x", ...change });
    expect(failure?.details.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  test("without anybody to answer to", async () => {
    const failure = await refusal({ inReplyTo: house.put(["Subject: x", "", "x"]), text: "x" });
    expect(failure).toMatchObject({
      code: "validation-failed",
      details: { fix: expect.stringContaining("`to`"), errors: [{ pointer: "/to", code: "required" }] },
    });
  });
});
