import { describe, expect, test } from "vitest";
import { parseEnvelope } from "../../src/mime/parse-envelope.ts";
import { parseStructure } from "../../src/mime/parse-raw.ts";
import { maxDsnOctets, mayBeDsn, readDsn } from "../../src/mime/read-dsn.ts";
import { corpus } from "../corpus/all.ts";
import { bounces } from "./bounces.ts";
import { randomFrom } from "./random.ts";

const octets = (text: string): Buffer => Buffer.from(text, "latin1");

describe("readDsn", () => {
  test.each(bounces)("$name", async ({ raw, dsn }) => {
    expect(await readDsn(octets(raw))).toEqual(dsn);
    const isRead = mayBeDsn(parseEnvelope(octets(raw)).envelope, parseStructure(octets(raw)));
    expect(isRead || dsn === null).toBe(true);
  });

  test("nothing of the corpus is one but its bounce", async () => {
    const found = await Promise.all(corpus.map(async ({ name, raw }) => ((await readDsn(raw)) ? [name] : [])));
    expect(found.flat()).toEqual(["structure: a bounce"]);
  });

  test("a listing tells what is not worth reading", () => {
    const raw = octets("From: Ann <ann@example.com>\r\n\r\n");
    expect(mayBeDsn(parseEnvelope(raw).envelope, parseStructure(raw))).toBe(false);
    expect(mayBeDsn({ from: null }, null)).toBe(true);
    expect(mayBeDsn({ from: { name: "", email: "Mailer-Daemon@x.y" } }, null)).toBe(true);
  });

  test("reads a large one's beginning, and a thousand of its recipients", async () => {
    const { raw, dsn } = bounces[0] ?? { raw: "", dsn: null };
    const large = octets(raw.replace("Hello Bob,", `Hello Bob,\r\n${"x".repeat(70)}\r\n`.repeat(100_000)));
    expect(large.length).toBeGreaterThan(20 * maxDsnOctets);
    expect(await readDsn(large)).toEqual(dsn);

    const groups = Array.from(
      { length: 5000 },
      (_, n) => `Final-Recipient: rfc822; ${n}@x.y\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n`,
    );
    const many = raw.replace(/Final-Recipient[^]*?\r\n\r\n?--r/, `${groups.join("")}--r`);
    expect((await readDsn(octets(many)))?.recipients).toHaveLength(1000);
    const listed = Array.from({ length: 5000 }, (_, n) => `<${n}@x.y>:\n550 no\n\n`).join("");
    const plain = `From: MAILER-DAEMON@x.y\nSubject: failure notice\n\nHi.\n\n${listed}`;
    expect((await readDsn(octets(plain)))?.recipients).toHaveLength(1000);
  });

  test("tells nothing of more than a line or 500 characters, and no controls", async () => {
    const words = `550 5.1.1 ${"long ".repeat(1000)}`;
    const raw = `From: MAILER-DAEMON@x.y\r\nSubject: failure notice\r\n\r\nHi.\r\n\r\n<bob@x.y>:\r\n${words}\x07\x1b[31m\r\n`;
    const [recipient] = (await readDsn(octets(raw)))?.recipients ?? [];
    expect(recipient?.diagnostic).toHaveLength(500);
    expect(recipient?.diagnostic).not.toMatch(/\p{Cc}/u);
  });
});

describe("hostile ones", () => {
  test("bounces with octets changed, cut, doubled and mixed never throw, and keep the form", async () => {
    const random = randomFrom(11);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    const raws = bounces.map(({ raw }) => raw);
    const odd = [
      "\r\n",
      "\n\n",
      "\0",
      "<",
      ">:",
      "@",
      "\xff",
      ":",
      ";",
      "550",
      "5.1.1",
      "--r",
      "  ",
      "(",
      "-".repeat(30),
      "=?utf-8?Q?",
    ];
    for (let round = 0; round < 1500; round++) {
      let raw = pick(raws);
      for (let change = 0; change < 6; change++) {
        const at = Math.floor(random() * raw.length);
        const end = at + Math.floor(random() * 60);
        const other = pick(raws);
        const piece = pick([pick(odd), raw.slice(at, end).repeat(2), "", other.slice(at, end + 100)]);
        raw = raw.slice(0, at) + piece + raw.slice(random() < 0.5 ? at : end);
      }
      const dsn = await readDsn(octets(raw));
      for (const { email, status, code, diagnostic, remoteMta } of dsn?.recipients ?? []) {
        expect(email).toMatch(/^[^\s<>]+@[^\s<>@]+$/);
        expect(status ?? "5.0.0").toMatch(/^[245]\.\d{1,3}\.\d{1,3}$/);
        expect(code ?? 400).toBeGreaterThanOrEqual(400);
        expect(`${email}${diagnostic}${remoteMta}`).not.toMatch(/\p{Cc}/u);
        expect(diagnostic?.length ?? 0).toBeLessThanOrEqual(500);
      }
      const emails = (dsn?.recipients ?? []).map(({ email }) => email.toLowerCase());
      expect(new Set(emails).size).toBe(emails.length);
    }
  });

  const notice = "From: MAILER-DAEMON@x.y\r\nSubject: failure notice\r\n";
  const status = `${notice}Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n`;
  const heads: [string, string][] = [
    ["a notice", `${notice}\r\n`],
    ["a recipient in a notice", `${notice}\r\nHi.\r\n\r\n<a@b.c>:\r\n`],
    ["X-Failed-Recipients", `${notice}X-Failed-Recipients: `],
    ["a report", status],
    ["a Diagnostic-Code", `${status}Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nDiagnostic-Code: smtp; `],
  ];
  const pieces = [
    ..."< ( [ : ; @ . - a 5 \n \r \t = \\ '".split(" "),
    " ",
    "\n\n",
    " \n",
    "a@b.c ",
    "<a@b.c>: ",
    "a@b.c:\n",
    "a@b.c\n",
    "  a@b.c\n    550 5.1.1\n",
    "550 ",
    "5.1.1 ",
    "host ",
    "host a.",
    "a.a.",
    "1.1.",
    "1.1.1.1 [",
    "by a-",
    "(generated from ",
    "Final-Recipient: rfc822; ",
    "Final-Recipient: a@b.c\n\n",
    "Action: failed\n\n",
    "\\x{41}",
    "x;",
    "---",
    "--- \n",
    "delivery ",
    "n't be able to ",
    "mail delivery ",
    "said: 5",
    "error ",
  ];
  test.each(heads)(
    "much of anything in %s takes no time",
    async (_, head) => {
      for (const piece of pieces) {
        const much = piece.repeat(Math.ceil(maxDsnOctets / piece.length));
        // Also in lines as long as they are read, which end in something else.
        for (const text of [much, `${much.slice(0, 1990)}x\n`.repeat(130)]) {
          const startedAt = performance.now();
          await readDsn(octets(head + text));
          expect({ piece, isFast: performance.now() - startedAt < 1000 }).toMatchObject({ isFast: true });
        }
      }
    },
    30_000,
  );
});
