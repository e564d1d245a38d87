import { describe, expect, test } from "vitest";
import { messageIdOf, parseHeaders, rawHeaders, references } from "../../src/mime/headers.ts";
import { parseAddresses } from "../../src/mime/parse-addresses.ts";

/** A block with one octet per character, so that raw 8-bit octets can be written. */
const octets = (text: string) => Buffer.from(text, "latin1");

function value(line: string): string | undefined {
  return parseHeaders(octets(`${line}\r\n\r\n`))[0]?.value;
}

describe("parseHeaders", () => {
  test("order, repetition, folding, the end at the empty line", () => {
    const block =
      "Received: a\r\n\tby b\r\nReceived: c\r\nSubject: x\r\n  y\r\nX-Empty:\r\nx-case : 1\r\n\r\nBody: no\r\n";
    expect(parseHeaders(octets(block))).toEqual([
      { name: "Received", value: "a by b" },
      { name: "Received", value: "c" },
      { name: "Subject", value: "x  y" },
      { name: "X-Empty", value: "" },
      { name: "x-case", value: "1" },
    ]);
  });

  test.each([
    ["bare LF", "A: 1\nB: 2\n 3\n\nC: 4\n"],
    ["no empty line at the end", "A: 1\r\nB: 2\r\n 3"],
    [
      "lines that are no fields",
      "From me Mon Jan 1\r\n>From x\r\nA: 1\r\n: nothing\r\nno colon\r\nÄ: x\r\nB: 2\r\n 3\r\n\r\n",
    ],
    ["a continuation before all", " lost\r\nA: 1\r\nB: 2\r\n 3\r\n\r\n"],
  ])("%s", (_, block) =>
    expect(parseHeaders(octets(block))).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "2 3" },
    ]),
  );

  test.each([
    ["adjacent encoded-words", "S: =?utf-8?Q?a=C3=A4?=\r\n =?utf-8?B?w7Y=?= b", "aäö b"],
    ["a character split over two words", "S: =?utf-8?B?w?= =?utf-8?B?7Y=?=", "ö"],
    ["other charsets", "S: =?gb2312?B?xOO6ww==?= =?ISO-8859-1?Q?=E4_x?=", "你好ä x"],
    ["spaces inside a word", "S: =?utf-8?Q?hello world?=", "hello world"],
    ["an unknown charset", "S: =?x-none?Q?abc?=", "abc"],
    ["a broken word", "S: =?utf-8?Q?abc", "=?utf-8?Q?abc"],
    ["raw utf-8", "S: caf\u00c3\u00a9", "café"],
    ["raw Latin 1", "S: caf\u00e9", "café"],
    ["an encoded line break", "S: =?utf-8?Q?a=0D=0ABcc:_x=00?=", "a Bcc: x"],
    ["a bare CR and a NUL", "S: a\rBcc: x\0y", "a Bcc: x y"],
    ["a tab", "S: a\tb", "a b"],
  ])("%s", (_, line, text) => expect(value(line)).toBe(text));

  test("words stay as they are in rawHeaders", () =>
    expect(rawHeaders(octets("To: =?utf-8?Q?a=2C_b?=\r\n <x@y.z>\r\n"))).toEqual([
      { name: "To", value: "=?utf-8?Q?a=2C_b?= <x@y.z>" },
    ]));

  test("names of the prototype are names", () =>
    expect(parseHeaders(octets("__proto__: 1\r\nconstructor: 2\r\n")).map(({ name }) => name)).toEqual([
      "__proto__",
      "constructor",
    ]));

  test("1,000 fields and 2 MB at most, in short time", () => {
    const start = performance.now();
    expect(parseHeaders(octets("A: 1\r\n".repeat(5000)))).toHaveLength(1000);
    const folded = parseHeaders(octets(`A: 1\r\n${" x\r\n".repeat(1_000_000)}B: 2\r\n`));
    expect(folded).toHaveLength(1);
    expect(folded[0]?.value.length).toBeLessThanOrEqual(2 * 1024 * 1024);
    for (const piece of ["=?", "=?utf-8?Q?", "=?utf-8?Q?a?= ", "<", "\u00e4", "(", '"'])
      parseHeaders(octets(`References: ${piece.repeat(200_000)}`));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("message ids", () => {
  test.each([
    ["several, one twice, folded", "References: <a@x> <b@x>\r\n\t<a@x>\r\n", ["<a@x>", "<b@x>"]],
    ["two fields", "References: <a@x>\r\nreferences: <b@x>\r\n", ["<a@x>", "<b@x>"]],
    ["joined, with comments and junk", "References: <a@x><b@x>, (c) x@y <> <", ["<a@x>", "<b@x>"]],
    ["an id that was folded", "References: <a\r\n b@x>\r\n", ["<ab@x>"]],
    ["none", "Subject: <a@x>\r\n", []],
  ])("%s", (_, block, ids) => expect(references(parseHeaders(octets(block)))).toEqual(ids));

  test.each([
    ["Message-ID: <a@x>\r\n", "<a@x>"],
    ["message-id:\r\n <a@x> (c)\r\n", "<a@x>"],
    ["Message-Id: a@x\r\n", null],
    ["Message-ID: \r\n", null],
    ["Subject: x\r\n", null],
  ])("%j", (block, id) => expect(messageIdOf(parseHeaders(octets(block)))).toBe(id));
});

describe("parseAddresses", () => {
  const one = (name: string, email: string) => ({ name, email });
  test.each([
    ["a@b.c", [one("", "a@b.c")]],
    ['A B <a@b.c>, "x, y" <d@e.f>', [one("A B", "a@b.c"), one("x, y", "d@e.f")]],
    ["a@b.c (Comment)", [one("Comment", "a@b.c")]],
    ["friends: a@b.c, D <d@e.f>;, g@h.i", [one("", "a@b.c"), one("D", "d@e.f"), one("", "g@h.i")]],
    ["undisclosed-recipients:;", []],
    ["", []],
    ["<>", []],
    [", ,a@b.c,,", [one("", "a@b.c")]],
    ["MAILER-DAEMON", [one("MAILER-DAEMON", "")]],
    ["<@route,@r2:user@x.y>", [one("", "user@x.y")]],
    ['"q s"@x.y', [one("", '"q s"@x.y')]],
    ["J <j@x.y", [one("J", "j@x.y")]],
    ["=?utf-8?Q?M=C3=BCller=2C_A?= <m@x.de>", [one("Müller, A", "m@x.de")]],
    ['"=?utf-8?Q?J=C3=B6rg?=" <j@x.y>', [one("Jörg", "j@x.y")]],
    ["=?utf-8?Q?Doe,_John?= <j@x.y>, a@b.c", [one("Doe, John", "j@x.y"), one("", "a@b.c")]],
    // Neither a quoted nor an encoded name makes an address.
    ['"a@evil.com" <b@good.com>', [one("a@evil.com", "b@good.com")]],
    ["=?utf-8?B?PGV2aWxAeC55Pg==?= <a@b.c>", [one("<evil@x.y>", "a@b.c")]],
    ["=?utf-8?Q?evil=40x.y=2C?= <a@b.c>", [one("evil@x.y,", "a@b.c")]],
    ["=?utf-8?Q?a=0D=0AB:?= <a@b.c>", [one("a B:", "a@b.c")]],
  ])("%s", (field, addresses) => expect(parseAddresses(field)).toEqual(addresses));

  test("hostile fields take no time", () => {
    const start = performance.now();
    for (const piece of ["a@b.c,", "(", "<", '"', "a:", "\\", ";", "=?utf-8?Q?"]) parseAddresses(piece.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
