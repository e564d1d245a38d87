import { describe, expect, test } from "vitest";
import { buildMessage, compileMessage, type MessageContent } from "../../src/mime/build-message.ts";
import { serialise } from "../../src/mime/serialise.ts";
import { collect, randomFrom } from "./random.ts";

const least: MessageContent = {
  from: { name: "", email: "from@example.com" },
  to: [{ name: "", email: "to@example.com" }],
  cc: [],
  replyTo: [],
  subject: "Hello",
  attachments: [],
  headers: [],
  messageId: "<id-1@example.com>",
  date: new Date("2026-11-22T10:00:00.000Z"),
};

const calendar = {
  method: "REQUEST",
  content: "BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:Grüße\nEND:VCALENDAR\n",
} as const;
const logo = { filename: "l.png", contentType: "image/png", content: Buffer.alloc(99, 1), contentId: "logo@x" };

/** Words that are hard on line breaks: blanks at ends, long runs, 8-bit, dots, `=` and what looks like escapes. */
const words = [
  "a",
  "ü",
  "👋",
  " ",
  "\t",
  "\n",
  "\r\n",
  "\r",
  ".",
  "=",
  "=C3",
  "From ",
  "x".repeat(75),
  "ü".repeat(40),
  "- ",
  ", ",
];

function textOf(pick: (most: number) => number): string {
  return Array.from({ length: pick(60) }, () => words[pick(words.length)] ?? "").join("");
}

/** The same tree both ways: boundaries are made when it is compiled. */
async function bothWays(message: MessageContent): Promise<{ whole: string; streamed: string }> {
  const tree = compileMessage(message);
  const whole = serialise(tree).toString("latin1");
  return { whole, streamed: (await collect(tree.createReadStream())).toString("latin1") };
}

describe("a short message told at once is what nodemailer streams", () => {
  test.each<[string, Partial<MessageContent>]>([
    ["nothing", {}],
    ["an empty text", { text: "" }],
    ["ASCII", { text: "Hello\n" }],
    ["no line end", { text: "Hello" }],
    ["long lines", { text: "word ".repeat(500) }],
    ["blanks at the end", { text: `${"ü ".repeat(50)}\nend \t ` }],
    ["blanks at the end of a full line", { text: `${"x".repeat(75)}ü ${" ".repeat(80)}` }],
    ["only blanks", { text: " ".repeat(200) }],
    ["mostly 8-bit", { text: "日本語".repeat(300) }],
    ["html", { html: "<b>ü</b>" }],
    ["both", { text: "a", html: "<p>b</p>" }],
    ["a calendar", { text: "a", html: "<p>b</p>", calendar }],
    ["a calendar alone", { calendar }],
    [
      "an attachment",
      { text: "a", attachments: [{ filename: "ü.bin", contentType: "a/b", content: Buffer.alloc(5000, 7) }] },
    ],
    ["an empty one alone", { attachments: [{ filename: "a", contentType: "a/b", content: new Uint8Array() }] }],
    ["an image in the page", { text: "a", html: "b", attachments: [logo] }],
    ["addresses", { to: Array.from({ length: 40 }, (_, n) => ({ name: `Jörg ${n}`, email: `j${n}@bücher.example` })) }],
    ["a local part that is not ASCII", { from: { name: "ü", email: "jörg@example.com" }, text: "ü" }],
    ["headers", { headers: [{ name: "X-A", value: "ü ".repeat(100) }], text: "x" }],
  ])("%s", async (_, change) => {
    const { whole, streamed } = await bothWays({ ...least, ...change });
    expect(whole).toBe(streamed);
  });

  test("500 random ones", async () => {
    const next = randomFrom(7);
    const pick = (most: number): number => Math.floor(next() * most);
    for (let n = 0; n < 500; n += 1) {
      const text = pick(4) === 0 ? undefined : textOf(pick);
      const html = pick(2) === 0 ? undefined : textOf(pick);
      const attachments = pick(3) === 0 ? [{ ...logo, content: Buffer.alloc(pick(300), pick(256)) }] : [];
      const { whole, streamed } = await bothWays({
        ...least,
        subject: textOf(pick).replace(/[\r\n\t]/g, ""),
        text,
        html,
        attachments,
      });
      expect(whole).toBe(streamed);
    }
  });
});

test("what is long, or comes as a stream, is streamed", () => {
  expect(buildMessage({ ...least, text: "short" })).toBeInstanceOf(Uint8Array);
  expect(buildMessage({ ...least, text: "x".repeat(100_000) })).not.toBeInstanceOf(Uint8Array);
  const attachment = { filename: "a", contentType: "a/b", content: () => collectable() };
  expect(buildMessage({ ...least, attachments: [attachment] })).not.toBeInstanceOf(Uint8Array);
});

async function* collectable(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("a");
}
