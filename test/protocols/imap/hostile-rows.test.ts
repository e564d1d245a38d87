import { expect, test } from "vitest";
import { maxBodyBytes } from "../../../src/mail/mailbox.ts";
import { answers, firstPage, openDialog, place, three } from "./dialog.ts";
import { fetchResponse, fieldsItem, type Script } from "./scripted-imap.ts";
import { collect } from "../failure-of.ts";

const there: [RegExp, string] = [/^UID SEARCH/, "* SEARCH 11 12 13\r\n<tag> OK\r\n"];
const one = (uid: number, sequence = uid - 10): string => fetchResponse(sequence, uid);

/** What FETCH and, where asked, UID FETCH are answered with; and the UIDs that are listed, newest first, or the failure. */
const listings: [what: string, script: Script, outcome: number[] | string][] = [
  ["every row comes twice", answers([/^FETCH/, `${three}${three}<tag> OK\r\n`]), [13, 12, 11]],
  ["rows come in another order", answers([/^FETCH/, `${one(13)}${one(11)}${one(12)}<tag> OK\r\n`]), [13, 12, 11]],
  [
    "rows of other sequence numbers come along",
    answers([/^FETCH/, `${fetchResponse(9, 99)}${three}${fetchResponse(4, 14)}<tag> OK\r\n`]),
    [13, 12, 11],
  ],
  [
    "flags of other messages come in between, with and without a UID",
    answers([
      /^FETCH/,
      `* 2 FETCH (FLAGS (\\Seen))\r\n${three}* 8 FETCH (FLAGS ())\r\n* 7 FETCH (UID 5)\r\n<tag> OK\r\n`,
    ]),
    [13, 12, 11],
  ],
  [
    "a row has the UID of another one",
    answers([/^FETCH/, `${one(11)}${one(12)}${fetchResponse(3, 12)}<tag> OK\r\n`], there, [
      /^UID FETCH 13 /,
      `${one(13)}<tag> OK\r\n`,
    ]),
    [13, 12, 11],
  ],
  [
    "all rows are of other messages when asked for by UID",
    answers([/^FETCH/, `${one(11)}<tag> OK\r\n`], there, [
      /^UID FETCH/,
      `${fetchResponse(2, 22)}${fetchResponse(3, 23)}<tag> OK\r\n`,
    ]),
    "upstream-protocol-error",
  ],
  [
    "UIDs are zero, negative, too large and no numbers",
    answers(
      [
        /^FETCH/,
        ["0", "-12", "4294967296", "12a"].map((uid) => one(13).replace("UID 13", `UID ${uid}`)).join("") +
          "<tag> OK\r\n",
      ],
      there,
      [/^UID FETCH/, `${three}<tag> OK\r\n`],
    ),
    [13, 12, 11],
  ],
  [
    "FLAGS are left out, then given",
    answers([/^FETCH/, `${three.replaceAll("FLAGS () ", "")}<tag> OK\r\n`], there, [
      /^UID FETCH/,
      `${three}<tag> OK\r\n`,
    ]),
    [13, 12, 11],
  ],
  [
    "FLAGS are never given",
    answers([/FETCH/, `${three.replaceAll("FLAGS () ", "")}<tag> OK\r\n`], there),
    [13, 12, 11],
  ],
  ["nothing is told of messages that are there", answers([/FETCH/, "<tag> OK\r\n"], there), "upstream-protocol-error"],
  [
    "rows hold no item at all",
    answers([/FETCH/, "* 1 FETCH ()\r\n* 2 FETCH NIL\r\n<tag> OK\r\n"], there),
    "upstream-protocol-error",
  ],
  [
    "an item lacks its value",
    answers([/^FETCH/, `* 1 FETCH (UID)\r\n* 2 FETCH (FLAGS)\r\n${three}<tag> OK\r\n`]),
    [13, 12, 11],
  ],
  [
    "sequence numbers are zero and beyond the folder",
    answers([/^FETCH/, `${fetchResponse(0, 10)}${fetchResponse(4_000_000_000, 14)}${three}<tag> OK\r\n`]),
    [13, 12, 11],
  ],
  ["NO comes instead of rows", answers([/FETCH/, "<tag> NO can't\r\n"]), "refused-by-server"],
  ["BAD comes instead of rows", answers([/FETCH/, "<tag> BAD what\r\n"]), "upstream-protocol-error"],
];
for (const [what, script, outcome] of listings) {
  test(`lists where ${what}`, async () => {
    const { mailbox } = await openDialog({ script });
    const listed = await mailbox.list("INBOX", firstPage).then(
      ({ messages }) => messages.map((message) => message.place.uid),
      (error: { code: string }) => error.code,
    );
    expect(listed).toEqual(outcome);
  });
}

test("does not take one message's facts for another's on the next listing", async () => {
  const { mailbox } = await openDialog({
    script: answers(
      [/^FETCH/, `${three}<tag> OK\r\n`],
      [
        /^UID FETCH 11:\* /,
        `* 1 FETCH (UID 12 FLAGS ())\r\n* 2 FETCH (UID 11 FLAGS ())\r\n* 3 FETCH (UID 13 FLAGS ())\r\n<tag> OK\r\n`,
      ],
    ),
  });
  for (const _ of [1, 2]) {
    const { messages } = await mailbox.list("INBOX", firstPage);
    for (const message of messages) expect(message.envelope.subject).toBe(`s${message.place.uid}`);
    expect(messages).toHaveLength(3);
  }
});

const sizes: [announced: string, told: number | null][] = [
  ["0", 0],
  ["99999999", 99_999_999],
  ["-5", null],
  ["1000000000000000000", null],
  ["1e9", null],
  ['"100"', 100],
  ["NIL", null],
];
for (const [announced, told] of sizes) {
  test(`lists a message whose size is said to be ${announced}`, async () => {
    const rows = three.replace("RFC822.SIZE 100", `RFC822.SIZE ${announced}`);
    const { mailbox } = await openDialog({ script: answers([/FETCH/, `${rows}<tag> OK\r\n`], there) });
    const oldest = (await mailbox.list("INBOX", firstPage)).messages.at(-1);
    expect(oldest?.size).toBe(told ?? 0);
    expect(oldest?.warnings.includes("size-missing")).toBe(told === null);
  });
}

const chunk = 262_144;
const raw = (size: string, origin: number, octets: string): string =>
  `* 2 FETCH (UID 12 RFC822.SIZE ${size} BODY[]<${origin}> {${octets.length}}\r\n${octets})\r\n<tag> OK\r\n`;
const whole = "y".repeat(chunk) + "end";
const reads = (size: string): Script =>
  answers(
    there,
    [/^UID FETCH .*<0\./, raw(size, 0, whole.slice(0, chunk))],
    [/^UID FETCH .*<262144\./, raw(size, chunk, "end")],
    [/^UID FETCH/, raw(size, chunk + 3, "")],
  );
for (const size of ["10", "300000", "9000000", "262144", "-1", "1000000000000000000"]) {
  test(`downloads what is there where its size is said to be ${size}`, async () => {
    const { mailbox } = await openDialog({ script: reads(size) });
    const { stream } = await mailbox.openRaw(place);
    const outcome = await collect(stream).then(
      (octets) => octets.toString() === whole,
      (error: { code: string }) => error.code,
    );
    // All of it, or a failure: never a part of it that looks whole.
    expect([true, "upstream-protocol-error"]).toContain(outcome);
  });
}

test("a message that never ends is not read into memory", async () => {
  const { mailbox, server } = await openDialog({
    script: (command, tag) => {
      const offset = Number(/<(\d+)\./.exec(command)?.[1] ?? -1);
      return command.startsWith("UID FETCH") && offset >= 0
        ? raw("9000000000", offset, "z".repeat(Number(/\.(\d+)>/.exec(command)?.[1]))).replace("<tag>", tag)
        : undefined;
    },
  });
  const { stream } = await mailbox.openRaw(place);
  let read = 0;
  for await (const octets of stream) if ((read += octets.length) > 4_000_000) break;
  const asked = server.commands.filter((command) => command.startsWith("UID FETCH")).length;
  expect(asked).toBeLessThan(read / 65_536 + 4);
});

test("reads no more of a text than it may, whatever comes", async () => {
  const text = "t".repeat(maxBodyBytes + 5_000);
  const { mailbox } = await openDialog({
    script: answers([/^UID FETCH/, `${fetchResponse(2, 12, ` BODY[1]<0> {${text.length}}\r\n${text}`)}<tag> OK\r\n`]),
  });
  const lengths = await mailbox.get(place, { bodies: true }).then(
    ({ bodies }) => (bodies ?? []).map(({ bytes }) => bytes.length),
    (error: { code: string }) => error.code,
  );
  expect([[maxBodyBytes], "upstream-protocol-error"]).toContainEqual(lengths);
});

test("reads no more of many texts than it may, whatever sizes are told", async () => {
  const text = "t".repeat(300_000);
  const told = fetchResponse(2, 12).replace(/BODYSTRUCTURE (\([^)]*\))/, (_, part: string) => {
    return `BODYSTRUCTURE (${part.replace(" 5 1)", " 1 1)").repeat(300)} "mixed")`;
  });
  const { mailbox, server } = await openDialog({
    script: (command, tag) => {
      if (!command.startsWith("UID FETCH")) return undefined;
      if (command.includes("BODYSTRUCTURE")) return `${told}${tag} OK\r\n`;
      const sections = [...command.matchAll(/BODY\.PEEK\[(\d+)\]/g)].map(([, section]) => section);
      const items = sections.map((section) => `BODY[${section}]<0> {${text.length}}\r\n${text}`);
      return `* 2 FETCH (UID 12 ${items.join(" ")})\r\n${tag} OK\r\n`;
    },
  });
  const { bodies = [] } = await mailbox.get(place, { bodies: true });
  expect(bodies.map(({ bytes }) => bytes.length)).toEqual([
    ...Array<number>(100).fill(300_000),
    ...Array<number>(200).fill(0),
  ]);
  expect(bodies.slice(100).every(({ truncated }) => truncated)).toBe(true);
  expect(server.commands.filter((command) => command.includes("BODY.PEEK[300]"))).toEqual([]);
});

test("shows a header that is another message's, or none, for what it is", async () => {
  const odd = fieldsItem("\u0000\u0001 no header at all: \r\n\r\nSubject: late\r\n");
  const rows = `* 1 FETCH (UID 11 FLAGS (\\Seen "quoted" NIL ()) INTERNALDATE "never" RFC822.SIZE 5 BODYSTRUCTURE NIL ${odd})\r\n`;
  const { mailbox } = await openDialog({ exists: 1, script: answers([/FETCH/, `${rows}<tag> OK\r\n`]) });
  const [message] = (await mailbox.list("INBOX", firstPage)).messages;
  expect(message).toMatchObject({ receivedAt: null, structure: null, flags: { seen: true } });
  expect(message?.envelope.subject).not.toBe("late");
});
