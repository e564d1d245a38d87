import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { ByteRange } from "../../../src/mail/mailbox.ts";
import { openDialog } from "./dialog.ts";
import { fieldsItem, type Script } from "./scripted-imap.ts";
import { attachmentOf, collect } from "../failure-of.ts";
import { failureOf } from "./session-on-dovecot.ts";

const chunk = 262_144;
const place = { path: "INBOX", uidValidity: 7, uid: 12 };
const content = randomBytes(3 * chunk + 1000).toString("latin1");
const structure = (size: number): string =>
  `BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 5 1)("a" "b" NIL NIL NIL "binary" ${size}) "mixed")`;

type Ask = { section: string; offset: number; length: number; nth: number };

const row = (items: string): string => `* 2 FETCH (UID 12 ${items})\r\n`;
const literal = (octets: string): string => `{${octets.length}}\r\n${octets}`;

/** Gives `content` as the message and as every part of it; `instead` answers in the place of some. */
function gives(instead: (ask: Ask, tag: string) => string | undefined = () => undefined): Script {
  let nth = 0;
  return (command, tag) => {
    const asked = /^UID FETCH 12 .*BODY\.PEEK\[([\d.]*)\]<(\d+)\.(\d+)>/.exec(command);
    if (asked === null) {
      if (command.startsWith("UID FETCH 12 (UID FLAGS")) {
        const facts = `FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE ${content.length}`;
        return `${row(`${facts} ${structure(content.length)} ${fieldsItem("\r\n")}`)}${tag} OK\r\n`;
      }
      if (command.startsWith("UID SEARCH")) return `* SEARCH 12\r\n${tag} OK\r\n`;
      return command.startsWith("STATUS")
        ? `* STATUS "Other" (MESSAGES 1 UNSEEN 0 UIDNEXT 2 UIDVALIDITY 3)\r\n${tag} OK\r\n`
        : undefined;
    }
    const [section = "", offset, length] = [asked[1], Number(asked[2]), Number(asked[3])];
    nth += 1;
    const said = instead({ section, offset, length, nth }, tag);
    if (said !== undefined) return said;
    const facts = section === "" ? `RFC822.SIZE ${content.length}` : structure(content.length);
    const octets = content.slice(offset, offset + length);
    return `${row(`${facts} BODY[${section}]<${offset}> ${literal(octets)}`)}${tag} OK\r\n`;
  };
}

const latin1 = (octets: Buffer): string => octets.toString("latin1");
const selects = (commands: string[]): string[] => commands.filter((command) => command.startsWith("SELECT")).slice(1);

test("a stream whose reader is slow lets other calls run, and goes on in its own folder", async () => {
  const { mailbox, server } = await openDialog({ script: gives() });
  const { stream } = await mailbox.openRaw(place);
  const octets: Uint8Array[] = [];
  for await (const piece of stream) {
    octets.push(piece);
    const elsewhere = mailbox.get({ path: "Other", uidValidity: 9, uid: 1 }, {});
    expect((await failureOf(elsewhere)).code).toBe("message-gone");
  }
  expect(latin1(Buffer.concat(octets))).toBe(content);
  expect(new Set(selects(server.commands))).toEqual(new Set(['SELECT "Other"', 'SELECT "INBOX"']));
});

test("streams on one session take turns, each to its own last octet", async () => {
  const { mailbox, server } = await openDialog({ script: gives() });
  const opened = await Promise.all([
    mailbox.openRaw(place),
    mailbox.openRaw({ ...place, path: "Other" }),
    attachmentOf(mailbox, place, "2").then((stream) => ({ stream })),
  ]);
  const read = await Promise.all(opened.map(({ stream }) => collect(stream)));
  expect(read.map((octets) => latin1(octets) === content)).toEqual([true, true, true]);
  expect(selects(server.commands).length).toBeGreaterThan(4);
});

test.each<ByteRange>([
  { start: 0, end: 0 },
  { start: 10, end: chunk + 10 },
  { start: 2 * chunk, end: Infinity },
  { start: content.length - 1, end: content.length - 1 },
])("octets $start to $end of a message and of a part", async (range) => {
  const { mailbox, server } = await openDialog({ script: gives() });
  const expected = content.slice(range.start, range.end + 1);
  expect(latin1(await collect((await mailbox.openRaw(place, range)).stream))).toBe(expected);
  expect(latin1(await collect(await attachmentOf(mailbox, place, "2", range)))).toBe(expected);
  const asked = server.commands.flatMap((command) => /<(\d+)\.(\d+)>/.exec(command) ?? []);
  expect(Number(asked[1])).toBe(range.start);
});

test("a stream ends as a failure when its folder was made anew, or is gone", async () => {
  const changed: [answer: (tag: string) => string, code: string][] = [
    [(tag) => `* 3 EXISTS\r\n* OK [UIDVALIDITY 8] v\r\n${tag} OK\r\n`, "message-gone"],
    [(tag) => `${tag} NO [NONEXISTENT] renamed\r\n`, "not-found"],
  ];
  for (const [answer, code] of changed) {
    const script = gives();
    const { mailbox, server } = await openDialog({ script });
    const { stream } = await mailbox.openRaw(place);
    server.setScript((command, tag, socket) =>
      command === 'SELECT "INBOX"' ? answer(tag) : script(command, tag, socket),
    );
    const listing = failureOf(mailbox.get({ path: "Other", uidValidity: 9, uid: 1 }, {}));
    expect((await failureOf(collect(stream))).code).toBe(code);
    await listing;
    expect(mailbox.dead).toBe(false);
  }
});

const middles: [what: string, answer: (tag: string) => string, there: boolean, code: string][] = [
  ["no row, and it is gone", (tag) => `${tag} OK\r\n`, false, "message-gone"],
  ["no row, though it is there", (tag) => `${tag} OK\r\n`, true, "upstream-protocol-error"],
  ["a NO because it is gone", (tag) => `${tag} NO [EXPUNGEISSUED] gone\r\n`, false, "message-gone"],
  ["NIL, and it is gone", (tag) => `${row(`BODY[]<${chunk}> NIL`)}${tag} OK\r\n`, false, "message-gone"],
  ["NIL, though it is there", (tag) => `${row(`BODY[]<${chunk}> NIL`)}${tag} OK\r\n`, true, "upstream-protocol-error"],
  ["nothing, and it is gone", (tag) => `${row(`BODY[]<${chunk}> ""`)}${tag} OK\r\n`, false, "message-gone"],
  ["another NO", (tag) => `${tag} NO [SERVERBUG] lost\r\n`, true, "refused-by-server"],
];
test.each(middles)("in the middle of a message comes %s: a failure, never its end", async (_, answer, there, code) => {
  const script = gives(({ nth }, tag) => (nth === 2 ? answer(tag) : undefined));
  const { mailbox, server } = await openDialog({
    script: (command, tag, socket) =>
      command.startsWith("UID SEARCH") && !there ? `* SEARCH\r\n${tag} OK\r\n` : script(command, tag, socket),
  });
  const { stream } = await mailbox.openRaw(place);
  expect((await failureOf(collect(stream))).code).toBe(code);
  // Only with the news does a search tell what is there.
  const before = server.commands.filter((_, at) => server.commands[at + 1]?.startsWith("UID SEARCH"));
  expect(before.every((command) => command === "NOOP")).toBe(true);
});

test("a message that another session has just removed is gone, not refused", async () => {
  const { mailbox } = await openDialog({
    script: (command, tag) => {
      if (command.startsWith("UID FETCH")) return `${tag} NO [EXPUNGEISSUED] gone\r\n`;
      return command.startsWith("UID SEARCH") ? `* SEARCH\r\n${tag} OK\r\n` : undefined;
    },
  });
  expect((await failureOf(mailbox.openRaw(place))).code).toBe("message-gone");
});

test("a smaller message than announced ends where the server says so", async () => {
  const short = content.slice(0, chunk);
  const { mailbox } = await openDialog({
    script: gives(({ offset, length }, tag) => {
      const octets = short.slice(offset, offset + length);
      return `${row(`RFC822.SIZE 900000 BODY[]<${offset}> ${literal(octets)}`)}${tag} OK\r\n`;
    }),
  });
  expect(latin1(await collect((await mailbox.openRaw(place)).stream))).toBe(short);
});

test("a server that knows no partial fetch is asked once, also for a range", async () => {
  const { mailbox, server } = await openDialog({
    script: gives((_, tag) => `${row(`RFC822.SIZE ${content.length} BODY[] ${literal(content)}`)}${tag} OK\r\n`),
  });
  expect(latin1(await collect((await mailbox.openRaw(place)).stream))).toBe(content);
  const { stream } = await mailbox.openRaw(place, { start: 5, end: 9 });
  expect(latin1(await collect(stream))).toBe(content.slice(5, 10));
  expect(server.commands.filter((command) => command.startsWith("UID FETCH"))).toHaveLength(2);
});

test("who leaves waits for nothing; the session tells that it is still at work, and for how long", async () => {
  let finish = (): void => {};
  const script = gives(({ nth }) => (nth === 2 ? "" : undefined));
  const { mailbox, server } = await openDialog({
    script: (command, tag, socket) => {
      const said = script(command, tag, socket);
      if (said === "") {
        const late = row(`BODY[]<${chunk}> ${literal(content.slice(chunk, 2 * chunk))}`);
        finish = () => void socket.write(`${late}${tag} OK\r\n`, "latin1");
      }
      return said;
    },
  });
  expect(mailbox.unfinished).toBeNull();
  const { stream } = await mailbox.openRaw(place);
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  await expect.poll(() => server.commands.at(-1)).toContain(`<${chunk}.`);
  await iterator.return?.();
  const { unfinished } = mailbox;
  expect(unfinished).not.toBeNull();
  finish();
  await unfinished;
  expect(mailbox.unfinished).toBeNull();
  expect((await mailbox.status("Other")).messages).toBe(1);
});

test("a piece that waits for its turn is not asked for when its reader has left", async () => {
  const { mailbox, server } = await openDialog({ script: gives() });
  const { stream } = await mailbox.openRaw(place);
  const iterator = stream[Symbol.asyncIterator]();
  const other = mailbox.status("Other");
  await iterator.next();
  await iterator.return?.();
  await other;
  await mailbox.unfinished;
  expect(server.commands.filter((command) => command.startsWith("UID FETCH"))).toHaveLength(1);
});

test("a call waits for the pieces that were asked for before it, and for no more", async () => {
  const { mailbox, server } = await openDialog({ script: gives() });
  const opened = await Promise.all([mailbox.openRaw(place), mailbox.openRaw(place), mailbox.openRaw(place)]);
  const iterators = opened.map(({ stream }) => stream[Symbol.asyncIterator]());
  await Promise.all(iterators.map((iterator) => iterator.next()));
  const status = mailbox.status("Other");
  await Promise.all(iterators.map((iterator) => collect({ [Symbol.asyncIterator]: () => iterator })));
  await status;
  const asked = server.commands.filter((command) => /^(UID FETCH|STATUS)/.test(command));
  // Of each stream the first piece, and the next one, which had been asked for already.
  expect(asked.findIndex((command) => command.startsWith("STATUS"))).toBe(6);
  expect(asked).toHaveLength(13);
});
