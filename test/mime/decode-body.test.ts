import { describe, expect, test } from "vitest";
import { decodeText } from "../../src/mime/decode-body.ts";
import { leaf } from "./parts.ts";

type Case = {
  name: string;
  charset?: string;
  octets: number[] | string;
  text: string;
  warnings?: string[];
};

const eAcuteLatin1 = [0x63, 0x61, 0x66, 0xe9];

const cases: Case[] = [
  { name: "utf-8", charset: "utf-8", octets: "héllo ✓", text: "héllo ✓" },
  { name: "utf-8 with a byte order mark", charset: "UTF8", octets: "\ufeffa", text: "a" },
  {
    name: "utf-8 with a broken octet",
    charset: "utf-8",
    octets: [0xc3, 0xa4, ...eAcuteLatin1, 0x21, 0x21, 0x21],
    text: "äcaf\ufffd!!!",
    warnings: ["encoding-broken"],
  },
  {
    name: "utf-8 that is cut",
    charset: "utf-8",
    octets: [0x61, 0xc3],
    text: "a\ufffd",
    warnings: ["encoding-broken"],
  },
  {
    name: "Latin 1 called utf-8",
    charset: "utf-8",
    octets: [...eAcuteLatin1, 0x20, 0x6e, 0x6f, 0x69, 0x72],
    text: "café noir",
    warnings: ["charset-unknown"],
  },
  { name: "Latin 1", charset: "ISO-8859-1", octets: eAcuteLatin1, text: "café" },
  { name: "utf-8 called Latin 1", charset: "iso-8859-1", octets: "café", text: "café" },
  { name: "utf-8 called ASCII", charset: "us-ascii", octets: "café", text: "café" },
  {
    name: "8-bit called ASCII",
    charset: "us-ascii",
    octets: eAcuteLatin1,
    text: "café",
    warnings: ["charset-unknown"],
  },
  { name: "no charset, ASCII", octets: "plain", text: "plain" },
  { name: "no charset, utf-8", octets: "café", text: "café" },
  { name: "no charset, 8-bit", octets: eAcuteLatin1, text: "café", warnings: ["charset-unknown"] },
  { name: "Windows punctuation", charset: "windows-1252", octets: [0x80, 0x93, 0x94], text: "€“”" },
  { name: "windows-1251", charset: "windows-1251", octets: [0xcf, 0xf0, 0xe8], text: "При" },
  { name: "a Windows alias", charset: "win-1251", octets: [0xcf, 0xf0, 0xe8], text: "При" },
  { name: "a number alone", charset: "8859-5", octets: [0xbf], text: "¿", warnings: ["charset-unknown"] },
  { name: "KOI8-R", charset: "KOI8-R", octets: [0xf0, 0xd2, 0xc9], text: "При" },
  { name: "GBK as gb2312", charset: "gb2312", octets: [0xc4, 0xe3, 0xba, 0xc3], text: "你好" },
  { name: "GBK as x-gbk", charset: "x-gbk", octets: [0xc4, 0xe3], text: "你" },
  { name: "cp936", charset: "cp936", octets: [0xc4, 0xe3], text: "你" },
  { name: "Big5", charset: "Big5", octets: [0xa7, 0x41, 0xa6, 0x6e], text: "你好" },
  { name: "ISO-2022-JP", charset: "iso-2022-jp", octets: [0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42], text: "あ" },
  { name: "Shift_JIS", charset: "shift_jis", octets: [0x82, 0xa0], text: "あ" },
  { name: "EUC-KR", charset: "ks_c_5601-1987", octets: [0xb0, 0xa1], text: "가" },
  {
    name: "a broken GBK tail",
    charset: "gbk",
    octets: [0xc4, 0xe3, 0xba],
    text: "你\ufffd",
    warnings: ["encoding-broken"],
  },
  { name: "code page 437", charset: "cp437", octets: [0x84], text: "ä" },
  { name: "utf-16 by its byte order mark", charset: "utf-16", octets: [0xfe, 0xff, 0x00, 0xe4], text: "ä" },
  { name: "quotes around the name", charset: "\"'utf-8'\"", octets: "é", text: "é" },
  { name: "an unknown name", charset: "x-nothing", octets: "é", text: "é", warnings: ["charset-unknown"] },
  { name: "an unknown name, 8-bit", charset: "unknown-8bit", octets: [0xe9], text: "é", warnings: ["charset-unknown"] },
  { name: "UTF-7 is not decoded", charset: "utf-7", octets: "+ADw-", text: "+ADw-", warnings: ["charset-unknown"] },
  { name: "a name from the prototype", charset: "__proto__", octets: "a", text: "a", warnings: ["charset-unknown"] },
];

describe("charsets", () => {
  test.each(cases)("$name", async ({ charset, octets, text, warnings = [] }) => {
    const part = leaf("text/plain", { parameters: charset === undefined ? {} : { charset } });
    const bytes = typeof octets === "string" ? Buffer.from(octets) : Uint8Array.from(octets);
    expect(await decodeText(part, bytes)).toEqual({ text, warnings });
  });
});

test("transfer encoding, then charset", async () => {
  const parameters = { charset: "iso-8859-1" };
  const quoted = leaf("text/plain", { parameters, encoding: "quoted-printable" });
  expect(await decodeText(quoted, Buffer.from("caf=E9=\r\n!\r\n"))).toEqual({ text: "café!\n", warnings: [] });
  const base64 = leaf("text/plain", { parameters, encoding: "base64" });
  expect(await decodeText(base64, Buffer.from("Y2Fm6Q0K"))).toEqual({ text: "café\n", warnings: [] });
});

describe("html", () => {
  const octets = Buffer.concat([Buffer.from('<html><head><META charset="koi8-r">'), Buffer.from([0xf0])]);
  test("the page's own charset where the part names none", async () =>
    expect((await decodeText(leaf("text/html"), octets)).text).toContain("П"));
  test("the part's charset comes first", async () => {
    const part = leaf("text/html", { parameters: { charset: "windows-1252" } });
    expect((await decodeText(part, octets)).text).toContain("ð");
  });
  test("http-equiv", async () => {
    const page = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">';
    const { text } = await decodeText(leaf("text/html"), Buffer.concat([Buffer.from(page), Buffer.from([0xcf])]));
    expect(text).toBe(`${page}П`);
  });
});

describe("format=flowed", () => {
  const flowed = { format: "Flowed" };
  test.each([
    { name: "soft and hard line ends", body: "one \r\ntwo\r\n\r\nthree", text: "one two\n\nthree" },
    { name: "quotes of one depth", body: "> a \r\n> b\r\n>> c", text: "> a b\n>> c" },
    { name: "space-stuffing", body: " From me\r\n >no quote", text: "From me\n>no quote" },
    { name: "the signature line", body: "bye\r\n-- \r\nme", text: "bye\n-- \nme" },
    { name: "DelSp", body: "Donau \r\ndampf", text: "Donaudampf", parameters: { delsp: "yes" } },
  ])("$name", async ({ body, text, parameters = {} }) => {
    const part = leaf("text/plain", { parameters: { ...flowed, ...parameters } });
    expect((await decodeText(part, Buffer.from(body))).text).toBe(text);
  });

  test("fixed text stays", async () =>
    expect((await decodeText(leaf("text/plain"), Buffer.from("one \r\ntwo"))).text).toBe("one \ntwo"));
  test("html stays", async () => {
    const part = leaf("text/html", { parameters: flowed });
    expect((await decodeText(part, Buffer.from("one \ntwo"))).text).toBe("one \ntwo");
  });
});

test("4 MiB of anything is decoded within a second", async () => {
  for (const encoding of ["base64", "quoted-printable", "8bit"]) {
    for (const octet of ["=", " ", "<", "\r", "\u00e4"]) {
      const part = leaf("text/html", { encoding, parameters: { format: "flowed" } });
      const start = performance.now();
      await decodeText(part, Buffer.alloc(4 * 1024 * 1024, octet, "latin1"));
      expect(performance.now() - start, `${encoding} ${octet}`).toBeLessThan(1000);
    }
  }
});
