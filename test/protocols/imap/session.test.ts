import { afterEach, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import type { Clock } from "../../../src/observe.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { createFakeClock } from "../../fake-clock.ts";
import {
  type Dialog,
  fetchResponse,
  type Script,
  type ScriptedImap,
  scriptedTarget,
  startScripted,
} from "./scripted-imap.ts";
import { attachmentOf, collect } from "../failure-of.ts";
import { failureOf } from "./session-on-dovecot.ts";

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

async function open(dialog: Dialog, clock?: Clock): Promise<{ mailbox: Mailbox<ImapPlace>; server: ScriptedImap }> {
  const server = await startScripted(dialog);
  running.push(() => server.stop());
  const mailbox = await openImap({ ...scriptedTarget(server), ...(clock ? { clock } : {}) });
  running.push(() => mailbox.close());
  return { mailbox, server };
}

/** Answers commands that match, in turn; the last answer stays. */
function answers(...rules: [RegExp, ...((tag: string) => string)[]][]): Script {
  const used = new Map<RegExp, number>();
  return (command, tag) => {
    for (const [pattern, ...replies] of rules) {
      if (!pattern.test(command)) continue;
      const turn = used.get(pattern) ?? 0;
      used.set(pattern, turn + 1);
      return replies[Math.min(turn, replies.length - 1)]?.(tag);
    }
    return undefined;
  };
}

const first = { limit: 3, after: null };
const place = { path: "INBOX", uidValidity: 7, uid: 12 };
const all = [fetchResponse(1, 11), fetchResponse(2, 12), fetchResponse(3, 13)].join("");

test("lists newest first, with one command after the news", async () => {
  const { mailbox, server } = await open({ script: answers([/^FETCH 1:3/, (tag) => `${all}${tag} OK done\r\n`]) });
  const { messages, uidValidity, next } = await mailbox.list("INBOX", first);
  expect(messages.map((message) => message.place.uid)).toEqual([13, 12, 11]);
  expect({ uidValidity, next }).toEqual({ uidValidity: 7, next: null });
  expect(server.commands.slice(-2)[0]).toBe("NOOP");
});

test("asks without X-GUID after a BAD, and does not ask for it again", async () => {
  const { mailbox, server } = await open({
    script: answers([/X-GUID/, (tag) => `${tag} BAD what\r\n`], [/^FETCH/, (tag) => `${all}${tag} OK done\r\n`]),
  });
  expect((await mailbox.list("INBOX", first)).messages.map(({ key }) => key)).toEqual([null, null, null]);
  await mailbox.list("INBOX", first);
  expect(server.commands.filter((command) => command.includes("X-GUID"))).toHaveLength(1);
  expect((await failureOf(mailbox.locate("INBOX", [{ kind: "guid", value: "g" }]))).code).toBe("unsupported-by-server");
});

test("decides on X-GUID only when a message was seen", async () => {
  const { mailbox, server } = await open({
    exists: 0,
    script: answers(
      [/^NOOP/, (tag) => `${tag} OK\r\n`, (tag) => `* 1 EXISTS\r\n${tag} OK\r\n`],
      [/^FETCH 1:1 .*X-GUID/, (tag) => `${fetchResponse(1, 11, ' X-GUID "abc"')}${tag} OK done\r\n`],
    ),
  });
  expect((await mailbox.list("INBOX", first)).messages).toEqual([]);
  expect((await mailbox.list("INBOX", first)).messages[0]?.key).toEqual({ kind: "guid", value: "abc" });
  expect(server.commands.filter((command) => command.startsWith("FETCH"))).toHaveLength(1);
});

test("takes EMAILID where it is offered", async () => {
  const { mailbox, server } = await open({
    capability: "IMAP4rev1 OBJECTID",
    exists: 1,
    script: answers(
      [/^FETCH/, (tag) => `${fetchResponse(1, 11, " EMAILID (M99)")}${tag} OK done\r\n`],
      [/EMAILID M99/, (tag) => `* SEARCH 11\r\n${tag} OK done\r\n`],
    ),
  });
  expect((await mailbox.list("INBOX", first)).messages[0]?.key).toEqual({ kind: "emailId", value: "M99" });
  const key = { kind: "emailId", value: "M99" } as const;
  expect(await mailbox.locate("INBOX", [key])).toEqual([{ key, place: { ...place, uid: 11 } }]);
  expect(server.commands.some((command) => command.includes("X-GUID"))).toBe(false);
});

test("asks again for a row that is missing, and ignores unasked ones", async () => {
  const { mailbox } = await open({
    script: answers(
      [
        /^FETCH/,
        (tag) =>
          `* 2 FETCH (FLAGS (\\Seen))\r\n${fetchResponse(1, 11)}${fetchResponse(3, 13)}${fetchResponse(9, 99)}${tag} OK\r\n`,
      ],
      [/^UID SEARCH/, (tag) => `* SEARCH 11 12 13\r\n${tag} OK\r\n`],
      [/^UID FETCH 12 /, (tag) => `${fetchResponse(3, 13)}${fetchResponse(2, 12)}${tag} OK\r\n`],
    ),
  });
  const { messages } = await mailbox.list("INBOX", first);
  expect(messages.map((message) => message.place.uid)).toEqual([13, 12, 11]);
});

test("leaves out a row whose message is gone, and fails for one that is there", async () => {
  const gone = await open({
    script: answers(
      [/^FETCH/, (tag) => `${fetchResponse(1, 11)}${fetchResponse(3, 13)}${tag} OK\r\n`],
      [/^UID SEARCH/, (tag) => `* SEARCH 11 13\r\n${tag} OK\r\n`],
    ),
  });
  expect((await gone.mailbox.list("INBOX", first)).messages.map((message) => message.place.uid)).toEqual([13, 11]);
  const withheld = await open({
    script: answers(
      [/^FETCH/, (tag) => `${fetchResponse(1, 11)}${fetchResponse(3, 13)}${tag} OK\r\n`],
      [/^UID SEARCH/, (tag) => `* SEARCH 11 12 13\r\n${tag} OK\r\n`],
    ),
  });
  expect((await failureOf(withheld.mailbox.list("INBOX", first))).code).toBe("upstream-protocol-error");
});

test("lists a message without its envelope rather than not at all", async () => {
  const { mailbox } = await open({
    exists: 1,
    script: answers(
      [/^(UID )?FETCH \S+ .*ENVELOPE/, (tag) => `${tag} OK\r\n`],
      [/^UID SEARCH/, (tag) => `* SEARCH 11\r\n${tag} OK\r\n`],
      [/^UID FETCH 11 /, (tag) => `* 1 FETCH (UID 11 FLAGS (\\Seen) RFC822.SIZE 9)\r\n${tag} OK\r\n`],
    ),
  });
  const [message] = (await mailbox.list("INBOX", first)).messages;
  expect(message).toMatchObject({ size: 9, flags: { seen: true }, receivedAt: null });
  expect(message?.warnings).toEqual(["envelope-missing", "structure-missing"]);
});

test("goes on below the cursor although messages were expunged meanwhile", async () => {
  // 100 messages with UIDs 1001 to 1100; the cursor's message, UID 1003, stood at 90 when the cursor was made.
  const { mailbox, server } = await open({
    exists: 100,
    script: (command, tag) => {
      const [, low = "", high = low] = /^FETCH (\d+)(?::(\d+))? /.exec(command) ?? [];
      if (low === "") return undefined;
      let rows = "";
      for (let n = Number(low); n <= Number(high); n++) rows += fetchResponse(n, 1000 + n);
      return `${rows}${tag} OK\r\n`;
    },
  });
  const { messages, next } = await mailbox.list("INBOX", { limit: 5, after: { uid: 1003, sequence: 90 } });
  expect(messages.map((message) => message.place.uid)).toEqual([1002, 1001]);
  expect(next).toBeNull();
  expect(server.commands.filter((command) => command.startsWith("FETCH")).length).toBeLessThan(12);
});

test("asks for likely parts along with the structure, and not where that is refused", async () => {
  const part = (octets: string): string => ` BODY[HEADER] {4}\r\n\r\n\r\n BODY[1]<0> "${octets}" BODY[2]<0> NIL`;
  const taking = await open({
    script: answers([/^UID FETCH/, (tag) => `${fetchResponse(2, 12, part("hello"))}${tag} OK\r\n`]),
  });
  const { bodies } = await taking.mailbox.get(place, { headers: true, bodies: true });
  expect(bodies?.map(({ bytes, truncated }) => [Buffer.from(bytes).toString(), truncated])).toEqual([["hello", false]]);
  expect(taking.server.commands.filter((command) => command.startsWith("UID FETCH"))).toHaveLength(1);

  const refusing = await open({
    script: answers(
      [/PEEK\[1\.1\]/, (tag) => `${tag} BAD no such part\r\n`],
      [
        /^UID FETCH 12 \(UID BODY.PEEK\[1\]<0.4194304>\)/,
        (tag) => `* 2 FETCH (UID 12 BODY[1]<0> "hell")\r\n${tag} OK\r\n`,
      ],
      [/^UID FETCH/, (tag) => `${fetchResponse(2, 12, ' X-GUID "abc"')}${tag} OK\r\n`],
    ),
  });
  for (const _ of [1, 2]) {
    const { summary, bodies: read } = await refusing.mailbox.get(place, { bodies: true });
    expect(read?.map(({ bytes, truncated }) => [Buffer.from(bytes).toString(), truncated])).toEqual([["hell", true]]);
    expect(summary.key).toEqual({ kind: "guid", value: "abc" });
  }
  // With and without X-GUID, as either may have been what was refused.
  expect(refusing.server.commands.filter((command) => command.includes("PEEK[1.1]"))).toHaveLength(2);
});

test("understands a server that speaks only IMAP4rev2", async () => {
  const { mailbox, server } = await open({
    capability: "IMAP4rev2",
    script: answers([
      /^UID SEARCH/,
      (tag) => `* ESEARCH (TAG "${tag}") UID ALL 11:12\r\n${tag} OK\r\n`,
      (tag) => `* ESEARCH (TAG "${tag}") UID\r\n${tag} OK\r\n`,
    ]),
  });
  expect(await mailbox.remove([place])).toEqual({ missing: [] });
  expect(server.commands).toContain("UID EXPUNGE 12");
});

test("answers message-gone when another message's row comes", async () => {
  const { mailbox } = await open({
    script: answers(
      [/^UID FETCH/, (tag) => `${all.replaceAll("UID 12", "UID 14")}${tag} OK\r\n`],
      [/^UID SEARCH/, (tag) => `* SEARCH\r\n${tag} OK\r\n`],
    ),
  });
  expect((await failureOf(mailbox.get(place, {}))).code).toBe("message-gone");
  expect((await failureOf(mailbox.openRaw(place))).code).toBe("message-gone");
  expect((await failureOf(mailbox.get({ ...place, uidValidity: 8 }, {}))).code).toBe("message-gone");
});

test("sees in a warm session what came since it was selected", async () => {
  const { mailbox } = await open({
    script: answers([/^UID FETCH/, (tag) => `${tag} OK\r\n`, (tag) => `${fetchResponse(2, 12)}${tag} OK\r\n`]),
  });
  expect((await mailbox.get(place, {})).summary.place.uid).toBe(12);
});

test("aborts a download that comes with another offset, or whose message goes", async () => {
  const body = "x".repeat(262_144);
  const rawRow = (origin: number, octets: string): string =>
    `* 2 FETCH (UID 12 RFC822.SIZE 300000 BODY[]<${origin}> {${octets.length}}\r\n${octets})\r\n`;
  const other = await open({
    script: answers([
      /^UID FETCH/,
      (tag) => `${rawRow(0, body)}${tag} OK\r\n`,
      (tag) => `${rawRow(5, "y")}${tag} OK\r\n`,
    ]),
  });
  const wrong = await other.mailbox.openRaw(place);
  expect((await failureOf(collect(wrong.stream))).code).toBe("upstream-protocol-error");

  const vanishing = await open({
    script: answers(
      [
        /^UID FETCH/,
        (tag) => `${rawRow(0, body)}${tag} OK\r\n`,
        (tag) => `* 2 FETCH (UID 12 BODY[]<262144> NIL)\r\n${tag} OK\r\n`,
      ],
      [/^UID SEARCH/, (tag) => `* SEARCH\r\n${tag} OK\r\n`],
    ),
  });
  const short = await vanishing.mailbox.openRaw(place);
  expect((await failureOf(collect(short.stream))).code).toBe("message-gone");
});

test("reads to the real end where the announced size lies", async () => {
  const row = (origin: number, octets: string): string =>
    `* 2 FETCH (UID 12 RFC822.SIZE 10 BODY[]<${origin}> {${octets.length}}\r\n${octets})\r\n`;
  const body = "x".repeat(262_144);
  const { mailbox } = await open({
    script: answers([
      /^UID FETCH/,
      (tag) => `${row(0, body)}${tag} OK\r\n`,
      (tag) => `${row(262_144, "end")}${tag} OK\r\n`,
    ]),
  });
  const { size, stream } = await mailbox.openRaw(place);
  expect(size).toBe(10);
  expect(await collect(stream)).toHaveLength(262_147);
});

test("one call's commands are not mixed with another's", async () => {
  const { mailbox, server } = await open({ script: answers([/^FETCH/, (tag) => `${all}${tag} OK\r\n`]) });
  const listings = await Promise.all(["A", "B"].map((path) => mailbox.list(path, first)));
  expect(listings.map(({ messages }) => messages[0]?.place.path)).toEqual(["A", "B"]);
  const commands = server.commands.slice(-4).map((command) => command.split(" ").slice(0, 2).join(" "));
  expect(commands).toEqual(['SELECT "A"', "FETCH 1:3", 'SELECT "B"', "FETCH 1:3"]);
});

test("a command that is never answered ends with the session", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await open({ script: answers([/^STATUS/, () => ""]) }, clock);
  const failed = failureOf(mailbox.status("Other"));
  const next = failureOf(mailbox.status("Another"));
  await expect.poll(() => server.commands.some((command) => command.startsWith("STATUS"))).toBe(true);
  await clock.advance(30_000);
  expect((await failed).code).toBe("upstream-timeout");
  expect((await next).code).toBe("upstream-timeout");
  expect(mailbox.dead).toBe(true);
});

test("gives no message for one that the server serves as NIL", async () => {
  const { mailbox } = await open({
    script: answers(
      [/^UID FETCH/, (tag) => `* 2 FETCH (UID 12 RFC822.SIZE 99 BODY[]<0> NIL BODY[1]<0> NIL)\r\n${tag} OK\r\n`],
      [/^UID SEARCH/, (tag) => `* SEARCH 12\r\n${tag} OK\r\n`],
    ),
  });
  expect((await failureOf(mailbox.openRaw(place))).code).toBe("upstream-protocol-error");
  expect((await failureOf(attachmentOf(mailbox, place, "1"))).code).toBe("upstream-protocol-error");
  expect(await mailbox.status("INBOX").catch(({ code }: { code: string }) => code)).toBe("upstream-protocol-error");
  expect(mailbox.dead).toBe(false);
});

const refusals: [string, string][] = [
  ["NO because", "refused-by-server"],
  ["NO [NONEXISTENT] gone", "not-found"],
  ["NO Mailbox doesn't exist: Other", "not-found"],
  ["NO [UNAVAILABLE] backend down", "upstream-throttled"],
  ["NO [INUSE] locked", "mailbox-locked"],
  ["BAD what", "upstream-protocol-error"],
];
for (const [answer, code] of refusals) {
  test(`"${answer}" is ${code} and leaves the session alive`, async () => {
    const { mailbox } = await open({
      script: answers(
        [/^STATUS/, (tag) => `${tag} ${answer}\r\n`],
        [/^LIST/, (tag) => `* LIST () "/" Other\r\n${tag} OK done\r\n`],
      ),
    });
    const failure = await failureOf(mailbox.status("Other"));
    expect(failure.code).toBe(code);
    expect(failure.upstream).toMatchObject({ protocol: "imap", host: "localhost", phase: "STATUS" });
    expect(mailbox.dead).toBe(false);
  });
}

test("puts nothing on the wire for bad input", async () => {
  const { mailbox, server } = await open({});
  const before = server.commands.length;
  const change = { flags: {}, keywords: { add: ["a b"], remove: [] } };
  expect((await failureOf(mailbox.setFlags([place], change))).code).toBe("validation-failed");
  expect((await failureOf(mailbox.setFlags([place], { flags: {}, keywords: { add: [], remove: [] } }))).code).toBe(
    "validation-failed",
  );
  expect((await failureOf(attachmentOf(mailbox, place, "1] X"))).code).toBe("validation-failed");
  expect((await failureOf(mailbox.status("a\r\nDELETE INBOX"))).code).toBe("validation-failed");
  expect(server.commands.slice(before)).toEqual([]);
  expect(server.commands.slice(before).filter((command) => !command.startsWith("NOOP"))).toEqual([]);
});

test("refuses flags that the folder can't hold, and sees those that did not stick", async () => {
  const { mailbox } = await open({
    script: answers(
      [
        /^SELECT/,
        (tag) => `* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [PERMANENTFLAGS (\\Seen \\Flagged)] p\r\n${tag} OK\r\n`,
      ],
      [/^UID SEARCH/, (tag) => `* SEARCH 12\r\n${tag} OK\r\n`],
      [/^UID FETCH/, (tag) => `* 2 FETCH (UID 12 FLAGS ())\r\n${tag} OK\r\n`],
    ),
  });
  expect(mailbox.capabilities().keywords).toBe(false);
  const keyword = { flags: {}, keywords: { add: ["$Work"], remove: [] } };
  expect((await failureOf(mailbox.setFlags([place], keyword))).code).toBe("unsupported-by-server");
  const seen = { flags: { seen: true }, keywords: { add: [], remove: [] } };
  expect((await failureOf(mailbox.setFlags([place], seen))).code).toBe("unsupported-by-server");
});

test("claims no deletion that did not happen", async () => {
  const { mailbox } = await open({ script: answers([/^UID SEARCH/, (tag) => `* SEARCH 12\r\n${tag} OK\r\n`]) });
  expect((await failureOf(mailbox.remove([place]))).code).toBe("delete-unconfirmed");
  expect((await failureOf(mailbox.move([place], "Other", null))).code).toBe("delete-unconfirmed");
});

test("keeps folders with any name, by the name on the wire", async () => {
  const { mailbox } = await open({
    capability: "IMAP4rev1",
    script: answers(
      [
        /^LIST/,
        (tag) =>
          `* LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." "INBOX.&AOk-t&AOk-"\r\n* LIST () "." "INBOX.&broken"\r\n* LIST (\\Noselect) "." {5}\r\nINBOX\r\n* LIST () "." "INBOX.Gesendet"\r\n* LIST () NIL "[Odd] na\\"me"\r\n* LIST (\\NonExistent) "." Trash\r\n${tag} OK\r\n`,
      ],
      [/^LSUB/, (tag) => `* LSUB () "." "INBOX.&broken"\r\n${tag} OK\r\n`],
      [/^STATUS "INBOX.&broken/, (tag) => `${tag} NO no\r\n`],
      [
        /^STATUS "INBOX.Ges/,
        (tag) => `* STATUS "INBOX.Gesendet" (MESSAGES 4 UNSEEN 1 UIDVALIDITY 9 UIDNEXT 5)\r\n${tag} OK\r\n`,
      ],
    ),
  });
  const folders = await mailbox.folders();
  expect(
    folders.map(({ path, name, parentPath, role, selectable, subscribed }) => [
      path,
      name,
      parentPath,
      role,
      selectable,
      subscribed,
    ]),
  ).toEqual([
    ["INBOX", "INBOX", null, null, false, false],
    ["INBOX.&AOk-t&AOk-", "été", "INBOX", null, true, false],
    ["INBOX.&broken", "&broken", "INBOX", null, true, true],
    ["INBOX.Gesendet", "Gesendet", "INBOX", "sent", true, false],
    ['[Odd] na"me', '[Odd] na"me', null, null, true, false],
    ["Trash", "Trash", null, null, false, false],
  ]);
  expect(folders[3]?.status).toEqual({ messages: 4, unseen: 1, uidValidity: 9, uidNext: 5, modSeq: null });
  expect(folders[2]?.status).toBeNull();
});
