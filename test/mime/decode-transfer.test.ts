import { randomBytes } from "node:crypto";
import { encode, wrap } from "nodemailer/lib/qp";
import { describe, expect, test } from "vitest";
import { decodeTransfer } from "../../src/mime/decode-transfer.ts";
import { chunked, collect, randomFrom } from "./random.ts";

async function* from(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk, "latin1");
}

async function decoded(encoding: string, ...chunks: string[]): Promise<string> {
  return (await collect(decodeTransfer(encoding, from(...chunks)))).toString("latin1");
}

describe("base64", () => {
  test.each([
    { name: "empty", chunks: [], text: "" },
    { name: "no padding", chunks: ["aGVsbG8"], text: "hello" },
    { name: "a lost last character", chunks: ["aGVsbG8gd"], text: "hello " },
    { name: "line ends of all kinds", chunks: ["aG\r\nVs\nbG\r8="], text: "hello" },
    { name: "octet by octet", chunks: "aGVsbG8gd29ybGQ=".split(""), text: "hello world" },
    { name: "padding at a chunk's border", chunks: ["aGVsbG8", "=", "\r\n"], text: "hello" },
    { name: "joined blocks", chunks: ["aGVsbG8=IHdvcmxk", "IQ==", "IQ==\r\nIQ=="], text: "hello world!!!" },
    { name: "padding split over chunks between blocks", chunks: ["IQ=", "=IQ", "==IQ=="], text: "!!!" },
    { name: "junk", chunks: ["aGV!s*bG\u0000\u00ff8-_="], text: "hello" },
    { name: "only junk", chunks: ["====", "\r\n", "***"], text: "" },
  ])("$name", async ({ chunks, text }) => expect(await decoded("base64", ...chunks)).toBe(text));

  test("2,000 random texts in random chunks", async () => {
    const random = randomFrom(1);
    for (let round = 0; round < 2000; round++) {
      const octets = randomBytes(Math.floor(random() * 400));
      const width = 1 + Math.floor(random() * 80);
      const blocks = random() < 0.5 ? [octets] : [octets.subarray(0, 50), octets.subarray(50)];
      const encoded = blocks.map((block) => block.toString("base64").replace(new RegExp(`.{${width}}`, "g"), "$&\r\n"));
      const input = chunked(Buffer.from(encoded.join("\r\n")), random, 1 + Math.floor(random() * 60));
      expect(await collect(decodeTransfer("BASE64", input))).toEqual(octets);
    }
  });
});

function lineBreakEscapes(lineBreak: string): string {
  return lineBreak.replace("\r", "=0D").replace("\n", "=0A");
}

describe("what follows base64's padding", () => {
  test.each([
    ["blocks of their own", "YQ==\r\nYmM=\r\nZGVm", "abcdef"],
    ["blocks on the same line", "YQ==YmM=ZGVm", "abcdef"],
    ["a line that is no base64", "YQ==\r\n\r\n--\r\nYmM=\r\n", "a"],
    ["blocks, and then such a line", "YQ==\nYmM=\n(scanned) \nZGVm", "abc"],
    ["words without a line end", "YQ== and so on", "a"],
  ])("%s, however it is cut", async (_, encoded, text) => {
    const random = randomFrom(7);
    for (let round = 0; round < 50; round++) {
      const decoded = await collect(decodeTransfer("base64", chunked(Buffer.from(encoded), random, 1 + (round % 9))));
      expect(decoded.toString()).toBe(text);
    }
  });
});

describe("quoted-printable", () => {
  test.each([
    { name: "empty", chunks: [], text: "" },
    { name: "escapes", chunks: ["=E4=f6 =3D"], text: "\u00e4\u00f6 =" },
    { name: "an escape split", chunks: ["a=", "E", "4b"], text: "a\u00e4b" },
    { name: "a soft break split", chunks: ["a=", "\r", "\nb=", "\nc"], text: "abc" },
    { name: "a soft break with white space after it", chunks: ["a= ", "\t\r", "\nb"], text: "ab" },
    { name: "white space at the line's end", chunks: ["a ", "\t", "\r\n b \n"], text: "a\r\n b\n" },
    { name: "white space inside a line", chunks: ["a ", " ", "b"], text: "a  b" },
    { name: "white space at the end", chunks: ["a ", " "], text: "a" },
    { name: "an encoded space at the line's end", chunks: ["a=20\r\nb"], text: "a \r\nb" },
    { name: "malformed escapes", chunks: ["=ZZ =4", "X =", "= 1=2"], text: "=ZZ =4X == 1=2" },
    { name: "a lost soft break at the end", chunks: ["abc", "="], text: "abc" },
    { name: "an escape cut off at the end", chunks: ["abc=4"], text: "abc=4" },
    { name: "raw 8-bit octets", chunks: ["\u00e4=E4"], text: "\u00e4\u00e4" },
    { name: "bare CR", chunks: ["a\r", "b\r"], text: "a\rb\r" },
  ])("$name", async ({ chunks, text }) => expect(await decoded("quoted-printable", ...chunks)).toBe(text));

  test("2,000 random texts in random chunks", async () => {
    const random = randomFrom(2);
    for (let round = 0; round < 2000; round++) {
      const octets = randomBytes(Math.floor(random() * 400));
      const encoded = wrap(encode(octets).replace(/\r\n|\r|\n/g, lineBreakEscapes), 76);
      const input = chunked(Buffer.from(encoded), random, 1 + Math.floor(random() * 60));
      expect(await collect(decodeTransfer("Quoted-Printable", input))).toEqual(octets);
    }
  });

  test("2,000 malformed texts come out the same however they are cut", async () => {
    const random = randomFrom(3);
    const pieces = [
      "=",
      "=4",
      "=41",
      "=e4",
      "=\r\n",
      "=\n",
      " ",
      "\t",
      "\r\n",
      "\n",
      "\r",
      "a",
      "Z9",
      "\u00e4",
      "= \r\n",
    ];
    for (let round = 0; round < 2000; round++) {
      const count = Math.floor(random() * 60);
      const text = Array.from({ length: count }, () => pieces[Math.floor(random() * pieces.length)]).join("");
      const input = chunked(Buffer.from(text, "latin1"), random, 1 + Math.floor(random() * 12));
      const output = (await collect(decodeTransfer("quoted-printable", input))).toString("latin1");
      expect({ text, output }).toEqual({ text, output: await decoded("quoted-printable", text) });
    }
  });

  test.each([" ", "=", "= ", " \t\r"])("%j without end is not collected", async (piece) => {
    const chunks = Array.from({ length: 500 }, () => piece.repeat(5000));
    const start = performance.now();
    expect(await decoded("quoted-printable", ...chunks, "x\r\ny")).toMatch(/x\r\ny$/);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("other encodings", () => {
  test.each(["7bit", "8bit", "binary", "", "x-uuencode", "7BIT"])("%j passes", async (encoding) =>
    expect(await decoded(encoding, "a=E4 ", "=\r\n", "\u00ff")).toBe("a=E4 =\r\n\u00ff"),
  );

  test.each([" Base64 ", "BASE64"])("the name %j in any case", async (encoding) =>
    expect(await decoded(encoding, "aGk=")).toBe("hi"),
  );
});

test.each(["base64", "quoted-printable", "7bit"])("a broken line breaks %s off", async (encoding) => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("aGVsbG8=");
    throw new Error("line lost");
  }
  await expect(collect(decodeTransfer(encoding, broken()))).rejects.toThrow("line lost");
});

test("who stops reading stops the source", async () => {
  let returned = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from("aGVsbG8g");
    } finally {
      returned = true;
    }
  }
  for await (const chunk of decodeTransfer("base64", endless())) {
    expect(chunk.toString()).not.toBe("");
    break;
  }
  expect(returned).toBe(true);
});
