import { describe, expect, test } from "vitest";
import { asciiEmail, checkEmail } from "../../src/mime/check-address.ts";
import { checkContentId, checkContentType, checkHeaderText, headerPolicy } from "../../src/mime/check-header.ts";

const long = (octets: number) => "a".repeat(octets);

describe("checkEmail", () => {
  test.each([
    "a@b.c",
    "first.last+tag@sub.example.co.uk",
    "o'neil!#$%&*/=?^_`{|}~-@example.com",
    "root@localhost",
    "a@xn--mnchen-3ya.de",
    "a@münchen.de",
    "müller@example.com",
    "用户@例子.广告",
    '"two words"@example.com',
    String.raw`"a\"b"@example.com`,
    '"a@b"@example.com',
    `${long(64)}@example.com`,
    `a@${long(63)}.com`,
    "a@1.example",
    "a@ab--cd.example",
  ])("%s may", (email) => expect(checkEmail(email)).toBeNull());

  test.each([
    "",
    "@",
    "a",
    "a@",
    "@b.c",
    "a b@c.d",
    "a@b c.d",
    "a@b..c",
    "a@.b",
    "a@b.",
    ".a@b.c",
    "a.@b.c",
    "a..b@c.d",
    "a@b@c.d",
    "<a@b.c>",
    "A <a@b.c>",
    "a@b.c,d@e.f",
    "a@b.c>",
    "a(x)@b.c",
    '""@b.c',
    '"<a>"@b.c',
    '"a@b.c',
    '"a"b"@c.d',
    "a@-b.c",
    "a@b-.c",
    "a@b_c.d",
    "a@127.0.0.1",
    "a@127.1",
    "a@①②⑦.⓪.⓪.①",
    "a@[127.0.0.1]",
    "a@0x7f.1",
    "a@0x7f",
    "a@b.0x7f",
    "a@b%63.d",
    "a@b/c.d",
    "a@b:25",
    "a\u00a0b@c.d",
    "a\u200bb@c.d",
    `${long(65)}@b.c`,
    `a@${long(64)}.com`,
    `${"é".repeat(33)}@b.c`,
  ])("%s may not", (email) => expect(checkEmail(email)?.code).toBe("email-invalid"));

  test.each(["a@x\r\nRCPT TO:<evil@x>", "a\n@b.c", "a@b.c\0", "a\t@b.c", "a@b.c\u0085", "a@b\u2028.c", "a\ud800@b.c"])(
    "%j holds a control",
    (email) => expect(checkEmail(email)?.code).toBe("control-character"),
  );

  test("254 octets", () => {
    const domain = `${long(63)}.${long(63)}.${long(61)}.com`;
    expect(checkEmail(`${long(254 - 1 - domain.length)}@${domain}`)).toBeNull();
    expect(checkEmail(`${long(255 - 1 - domain.length)}@${domain}`)?.code).toBe("too-long");
  });

  test("the domain in ASCII", () => {
    expect(asciiEmail("Max@MÜNCHEN.de")).toBe("Max@xn--mnchen-3ya.de");
    expect(asciiEmail("ü@b.c")).toBe("ü@b.c");
  });
});

describe("headerPolicy", () => {
  test.each(["X-Campaign", "x-a_1", "List-Unsubscribe", "List-Id", "Auto-Submitted", "precedence", "Keywords"])(
    "%s may be set",
    (name) => expect(headerPolicy(name, "välue 1")).toBeNull(),
  );

  test.each([
    "From",
    "To",
    "Cc",
    "BCC",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "content-type",
    "Content-X",
    "Received",
    "Return-Path",
    "DKIM-Signature",
    "Sender",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Resent-To",
    "Delivered-To",
    "ARC-Seal",
    "Authentication-Results",
    "constructor",
    "X",
    "Listing",
  ])("%s may not", (name) => expect(headerPolicy(name, "value")?.code).toBe("header-not-allowed"));

  test.each(["", "X A", "X-A:", "X-A\r\nBcc", "X-Ä", "__proto__", "-X-A", "X-A\0", `X-${long(75)}`])(
    "%j is no name",
    (name) => expect(headerPolicy(name, "value")?.code).toBe("header-name-invalid"),
  );

  test.each(["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\0", "a\u001b", "a\u007f", "a\u0085b", "\ud800"])(
    "the value %j may not",
    (value) => expect(headerPolicy("X-A", value)?.code).toBe("control-character"),
  );

  test.each(["", " "])("the value %j is empty", (value) =>
    expect(headerPolicy("X-A", value)?.code).toBe("header-empty"),
  );

  test("998 octets with the name", () => {
    expect(headerPolicy("X-A", long(993))).toBeNull();
    expect(headerPolicy("X-A", long(994))?.code).toBe("too-long");
    expect(headerPolicy("X-A", "é".repeat(497))?.code).toBe("too-long");
  });
});

test("checkHeaderText", () => {
  expect(checkHeaderText("")).toBeNull();
  expect(checkHeaderText("Grüße 👋")).toBeNull();
  expect(checkHeaderText("a\r\nb")?.code).toBe("control-character");
  expect(checkHeaderText(long(999))?.code).toBe("too-long");
  expect(checkHeaderText("abc", 2)?.code).toBe("too-long");
});

describe("checkContentType", () => {
  test.each([
    "text/plain",
    "text/csv; charset=utf-8",
    'text/plain;name="a b";x=y',
    "message/rfc822",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ])("%s may", (type) => expect(checkContentType(type)).toBeNull());

  test.each([
    "",
    "text",
    "text/",
    "/plain",
    "text/plain\r\nBcc: x",
    "text/plain; a",
    'text/plain; a="b',
    "text/ü",
    "multipart/mixed",
    "Multipart/mixed; boundary=a",
    "message/partial",
    "message/rfc822-x",
    "message/external-body; access-type=local-file",
    `text/${long(260)}`,
  ])("%j may not", (type) => expect(checkContentType(type)?.code).toBe("content-type-invalid"));
});

test("checkContentId", () => {
  expect(checkContentId("logo@example.com")).toBeNull();
  for (const bad of ["", "<a>", "a b", "a\r\nb", "ä", long(251)])
    expect(checkContentId(bad)?.code).toBe("content-id-invalid");
});
