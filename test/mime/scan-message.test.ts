import { describe, expect, test } from "vitest";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { scanMessage } from "../../src/mime/scan-message.ts";
import { corpus } from "../corpus/all.ts";
import { randomFrom } from "./random.ts";
import { rawMessages } from "./raw-messages.ts";
import { inChunks, partsOf, type Scanned, scanned } from "./scanned.ts";

const mebi = 1024 * 1024;
const messages = [
  ...corpus.map(({ name, raw }) => ({ name, raw })),
  ...rawMessages.map(({ name, raw }) => ({ name, raw: Buffer.from(raw, "latin1") })),
];

const latin1 = (text: string) => Buffer.from(text, "latin1");

/** What `parseRaw` says, in the words of `scanned`. */
function parsed(raw: Buffer): Omit<Scanned, "header"> {
  const { structure, bodyOf } = parseRaw(raw);
  const bodies = partsOf(structure).map((part) => {
    const octets = bodyOf(part);
    return octets && Buffer.from(octets).toString("latin1");
  });
  return { structure, bodies, octets: raw.toString("latin1") };
}

describe("the chunks don't matter", () => {
  test.each(messages)("$name", ({ raw }) => {
    const whole = parsed(raw);
    const random = randomFrom(raw.length);
    const sizes = [3, 40, 2000].map((most) => () => Math.floor(random() * (most + 1)));
    if (raw.length < 20_000) sizes.push(() => 1);
    for (const size of sizes) expect(scanned(inChunks(raw, size))).toMatchObject(whole);
  });

  test.each(rawMessages)("$name, cut in two anywhere", ({ raw }) => {
    const octets = latin1(raw);
    const whole = parsed(octets);
    for (let cut = 0; cut <= octets.length; cut++) {
      expect(scanned([octets.subarray(0, cut), octets.subarray(cut)])).toMatchObject(whole);
    }
  });

  const pieces = [
    ..."\r\n|\r\n|\n|\r|-|--|--b|--b--|--bb|--bb--|--c|\r\n--b\r\n|\r\n--b--\r\n|\n--bb\n|\r\n--c\r\n|\r\n\r\n|text| x".split(
      "|",
    ),
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "Content-Type: multipart/digest; boundary=bb\r\n",
    "Content-Type: multipart/alternative; boundary=c\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    "Content-Type: multipart/mixed\r\n\r\n",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    `\r\n--b${"x".repeat(1100)}`,
    `--${"y".repeat(997)}`,
  ];

  test("2,000 messages of random pieces in random chunks", () => {
    const random = randomFrom(4);
    const below = (limit: number) => Math.floor(random() * limit);
    for (let round = 0; round < 2000; round++) {
      const start = ["", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n"];
      const rest = Array.from({ length: below(25) }, () => pieces[below(pieces.length)]);
      const raw = latin1((start[below(3)] ?? "") + rest.join(""));
      const most = [1, 2, 8, 60][below(4)] ?? 1;
      const told = scanned(inChunks(raw, () => below(most + 1)));
      expect({ raw: raw.toString("latin1"), ...told }).toMatchObject(parsed(raw));
    }
  });
});

describe("the header block", () => {
  test.each([
    ["with its empty line", "A: b\r\n\r\nx"],
    ["with bare LF", "A: b\n\nx"],
    ["with nothing in it", "\r\nx"],
    ["without a body", "A: b\r\n\r\n"],
    ["without an end", "A: b\r\nC: d"],
    ["of nothing", ""],
  ])("%s", (_, raw) => {
    const { header } = scanned(inChunks(latin1(raw), () => 1));
    expect(header.toString("latin1")).toBe(raw.replace(/x$/, ""));
  });

  test("of which 2 MiB are kept", () => {
    const { header, structure } = scanned([latin1("A: b\r\n".repeat(mebi)), latin1("\r\nx")]);
    expect(header.length).toBe(2 * mebi);
    expect(structure.encodedSize).toBe(1);
  });

  test("of parts, 16 MiB of them together", () => {
    const field = `Content-Type: image/png\r\nX: ${"x".repeat(2 * mebi)}`;
    const raw = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${`--b\r\n${field}\r\n\r\nx\r\n`.repeat(9)}`;
    const types = parseRaw(latin1(raw)).structure.children.map(({ contentType }) => contentType);
    expect(types).toEqual([...Array<string>(8).fill("image/png"), "text/plain"]);
  });
});

describe("what is held back", () => {
  function toldOf(...chunks: string[]): string {
    let told = "";
    const scan = scanMessage({ octets: (octets) => (told += Buffer.from(octets).toString("latin1")) });
    for (const chunk of chunks) scan.write(latin1(chunk));
    return told;
  }
  const open = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n";

  test.each([
    ["nothing of a text", ["A: b\r\n\r\ntext\r\n"], ""],
    ["nothing inside a line", [open, "text"], ""],
    ["a line end", [open, "text\r\n"], "\r\n"],
    ["half of one", [open, "text\r"], "\r"],
    ["a line end and a dash", [open, "text\n-"], "\n-"],
    ["not one that no boundary follows", [open, "text\r\n", "-", "x"], ""],
    ["a line of dashes that has not ended", [open, "text\r\n--x"], "\r\n--x"],
    ["not one that has", [open, "text\r\n--x\n", "y"], ""],
    ["not one that is too long", [open, `text\r\n--${"x".repeat(998)}`], ""],
    ["a preamble", [open.slice(0, -7), "text"], "text"],
  ])("%s", (_, chunks, held) => {
    const all = chunks.join("");
    expect(toldOf(...chunks)).toBe(all.slice(0, all.length - held.length));
  });
});

test.each([
  [mebi, "multipart/mixed", ["1", "2"]],
  [mebi + 1, "text/plain", []],
])("a boundary behind %d octets: %s", (octets, contentType, texts) => {
  const raw = latin1(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"x".repeat(octets)}\r\n--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--`,
  );
  for (const size of [raw.length, 100_000, 777]) {
    const { structure, bodies } = scanned(inChunks(raw, () => size));
    expect(structure).toMatchObject({ contentType, encodedSize: texts.length > 0 ? 0 : raw.length - 45 });
    expect(bodies.slice(1)).toEqual(texts);
  }
});

describe("10 MB take at most four seconds", () => {
  const deep = (prefix: string) =>
    Array.from({ length: 100 }, (_, level) => `${prefix}${level}.`)
      .map((boundary) => `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n`)
      .join("");
  const nested = deep("b");
  const long = `--${"b".repeat(990)}\r\n`;
  test.each([
    ["octet by octet", nested, "x".repeat(76).concat("\r\n"), 1],
    ["lines of dashes octet by octet", nested, long, 1],
    ["lines of dashes in tens", nested, long, 10],
    ["nearly all of a hundred long boundaries", deep("b".repeat(900)), `--${"b".repeat(900)}\r\n`, 64 * 1024],
    ["nearly boundaries", nested, "\r\n--b", 64 * 1024],
    ["one line of dashes", nested, "-", 1000],
    ["one line of a header", "A: ", "b", 1000],
    ["lines of a header", "", "A: b\r\n", 1000],
    ["a boundary's line without end", `${nested}\r\n--b1.`, "x", 1000],
    ["line ends", nested, "\n", 1000],
  ])("%s", (_, head, piece, size) => {
    // An octet at a time costs as much as a network packet does; a tenth will do.
    const octets = latin1(head + piece.repeat((size === 1 ? 1 : 10) * Math.ceil(1e6 / piece.length)));
    const start = performance.now();
    const scan = scanMessage({});
    for (const chunk of inChunks(octets, () => size)) scan.write(chunk);
    expect(scan.end().size).toBe(octets.length);
    expect(performance.now() - start).toBeLessThan(4000);
  });
});
