import { expect, test } from "vitest";
import { systemClock } from "../../../src/observe.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { answers, firstPage, openDialog, place, three } from "./dialog.ts";
import { fetchResponse } from "./scripted-imap.ts";
import { failureOf } from "./session-on-dovecot.ts";

const rows: [RegExp, string] = [/^FETCH/, `${three}<tag> OK\r\n`];

/** What SELECT is answered with before its OK, and what the listing then says of the folder. */
const selections: [what: string, lines: string, uidValidity: number, listed: number][] = [
  ["no EXISTS", "* OK [UIDVALIDITY 7] v\r\n", 7, 0],
  ["several EXISTS: the last counts", "* 9 EXISTS\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n", 7, 3],
  ["a negative EXISTS", "* -3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n", 7, 0],
  ["an EXISTS of twenty digits", "* 99999999999999999999 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n", 7, 0],
  ["no UIDVALIDITY", "* 3 EXISTS\r\n", 0, 3],
  ["a negative UIDVALIDITY", "* 3 EXISTS\r\n* OK [UIDVALIDITY -7] v\r\n", 0, 3],
  ["a UIDVALIDITY that is no number", "* 3 EXISTS\r\n* OK [UIDVALIDITY seven] v\r\n", 0, 3],
  ["a UIDVALIDITY beyond 32 bits", "* 3 EXISTS\r\n* OK [UIDVALIDITY 4294967296] v\r\n", 0, 3],
  ["UIDVALIDITY twice", "* 3 EXISTS\r\n* OK [UIDVALIDITY 6] v\r\n* OK [UIDVALIDITY 7] v\r\n", 7, 3],
  ["a UIDNEXT below what is there", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 1] n\r\n", 7, 3],
  ["a UIDNEXT that is no number", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT NaN] n\r\n", 7, 3],
  ["PERMANENTFLAGS that are none", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [PERMANENTFLAGS] p\r\n", 7, 3],
  ["codes without arguments", "* 3 EXISTS\r\n* OK [UIDVALIDITY] v\r\n* OK [UIDNEXT] n\r\n* OK [] x\r\n", 0, 3],
];
for (const [what, lines, uidValidity, listed] of selections) {
  test(`lists a folder that was selected with ${what}`, async () => {
    const { mailbox } = await openDialog({ script: answers([/^SELECT/, `${lines}<tag> OK\r\n`], rows) });
    const page = await mailbox.list("INBOX", firstPage);
    expect(page.uidValidity).toBe(uidValidity);
    expect(page.messages).toHaveLength(listed);
  });
}

test("does not count down from messages that are not there", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await openDialog(
    { exists: 4_000_000_000, script: answers([/^NOOP/, "<tag> OK\r\n"]) },
    { clock },
  );
  const listing = mailbox.list("INBOX", { limit: 50, after: null }).then(
    () => "listed",
    (error: { code: string }) => error.code,
  );
  const tooMany = new Promise((resolve) => setTimeout(resolve, 1_500, "still counting"));
  expect(["listed", "upstream-protocol-error", "upstream-timeout"]).toContain(await Promise.race([listing, tooMany]));
  expect(server.commands.length).toBeLessThan(100);
});

test("lists what is left when the folder shrinks under its hands", async () => {
  const { mailbox } = await openDialog({
    script: answers(
      [/^FETCH/, `* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXISTS\r\n${fetchResponse(1, 13)}<tag> OK\r\n`],
      [/^UID SEARCH/, "* SEARCH 13\r\n<tag> OK\r\n"],
      [/^UID FETCH/, `${fetchResponse(1, 13)}<tag> OK\r\n`],
    ),
  });
  expect((await mailbox.list("INBOX", firstPage)).messages.map((message) => message.place.uid)).toEqual([13]);
});

test("calls nothing that was expunged more often than it was there negative", async () => {
  const { mailbox } = await openDialog({
    script: answers([/^NOOP/, `${"* 1 EXPUNGE\r\n".repeat(500)}<tag> OK\r\n`], rows, [
      /^UID SEARCH/,
      "* SEARCH\r\n<tag> OK\r\n",
    ]),
  });
  expect(await mailbox.list("INBOX", firstPage)).toMatchObject({ messages: [], next: null });
});

const searches: [what: string, answer: string, uids: number[]][] = [
  ["numbers that were not asked for", "* SEARCH 1 2 12 99999\r\n<tag> OK\r\n", [12]],
  ["numbers out of range", "* SEARCH 0 4294967296 99999999999999999999 12\r\n<tag> OK\r\n", [12]],
  ["words instead of numbers", "* SEARCH twelve -12 12\r\n<tag> OK\r\n", [12]],
  ["the same number a thousand times", `* SEARCH ${"12 ".repeat(1_000)}\r\n<tag> OK\r\n`, [12]],
  ["several lines", "* SEARCH 12\r\n* SEARCH 13\r\n* SEARCH\r\n<tag> OK\r\n", [13, 12]],
  ["nothing", "<tag> OK\r\n", []],
];
for (const [what, answer, uids] of searches) {
  test(`filters where SEARCH finds ${what}`, async () => {
    const row = (uid: number): string => fetchResponse(uid - 10, uid);
    const { mailbox } = await openDialog({
      script: answers(
        [/^UID SEARCH .*UNSEEN/, answer],
        [/^UID SEARCH/, "* SEARCH 11 12 13\r\n<tag> OK\r\n"],
        [/^UID FETCH/, `${row(12)}${uids.includes(13) ? row(13) : ""}<tag> OK\r\n`],
      ),
    });
    const unseen = { op: "not", of: { op: "seen" } } as const;
    const until = systemClock.now() + 10_000;
    const found = await mailbox.search("INBOX", firstPage, { expression: unseen, count: false, until });
    expect(found.messages.map((message) => message.place.uid)).toEqual(uids);
  });
}

const statuses: [what: string, answer: string, told: object][] = [
  ["another folder's status too", '* STATUS "Else" (MESSAGES 4)\r\n* STATUS "Other" (MESSAGES 5)\r\n', { messages: 5 }],
  [
    "lies",
    '* STATUS "Other" (MESSAGES -1 UNSEEN 99999999999999999999 UIDNEXT x UIDVALIDITY 4294967296)\r\n',
    { messages: 0, unseen: 0, uidNext: 14, uidValidity: 0 },
  ],
  ["half a list", '* STATUS "Other" (MESSAGES)\r\n', { messages: 0, uidNext: 14, uidValidity: 0 }],
];
for (const [what, answer, told] of statuses) {
  test(`STATUS tells ${what}`, async () => {
    const { mailbox } = await openDialog({ script: answers([/^STATUS/, `${answer}<tag> OK\r\n`]) });
    expect(await mailbox.status("Other")).toMatchObject(told);
  });
}

test("STATUS tells nothing", async () => {
  const { mailbox } = await openDialog({ script: answers([/^STATUS/, "<tag> OK\r\n"]) });
  expect((await failureOf(mailbox.status("Other"))).code).toBe("upstream-protocol-error");
});

test("no folder's name becomes a command", async () => {
  const names = ["a\r\nA9 DELETE INBOX", "b\nc", "d\u0000e", 'quote " and \\ slash', "t\tab"];
  const literals = names.map((name) => `* LIST () "/" {${name.length}}\r\n${name}\r\n`).join("");
  const { mailbox, server } = await openDialog({
    script: answers([/^LIST/, `${literals}<tag> OK\r\n`], [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n"]),
  });
  const folders = await mailbox.folders();
  expect(folders.map(({ path }) => path).sort()).toEqual([...names].sort());
  expect(folders.filter(({ selectable }) => selectable).map(({ path }) => path)).toEqual(['quote " and \\ slash']);
  for (const path of names.filter((name) => !name.startsWith("quote"))) {
    expect((await failureOf(mailbox.list(path, firstPage))).code).toBe("validation-failed");
    expect((await failureOf(mailbox.move([place], path, null))).code).toBe("validation-failed");
  }
  expect(server.commands.some((command) => /DELETE|^c|^e/.test(command))).toBe(false);
  expect(server.heard.every((line) => /^(\d|[A-Z]|NEWS)\S* [A-Z]/.test(line))).toBe(true);
  expect(server.commands).toContain('STATUS "quote \\" and \\\\ slash" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)');
});

const lists: [what: string, answer: string, count: number][] = [
  ["names of a megabyte", `* LIST () "/" "${"n".repeat(1_000_000)}"\r\n<tag> OK\r\n`, 1],
  ["a folder ten times", `${'* LIST () "/" "x"\r\n'.repeat(10)}<tag> OK\r\n`, 1],
  ["no name, no delimiter, no list", '* LIST ()\r\n* LIST\r\n* LIST () "/"\r\n* LIST "x"\r\n<tag> OK\r\n', 0],
  ["an empty name", '* LIST () "/" ""\r\n<tag> OK\r\n', 0],
  ["a list as a name", '* LIST () "/" (a b)\r\n<tag> OK\r\n', 0],
  ["a delimiter of many characters", '* LIST () "//" "a//b"\r\n<tag> OK\r\n', 1],
  ["attributes without end", `* LIST (${"\\x ".repeat(50_000)}) "/" "x"\r\n<tag> OK\r\n`, 1],
];
for (const [what, answer, count] of lists) {
  test(`LIST tells ${what}`, async () => {
    const { mailbox } = await openDialog({ script: answers([/^LIST .*\*/, answer]) });
    expect(await mailbox.folders()).toHaveLength(count);
  });
}

test("LIST tells of more folders than anybody has", async () => {
  const list = Array.from({ length: 10_001 }, (_, n) => `* LIST () "/" "f${n}"\r\n`).join("");
  const { mailbox } = await openDialog({ script: answers([/^LIST .*\*/, `${list}<tag> OK\r\n`]) });
  expect((await failureOf(mailbox.folders())).code).toBe("upstream-protocol-error");
});

test("calls no message moved that is still there, whatever COPYUID says", async () => {
  const { mailbox } = await openDialog({
    script: answers(
      [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n"],
      [/^UID MOVE/, "* OK [COPYUID 9 12 77] moved\r\n<tag> OK\r\n"],
    ),
  });
  expect((await failureOf(mailbox.move([place], "Other", null))).code).toBe("delete-unconfirmed");
});

const copyUids = [
  "9 12 1:4294967295",
  "9 1:4294967295 77",
  "x 12 77",
  "9 12",
  "9 12 0",
  "-9 12 77",
  "9 13 77",
  "9 12 77:78",
];
for (const told of copyUids) {
  test(`does not believe COPYUID ${told}`, async () => {
    const { mailbox } = await openDialog({
      script: answers(
        [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n", "* SEARCH\r\n<tag> OK\r\n"],
        [/^UID MOVE/, `* OK [COPYUID ${told}] moved\r\n<tag> OK\r\n`],
      ),
    });
    const { moved } = await mailbox.move([place], "Other", null);
    expect(moved).toEqual([{ from: place, to: null }]);
  });
}
