import { describe, expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { parseStructure } from "../../src/mime/parse-raw.ts";
import { findPart } from "../../src/mime/walk.ts";
import { rawMessages } from "./raw-messages.ts";

function parse(raw: string): Part {
  return parseStructure(Buffer.from(raw, "latin1"));
}

/** One line per part: section, type, encoded size. */
function outline(part: Part): string[] {
  const line = `${part.section || "-"} ${part.contentType} ${part.encodedSize}`;
  return [line, ...part.children.flatMap(outline)];
}

describe("messages as servers see them", () => {
  test.each(rawMessages)("$name", ({ raw, parts }) => expect(outline(parse(raw))).toEqual(parts));

  test.each(rawMessages)("$name, cut anywhere, is still read", ({ raw }) => {
    for (let end = 0; end <= raw.length; end += 7) expect(parse(raw.slice(0, end)).contentType).not.toBe("");
  });
});

test.each(rawMessages)("$name with LF line ends has the same parts", ({ raw, parts }) => {
  const places = (lines: string[]) => lines.map((line) => line.replace(/ \d+$/, ""));
  expect(places(outline(parse(raw.replaceAll("\r\n", "\n"))))).toEqual(places(parts));
});

describe("a part's fields", () => {
  const body = (header: string) => parse(`${header}\r\n\r\nx`);

  test("all of them", () =>
    expect(
      body(
        'Content-Type: Image/PNG (a comment); NAME="a b.png"; x-unit=1\r\nContent-Disposition: Inline;\r\n\tfilename=c.png\r\n' +
          "Content-ID: <logo@x>\r\nContent-Transfer-Encoding: BASE64",
      ),
    ).toEqual({
      section: "1",
      contentType: "image/png",
      parameters: { name: "a b.png", "x-unit": "1" },
      disposition: "inline",
      filename: "c.png",
      contentId: "logo@x",
      encoding: "base64",
      encodedSize: 1,
      children: [],
    }));

  test("none of them", () =>
    expect(body("Subject: x")).toMatchObject({
      contentType: "text/plain",
      parameters: {},
      disposition: null,
      filename: null,
      contentId: null,
      encoding: "7bit",
    }));

  test.each([
    ["text", "text/plain"],
    ["", "text/plain"],
    ["/", "text/plain"],
    ["text/plain charset=utf-8", "text/plain"],
    ["application/x-foo+bar.1;", "application/x-foo+bar.1"],
    ["multipart/mixed", "text/plain"],
    ['multipart/mixed; boundary=""', "text/plain"],
  ])("the type %j is %s", (type, contentType) => expect(body(`Content-Type: ${type}`).contentType).toBe(contentType));

  test.each([
    ['attachment; filename="plain.txt"', "plain.txt"],
    ["attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"],
    ["attachment; filename*0*=iso-8859-1''Gr%F6; filename*1=\"sse.pdf\"", "Grösse.pdf"],
    ["attachment; filename=x.pdf; filename*=utf-8''y.pdf", "y.pdf"],
    ['attachment; filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="', "Größe.pdf"],
    ["attachment; filename=a b (1).pdf", "a b (1).pdf"],
    ['attachment; filename="a\\"b.pdf"', 'a"b.pdf'],
    ['attachment; filename="a\r\n\tb.pdf"', "a b.pdf"],
    ["attachment; filename*=utf-8''a%0D%0Ab.pdf", "a b.pdf"],
    ["attachment", null],
    ["attachment; filename=", null],
  ])("the name in %j", (disposition, filename) =>
    expect(body(`Content-Disposition: ${disposition}`).filename).toBe(filename),
  );

  test("the name of Content-Type where the disposition has none", () =>
    expect(body('Content-Type: image/png; name="n.png"\r\nContent-Disposition: attachment').filename).toBe("n.png"));
});

describe("hostile messages", () => {
  const nested = (depth: number) =>
    Array.from(
      { length: depth },
      (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`,
    )
      .join("")
      .concat("\r\nx\r\n");

  test("multiparts 400 deep: 100 are told apart", () => {
    const root = parse(nested(400));
    const section = Array.from({ length: 100 }, () => "1").join(".");
    expect(findPart(root, section)).toMatchObject({ contentType: "application/octet-stream", children: [] });
  });

  test("messages 400 deep", () => {
    const root = parse("Content-Type: message/rfc822\r\n\r\n".repeat(400));
    expect(outline(root)).toHaveLength(101);
  });

  test("100,000 parts: 10,000 are told apart", () => {
    const root = parse(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(100_000)}`);
    expect(outline(root).length).toBe(10_000);
  });

  test.each([
    [
      "lines that look like boundaries",
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--x\r\n".repeat(2_000_000)}`,
    ],
    ["one line of dashes", `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"-".repeat(10_000_000)}`],
    ["a header without end", "A: b\r\n".repeat(1_500_000)],
    ["deep, each level with much text", nested(100) + "--y\r\n".repeat(1_000_000)],
    ["nothing but line ends", "\n".repeat(10_000_000)],
  ])("10 MB of %s take at most two seconds", (_, raw) => {
    const octets = Buffer.from(raw, "latin1");
    const start = performance.now();
    parseStructure(octets);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("names of the prototype are parameters", () =>
    expect(Object.keys(parse("Content-Type: text/plain; __proto__=a; constructor=b\r\n\r\n").parameters)).toEqual([
      "__proto__",
      "constructor",
    ]));
});
