import { expect, test } from "vitest";
import { readRaw } from "./read-raw.ts";

const mebi = 1024 * 1024;

/** `piece` again and again, in octets. */
function repeated(piece: string, octets: number): string {
  return piece.repeat(Math.ceil(octets / piece.length));
}

const head = "From: Ann <ann@example.com>\r\nMIME-Version: 1.0\r\n";
const body = (type: string, encoding: string, text: string) =>
  `${head}Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}`;

function deep(levels: number): string {
  const opened = Array.from(
    { length: levels },
    (_, n) => `Content-Type: multipart/mixed; boundary=b${n}.\r\n\r\n--b${n}.\r\n`,
  );
  return `${opened.join("")}\r\nx\r\n`;
}

/** Long fields; 2 MiB are all that is read of a header. */
const fields: [name: string, value: string][] = [
  ..."Subject From To Date References Content-Type Content-Disposition Content-Transfer-Encoding Content-ID"
    .split(" ")
    .flatMap((name) =>
      [
        "<",
        "(",
        "=?",
        '"',
        "\\",
        ";",
        ",",
        ":",
        "=",
        "é",
        " \t",
        "a@b.c,",
        "=?utf-8?Q?",
        "=?utf-8?B?/?=",
        "=?utf-8?Q?=?= ",
        "[",
        "@",
      ].map((piece): [string, string] => [name, repeated(piece, mebi / 2)]),
    ),
  ["Subject", Array.from({ length: 80_000 }, (_, n) => `=?x-${n}?Q?=C3=A4?=`).join(" ")],
  ["Subject", `${repeated("=?utf-8?Q?", mebi)}?=`],
  ["To", Array.from({ length: 100_000 }, (_, n) => `"N ${n}" <n${n}@x.y>`).join(",")],
  ["Content-Type", `text/plain${Array.from({ length: 100_000 }, (_, n) => `; name*${n}*=%41`).join("")}`],
  ["Content-Type", `text/plain ${repeated("(", mebi)};a=b`],
  ["Content-Type", `text/plain; ${repeated("(;", mebi)}`],
  ["Content-Type", `text/plain; ${repeated("(x)", mebi)}`],
  ["Content-Type", `text/plain; name="${repeated("\\\\", mebi)}`],
  ["Content-Disposition", `attachment; filename*=utf-8''${repeated("%4", mebi)}`],
  ["Content-Disposition", `attachment; filename=${repeated("/ ", mebi)}`],
];

const messages: [name: string, raw: string][] = [
  ["10 MB of < in a page", body("text/html", "8bit", repeated("<", 10 * mebi))],
  ["10 MB of <meta in a page", body("text/html", "8bit", repeated("<meta ", 10 * mebi))],
  ["10 MB of = in base64", body("application/zip", "base64", repeated("=", 10 * mebi))],
  ["10 MB of padded blocks in base64", body("application/zip", "base64", repeated("YQ==\r\n", 10 * mebi))],
  ["10 MB behind padding in base64", body("application/zip", "base64", `YQ==${repeated("Y", 10 * mebi)}`)],
  ["10 MB of = in quoted-printable", body("text/plain", "quoted-printable", repeated("=", 10 * mebi))],
  ["10 MB of spaces in quoted-printable", body("text/plain", "quoted-printable", repeated(" ", 10 * mebi))],
  ["10 MB of flowed quotes", body("text/plain; format=flowed", "8bit", repeated("> ", 10 * mebi))],
  [
    "10 MB of one flowed paragraph",
    body("text/plain; format=flowed; delsp=yes", "8bit", repeated("a \r\n", 10 * mebi)),
  ],
  [
    "10 MB of quotes of all depths",
    body("text/plain; format=flowed", "8bit", repeated(`${">".repeat(1000)} \r\n`, 10 * mebi)),
  ],
  ["10 MB of broken UTF-8", body("text/plain; charset=utf-8", "8bit", repeated("\xc3", 10 * mebi))],
  ["10 MB of escapes of ISO-2022-JP", body("text/plain; charset=iso-2022-jp", "8bit", repeated("\x1b$B", 2 * mebi))],
  ["10 MB of lines of a header", repeated("X: y\r\n", 10 * mebi)],
  ["10 MB of folded lines", `Subject: x\r\n${repeated(" y\r\n", 10 * mebi)}`],
  ["20,000 parts", `${head}Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(20_000)}`],
  [
    "20,000 alternatives",
    `${head}Content-Type: multipart/alternative; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(20_000)}`,
  ],
  ["multiparts 10,000 deep", deep(10_000)],
  ["messages 50,000 deep", "Content-Type: message/rfc822\r\n\r\n".repeat(50_000)],
  ["100 boundaries against 10 MB", deep(99) + repeated("\r\n--b", 10 * mebi)],
];

/** What Postern can afford for one message, on a machine that does other things as well. */
const mostMs = 4000;
const mostHeap = 700 * mebi;

/** Milliseconds and octets of heap that reading takes. */
async function costOf(raw: string): Promise<{ ms: number; heap: number }> {
  const octets = Buffer.from(raw, "latin1");
  const heap = process.memoryUsage().heapUsed;
  const start = performance.now();
  await readRaw(octets);
  return { ms: performance.now() - start, heap: process.memoryUsage().heapUsed - heap };
}

test.each(messages)(
  "%s",
  async (_, raw) => {
    const { ms, heap } = await costOf(raw);
    expect(ms).toBeLessThan(mostMs);
    expect(heap).toBeLessThan(mostHeap);
  },
  20_000,
);

test.each([...new Set(fields.map(([name]) => name))])(
  "much of anything in %s",
  async (name) => {
    for (const [field, value] of fields) {
      if (field !== name) continue;
      const { ms, heap } = await costOf(`${name}: ${value}\r\n\r\nx\r\n`);
      expect({ start: value.slice(0, 20), isFast: ms < mostMs }).toMatchObject({ isFast: true });
      expect(heap).toBeLessThan(mostHeap);
    }
  },
  60_000,
);
