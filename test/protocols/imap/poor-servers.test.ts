import { expect, test } from "vitest";
import { createFakeClock } from "../../fake-clock.ts";
import { failureOf } from "../failure-of.ts";
import { answers, openDialog } from "./dialog.ts";
import type { Script } from "./scripted-imap.ts";

const poor = "IMAP4rev1";
const place = { path: "INBOX", uidValidity: 7, uid: 12 };
const seen = { flags: { seen: true }, keywords: { add: [], remove: [] } };

/** What a message and its copy are known by. */
const marks = (sequence: number, uid: number, id: string, flags = ""): string => {
  const field = `Message-ID: <${id}>\r\n\r\n`;
  const items = `UID ${uid} FLAGS (${flags}) INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100`;
  return `* ${sequence} FETCH (${items} BODY[HEADER.FIELDS (MESSAGE-ID)] {${field.length}}\r\n${field})\r\n`;
};
/** The answer to FETCH of the UIDs of a folder's messages, from the first on. */
const uidRows = (...uids: number[]): string =>
  `${uids.map((uid, index) => `* ${index + 1} FETCH (UID ${uid})\r\n`).join("")}<tag> OK\r\n`;
const inOrder = (commands: string[], ...steps: RegExp[]): boolean => {
  let at = -1;
  return steps.every((step) => (at = commands.findIndex((command, index) => index > at && step.test(command))) >= 0);
};

test("flagging costs one round trip where the answer says who is there", async () => {
  const { mailbox, server } = await openDialog({
    script: answers(
      [/^UID STORE/, "* 2 FETCH (UID 12 FLAGS (\\Seen))\r\n* 1 FETCH (UID 11 FLAGS (\\Seen))\r\n<tag> OK\r\n"],
      [/^UID FETCH/, "<tag> OK\r\n"],
    ),
  });
  const before = server.commands.length;
  expect(await mailbox.setFlags([place], seen)).toEqual({ missing: [] });
  expect(server.commands.slice(before)).toEqual(["UID STORE 12 +FLAGS (\\Seen)"]);
  const absent = { ...place, uid: 40 };
  expect(await mailbox.setFlags([place, absent], seen)).toEqual({ missing: [absent] });
});

test("names no absent UID, and believes no answer to STORE, without UIDPLUS", async () => {
  const { mailbox, server } = await openDialog({
    capability: poor,
    script: answers(
      // As sequence numbers: 13 is asked for, and there is no thirteenth message.
      [/^UID SEARCH UID 12,40/, "* SEARCH\r\n<tag> OK\r\n"],
      [/^UID FETCH 12,40 /, "<tag> BAD UID FETCH Failed to parse message set\r\n"],
      [/^FETCH 1:3 /, uidRows(11, 12, 13)],
      [/^UID STORE/, "* 2 FETCH (UID 1 FLAGS (\\Seen))\r\n<tag> OK\r\n"],
      [/^UID FETCH 12 /, "* 2 FETCH (UID 12 FLAGS (\\Seen))\r\n<tag> OK\r\n"],
    ),
  });
  const absent = { ...place, uid: 40 };
  expect(await mailbox.setFlags([place, absent], seen)).toEqual({ missing: [absent] });
  expect(server.commands.filter((command) => /STORE|COPY/.test(command))).toEqual([
    "UID STORE 12 +FLAGS.SILENT (\\Seen)",
  ]);
});

test("stores again without those that are gone, where a server refuses all because of one", async () => {
  const { mailbox, server } = await openDialog({
    script: answers(
      [/^UID STORE 12,40 /, "<tag> NO does not have a message with UID 40\r\n"],
      [/^UID SEARCH UID 12,40/, "* SEARCH 12\r\n<tag> OK\r\n"],
      [/^UID STORE 12 /, "* 2 FETCH (UID 12 FLAGS (\\Seen))\r\n<tag> OK\r\n"],
      [/^UID FETCH/, "<tag> OK\r\n"],
    ),
  });
  const absent = { ...place, uid: 40 };
  expect(await mailbox.setFlags([place, absent], seen)).toEqual({ missing: [absent] });
  server.setScript(answers([/^UID STORE/, "<tag> NO not today\r\n"], [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n"]));
  const refused = await failureOf(mailbox.setFlags([place], seen));
  expect(refused.code).toBe("refused-by-server");
  expect(refused.details.upstream).toMatchObject({ phase: "UID STORE", text: "not today" });
});

const copying: [RegExp, ...string[]][] = [
  [/^UID FETCH 12 /, `${marks(2, 12, "a@x", "\\Seen")}<tag> OK\r\n`],
  [/^UID COPY/, "<tag> OK copied\r\n"],
];

test("removes no original whose copy is not there, whatever COPY said", async () => {
  const { mailbox, server } = await openDialog({
    capability: poor,
    script: answers(...copying, [/^UID FETCH 14:\*/, `${marks(1, 13, "a@x")}${marks(4, 15, "b@x")}<tag> OK\r\n`]),
  });
  const failure = await failureOf(mailbox.move([place], "Other", 14));
  expect(failure.code).toBe("upstream-protocol-error");
  expect(failure.retryable).toBe(false);
  expect(server.commands.filter((command) => /STORE|EXPUNGE/.test(command))).toEqual([]);
});

test("finds copies by sequence numbers where a server refuses to be asked for UIDs that nobody has", async () => {
  const { mailbox, server } = await openDialog({
    capability: poor,
    script: answers(
      [/^UID FETCH 12 \(UID\)/, "<tag> OK\r\n"],
      ...copying,
      [/^UID FETCH 14:\*/, "<tag> BAD UID FETCH Failed to parse message set\r\n"],
      [/^FETCH 1:3 \(UID\)/, uidRows(11, 12, 15)],
      [/^UID FETCH 15 /, `${marks(3, 15, "a@x", "\\Seen")}<tag> OK\r\n`],
    ),
  });
  const { moved } = await mailbox.move([place], "Other", 14);
  expect(moved).toEqual([{ from: place, to: { path: "Other", uidValidity: 7, uid: 15 } }]);
  expect(server.commands).not.toContain("UID SEARCH ALL");
});

test("gives a copy the flags that the server left behind, then removes the original", async () => {
  const { mailbox, server } = await openDialog({
    capability: poor,
    script: answers(
      [/^UID FETCH 12 \(UID\)/, "<tag> OK\r\n"],
      ...copying,
      [/^UID FETCH 14:\*/, `${marks(4, 15, "a@x")}<tag> OK\r\n`],
      [/^UID SEARCH DELETED/, "* SEARCH\r\n<tag> OK\r\n"],
      [/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"],
    ),
  });
  const { moved } = await mailbox.move([place], "Other", 14);
  expect(moved).toEqual([{ from: place, to: { path: "Other", uidValidity: 7, uid: 15 } }]);
  const steps = [/^UID COPY 12 /, /^SELECT "Other"/, /^UID STORE 15 \+FLAGS.SILENT \(\\seen\)/, /^SELECT "INBOX"/];
  expect(inOrder(server.commands, ...steps, /^UID STORE 12 \+FLAGS.SILENT \(\\Deleted\)/, /^EXPUNGE/)).toBe(true);
});

const lies = [
  "7 12,13 15",
  "7 12,13 15,16",
  "7 12 15,16",
  "7 99 15",
  "0 12 15",
  "7 12:4000000 15:4000003",
  "seven 12 15",
];
for (const copyUid of lies) {
  test(`COPYUID ${copyUid} is not believed`, async () => {
    const { mailbox } = await openDialog({
      script: answers(
        [/^UID FETCH 12 /, `${marks(2, 12, "a@x")}<tag> OK\r\n`],
        [/^UID MOVE/, `* OK [COPYUID ${copyUid}] moved\r\n<tag> OK\r\n`],
        [/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"],
        [/^UID FETCH 14:\*/, `${marks(4, 17, "a@x")}<tag> OK\r\n`],
      ),
    });
    expect((await mailbox.move([place], "Other", null)).moved).toEqual([{ from: place, to: null }]);
    expect((await mailbox.move([place], "Other", 14)).moved[0]?.to?.uid).toBe(17);
  });
}

test("a MOVE that fails half way tells what it moved", async () => {
  const both = `${marks(2, 12, "a@x")}${marks(3, 13, "b@x")}<tag> OK\r\n`;
  const { mailbox, server } = await openDialog({
    script: answers(
      [/^UID FETCH 12:13 /, both],
      [/^UID MOVE/, "* OK [COPYUID 7 12 15] some\r\n<tag> NO no more room\r\n"],
      [/^UID SEARCH/, "* SEARCH 13\r\n<tag> OK\r\n"],
    ),
  });
  const places = [place, { ...place, uid: 13 }];
  const { moved, missing } = await mailbox.move(places, "Other", 14);
  expect(moved).toEqual([{ from: place, to: { path: "Other", uidValidity: 7, uid: 15 } }]);
  expect(missing).toEqual([]);
  server.setScript(
    answers(
      [/^UID FETCH/, both],
      [/^UID MOVE/, "<tag> NO no room\r\n"],
      [/^UID SEARCH/, "* SEARCH 12 13\r\n<tag> OK\r\n"],
    ),
  );
  const failure = await failureOf(mailbox.move(places, "Other", 14));
  expect(failure.details.upstream).toMatchObject({ phase: "UID MOVE", text: "no room" });
});

test("what was refused after some of it was done says that it may have been done", async () => {
  const change = { flags: { seen: true, flagged: false }, keywords: { add: [], remove: [] } };
  const { mailbox, server } = await openDialog({
    script: answers(
      [/^UID STORE 12 \+/, "* 2 FETCH (UID 12 FLAGS (\\Seen \\Flagged))\r\n<tag> OK\r\n"],
      [/^UID STORE 12 -/, "<tag> NO not that\r\n"],
      [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n"],
      [/^SELECT/, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n<tag> OK\r\n"],
    ),
  });
  expect((await failureOf(mailbox.setFlags([place], change))).details.extra).toEqual({ changed: "unknown" });
  server.setScript(answers([/^UID STORE/, "<tag> NO no\r\n"], [/^UID SEARCH/, "* SEARCH 12\r\n<tag> OK\r\n"]));
  expect((await failureOf(mailbox.setFlags([place], change))).details.extra).toBeUndefined();
});

test("a copy whose original may not be removed is told of", async () => {
  const { mailbox } = await openDialog({
    capability: poor,
    script: answers(
      ...copying,
      [/^UID FETCH 14:\*/, `${marks(3, 15, "a@x", "\\Seen")}<tag> OK\r\n`],
      [/^UID STORE/, "<tag> NO [NOPERM] no right\r\n"],
      [/^UID SEARCH UID/, "* SEARCH 12\r\n<tag> OK\r\n"],
      [/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"],
    ),
  });
  const failure = await failureOf(mailbox.move([place], "Other", 14));
  expect([failure.code, failure.details.extra]).toEqual(["refused-by-server", { changed: "unknown" }]);
});

test("a message that was moved to where nobody may look is moved", async () => {
  const { mailbox } = await openDialog({
    script: answers(
      [/^UID FETCH 12 /, `${marks(2, 12, "a@x")}<tag> OK\r\n`],
      [/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"],
      [/^SELECT.*Other/, "<tag> NO [NOPERM] not yours\r\n"],
    ),
  });
  expect((await mailbox.move([place], "Other", 14)).moved).toEqual([{ from: place, to: null }]);
});

const amongOthers: [RegExp, ...string[]][] = [
  [/^UID SEARCH UID/, "* SEARCH 12\r\n<tag> OK\r\n", "* SEARCH\r\n<tag> OK\r\n"],
  [/^UID SEARCH DELETED/, "* SEARCH 11\r\n<tag> OK\r\n", "* SEARCH 11 12 13\r\n<tag> OK\r\n"],
];

test("others' marks are off for one round trip, and one that a server set by mistake stays off", async () => {
  const { mailbox, server } = await openDialog({ capability: poor, script: answers(...amongOthers) });
  expect(await mailbox.remove([place])).toEqual({ missing: [] });
  const changes = server.commands.filter((command) => /STORE|EXPUNGE/.test(command));
  expect(changes).toEqual([
    "UID STORE 12 +FLAGS.SILENT (\\Deleted)",
    "UID STORE 11,13 -FLAGS.SILENT (\\Deleted)",
    "EXPUNGE",
    "UID STORE 11 +FLAGS.SILENT (\\Deleted)",
  ]);
});

test("nothing is expunged where others' marks can't be taken off", async () => {
  const { mailbox, server } = await openDialog({
    capability: poor,
    script: answers([/^UID SEARCH UID/, "* SEARCH 12\r\n<tag> OK\r\n"], ...amongOthers, [
      /^UID STORE \S+ -FLAGS/,
      "<tag> NO not yours\r\n",
    ]),
  });
  expect((await failureOf(mailbox.remove([place]))).details.upstream).toMatchObject({ text: "not yours" });
  expect(server.commands).not.toContain("EXPUNGE");
  expect(server.commands).toContain("UID STORE 12 -FLAGS.SILENT (\\Deleted)");
});

test("a line that breaks while others' marks are off is told with what it left", async () => {
  const usual = answers(...amongOthers);
  const script: Script = (command, tag, socket) => {
    if (command !== "EXPUNGE") return usual(command, tag, socket);
    socket.destroy();
    return "";
  };
  const { mailbox } = await openDialog({ capability: poor, script });
  const failure = await failureOf(mailbox.remove([place]));
  expect(failure.code).toBe("upstream-unreachable");
  expect(failure.details.extra).toEqual({ unmarked: 1 });
  expect(failure.message).toContain("none of those was removed");
});

test("two thousand folders without LIST-STATUS are listed in bounded time", async () => {
  const clock = createFakeClock();
  const rows = Array.from({ length: 2_000 }, (_, index) => `* LIST () "/" f${index}\r\n`).join("");
  let asked = 0;
  const { mailbox } = await openDialog(
    {
      capability: poor,
      script: (command, tag) => {
        if (command.startsWith("LIST")) return `${rows}${tag} OK\r\n`;
        const [, name] = /^STATUS "(\S+)"/.exec(command) ?? [];
        if (name === undefined) return undefined;
        asked++;
        void clock.advance(100);
        return `* STATUS ${name} (MESSAGES 1 UNSEEN 0 UIDNEXT 2 UIDVALIDITY 3)\r\n${tag} OK\r\n`;
      },
    },
    { clock },
  );
  const folders = await mailbox.folders();
  expect(folders).toHaveLength(2_000);
  expect(asked).toBeLessThan(120);
  expect(folders[0]?.status?.messages).toBe(1);
  expect(folders.at(-1)).toMatchObject({ selectable: true, status: null });
});

test("UIDNEXT comes from SELECT, then from the last message, where STATUS tells none", async () => {
  const status = "* STATUS x (MESSAGES 3 UNSEEN 0 UIDVALIDITY 7)\r\n<tag> OK\r\n";
  const { mailbox, server } = await openDialog({ capability: poor, script: answers([/^STATUS/, status]) });
  expect((await mailbox.status("Other")).uidNext).toBe(14);
  server.setScript(
    answers(
      [/^STATUS/, status],
      [/^SELECT/, "* 3 EXISTS\r\n<tag> OK\r\n"],
      [/^FETCH \*/, "* 3 FETCH (UID 41)\r\n<tag> OK\r\n"],
    ),
  );
  expect((await mailbox.status("Elsewhere")).uidNext).toBe(42);
});

test("a read-only folder and a forbidden keyword are refused before anything is sent", async () => {
  const { mailbox, server } = await openDialog({
    script: answers(
      [
        /^SELECT/,
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [PERMANENTFLAGS (\\Seen old)] p\r\n<tag> OK\r\n",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n<tag> OK [READ-ONLY] r\r\n",
      ],
      [/^UID STORE/, "* 2 FETCH (UID 12 FLAGS (old))\r\n<tag> OK\r\n"],
    ),
  });
  const keyword = (name: string) => ({ flags: {}, keywords: { add: [name], remove: [] } });
  expect((await failureOf(mailbox.setFlags([place], keyword("new")))).code).toBe("unsupported-by-server");
  expect(await mailbox.setFlags([place], keyword("old"))).toEqual({ missing: [] });
  const archived = { ...place, path: "Shared" };
  expect((await failureOf(mailbox.setFlags([archived], seen))).code).toBe("refused-by-server");
  expect(server.commands.filter((command) => command.includes("STORE"))).toHaveLength(1);
});
