import type { ImapAttribute } from "imapflow";
import { expect, test } from "vitest";
import { findPart } from "../../../src/mime/walk.ts";
import { toPart } from "../../../src/protocols/imap/structure.ts";

type Nested = string | Buffer | null | Nested[];

/** A list as imapflow reads it off the wire; null is NIL, a Buffer a literal. */
function tokens(value: Nested): ImapAttribute {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(tokens);
  return { type: Buffer.isBuffer(value) ? "LITERAL" : "STRING", value };
}

const text: Nested = ["TEXT", "Plain", ["CHARSET", "utf-8"], null, null, "BASE64", "3", "1", null, null];
const html: Nested = ["text", "html", null, null, null, "7bit", "9", "1"];
const envelope: Nested = Array.from({ length: 10 }, () => null);
const eml: Nested = ["attachment", ["filename", "m.eml"]];
function rfc822(body: Nested): Nested {
  const common: Nested[] = ["message", "rfc822", null, null, null, "7BIT", "90"];
  return [...common, envelope, body, "4", null, eml];
}

test("gives every part the section path that IMAP knows it by", () => {
  const png: Nested = [
    "IMAGE",
    "PNG",
    ["NAME", "a.png"],
    "<i@x>",
    null,
    "base64",
    "120",
    null,
    ["ATTACHMENT", ["FileName", "b.png"]],
  ];
  const forwarded = rfc822([text, rfc822(text), "mixed"]);
  const part = toPart(tokens([[text, html, "ALTERNATIVE"], forwarded, png, "mixed", ["boundary", "b"]]));
  if (!part) throw new Error("no structure");
  expect(part).toMatchObject({ section: "", contentType: "multipart/mixed", parameters: { boundary: "b" } });
  expect(["1.1", "1.2", "2.1", "2.2.1", "3"].map((section) => findPart(part, section)?.contentType)).toEqual([
    "text/plain",
    "text/html",
    "text/plain",
    "text/plain",
    "image/png",
  ]);
  expect(findPart(part, "2")).toMatchObject({ contentType: "message/rfc822", filename: "m.eml", encodedSize: 90 });
  expect(findPart(part, "3")).toMatchObject({
    filename: "b.png",
    contentId: "i@x",
    disposition: "attachment",
    encoding: "base64",
  });
  expect(findPart(part, "1.1")).toMatchObject({ encoding: "base64", encodedSize: 3, parameters: { charset: "utf-8" } });
  expect(toPart(tokens(text))?.section).toBe("1");
});

test("names are decoded as those of a raw message are", () => {
  const named = (...parameters: Nested[]) =>
    toPart(tokens(["a", "b", ["name", "n"], null, null, "7bit", "1", null, ["attachment", parameters]]))?.filename;
  expect(named("filename*", "utf-8''Gr%C3%B6%C3%9Fe")).toBe("Größe");
  expect(named("filename*1", "b", "filename*0*", "utf-8''%C3%A4")).toBe("äb");
  expect(named("filename", "=?utf-8?Q?=C3=A4?=")).toBe("ä");
  expect(named("filename", Buffer.from([0xc3, 0xa4]))).toBe("ä");
  expect(named("filename", Buffer.from("b1a8bcdbb5a5", "hex"))).toBe("报价单");
  expect(named("filename", "../..")).toBe("n");
});

test("a text part whose server leaves out the lines, and the shortest forms", () => {
  const short: Nested = [
    "text",
    "plain",
    null,
    null,
    null,
    "7bit",
    "3",
    null,
    ["attachment", ["filename", "a"]],
    null,
    null,
  ];
  expect(toPart(tokens(short))).toMatchObject({ disposition: "attachment", filename: "a" });
  expect(toPart(tokens(["text", "plain"]))).toMatchObject({
    contentType: "text/plain",
    encoding: "7bit",
    encodedSize: 0,
  });
  expect(toPart(tokens([[["text", "plain"], "mixed"], "mixed"]))?.children[0]?.section).toBe("1");
});

test("one empty text is what servers make up where a boundary is nowhere", () => {
  const empty: Nested = ["text", "plain", null, null, null, "7bit", "0", "0"];
  expect(toPart(tokens([empty, "mixed"]))).toBeNull();
  expect(toPart(tokens([empty, html, "mixed"]))?.children).toHaveLength(2);
  expect(toPart(tokens(empty))).toMatchObject({ encodedSize: 0 });
});

test.each<{ value: Nested }>([
  { value: [] },
  { value: [[]] },
  { value: null },
  { value: "x" },
  { value: [null, null] },
  { value: [["text", "plain"]] },
])("$value is no structure", ({ value }) => expect(toPart(tokens(value))).toBeNull());

test("does not follow a structure without bottom", () => {
  let node: Nested = text;
  for (let depth = 0; depth < 2_000; depth++) node = rfc822(node);
  expect(toPart(tokens(node))?.contentType).toBe("message/rfc822");
});
