import { expect, onTestFinished, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { failureOf } from "../failure-of.ts";
import { answers, openDialog, place, startDialog } from "./dialog.ts";
import type { Script } from "./scripted-imap.ts";

const poor = "IMAP4rev1";
const isChange = (command: string): boolean => /STORE|EXPUNGE/.test(command);

/** A folder of messages 11, 12 and 13 for all connections; what another client marks is seen only after a NOOP. */
function folder() {
  const marked = new Set<number>();
  const seen = new Set<number>();
  const expunged: number[] = [];
  const script: Script = (command, tag) => {
    const ok = `${tag} OK\r\n`;
    if (command === "NOOP") for (const uid of marked) seen.add(uid);
    if (command === "UID SEARCH DELETED") return `* SEARCH ${[...seen].join(" ")}\r\n${ok}`;
    if (command.startsWith("UID SEARCH")) {
      return `* SEARCH ${[11, 12, 13].filter((uid) => !expunged.includes(uid)).join(" ")}\r\n${ok}`;
    }
    const [, uid, sign] = /^UID STORE (\d+) ([+-])/.exec(command) ?? [];
    for (const marks of uid === undefined ? [] : [marked, seen]) {
      if (sign === "+") marks.add(Number(uid));
      else marks.delete(Number(uid));
    }
    if (command !== "EXPUNGE") return uid === undefined ? undefined : ok;
    expunged.push(...marked);
    marked.clear();
    seen.clear();
    return ok;
  };
  return { marked, expunged, script };
}

test("what another client has marked meanwhile is not taken along without UIDPLUS", async () => {
  const { marked, expunged, script } = folder();
  const { mailbox, server } = await openDialog({ capability: poor, script });
  marked.add(11);
  expect(await mailbox.remove([place])).toEqual({ missing: [] });
  expect(expunged).toEqual([12]);
  expect(server.commands.filter(isChange).at(-1)).toBe("UID STORE 11 +FLAGS.SILENT (\\Deleted)");
});

test("two sessions of one login remove one after the other without UIDPLUS", async () => {
  const { expunged, script } = folder();
  const slow: Script = (command, tag, socket) => {
    const said = script(command, tag, socket);
    if (said === undefined) return undefined;
    setTimeout(() => socket.write(said), 5);
    return "";
  };
  const { server, how } = await startDialog({ capability: poor, script });
  const sessions = await Promise.all([openImap(how), openImap(how)]);
  for (const session of sessions) onTestFinished(() => session.close());
  server.setScript(slow);
  await Promise.all(sessions.map((session, index) => session.remove([{ ...place, uid: 11 + index }])));
  expect(new Set(expunged)).toEqual(new Set([11, 12]));
  const [one, ...rest] = server.commands.filter(isChange);
  const both = ["UID STORE 11 +FLAGS.SILENT (\\Deleted)", "UID STORE 12 +FLAGS.SILENT (\\Deleted)"];
  expect(rest).toEqual(["EXPUNGE", both.find((command) => command !== one), "EXPUNGE"]);
});

const refusals: [what: string, capability: string, answer: string][] = [
  ["refused with UIDPLUS", "IMAP4rev1 UIDPLUS", "<tag> NO [NOPERM] no expunge right\r\n"],
  ["refused without UIDPLUS", poor, "<tag> BAD no\r\n"],
  ["not done with UIDPLUS", "IMAP4rev1 UIDPLUS", "<tag> OK\r\n"],
  ["not done without UIDPLUS", poor, "<tag> OK\r\n"],
];
test.each(refusals)(
  "where the removal is %s, only our own marks are taken off again",
  async (_, capability, answer) => {
    const { mailbox, server } = await openDialog({
      capability,
      script: answers(
        [/^(UID )?EXPUNGE/, answer],
        [/^UID SEARCH (UID 12:13 )?DELETED/, "* SEARCH 13\r\n<tag> OK\r\n"],
        [/^UID SEARCH/, "* SEARCH 12 13\r\n<tag> OK\r\n"],
      ),
    });
    await failureOf(mailbox.remove([place, { ...place, uid: 13 }]));
    const changes = server.commands.filter((command) => command.includes("STORE"));
    expect(changes).toEqual(["UID STORE 12:13 +FLAGS.SILENT (\\Deleted)", "UID STORE 12 -FLAGS.SILENT (\\Deleted)"]);
  },
);

/** A folder of 12,000 messages with the UIDs 1001 to 13000, one of which is removed. */
function large(uid: number, ofAbsent: (tag: string) => string): Script {
  let isGone = false;
  return (command, tag) => {
    const ok = `${tag} OK\r\n`;
    if (command === "UID SEARCH DELETED") return `* SEARCH\r\n${ok}`;
    if (command.startsWith("UID SEARCH UID")) return isGone ? `* SEARCH\r\n${ok}` : `* SEARCH ${uid}\r\n${ok}`;
    if (command === "EXPUNGE") {
      isGone = true;
      return `* ${uid - 1_000} EXPUNGE\r\n${ok}`;
    }
    if (command.startsWith("UID FETCH")) return ofAbsent(tag);
    const [, low, high] = /^FETCH (\d+):(\d+) \(UID\)$/.exec(command) ?? [];
    if (low === undefined) return undefined;
    // News of a message that nobody asked for.
    let rows = "* 1 FETCH (UID 1001 FLAGS ())\r\n";
    for (let number = Number(low); number <= Number(high); number++) {
      rows += `* ${number} FETCH (UID ${number + (number < uid - 1_000 ? 1_000 : 1_001)})\r\n`;
    }
    return rows + ok;
  };
}

const absents: [what: string, ofAbsent: (tag: string) => string, looks: string[]][] = [
  ["passes over absent UIDs", (tag) => `${tag} OK\r\n`, []],
  ["takes an absent UID for the last message's", (tag) => `* 11999 FETCH (UID 13000)\r\n${tag} OK\r\n`, []],
  ["refuses absent UIDs", (tag) => `${tag} BAD no\r\n`, ["FETCH 7000:11999 (UID)", "FETCH 2000:6999 (UID)"]],
];
test.each(absents)("a removal is confirmed by few answers where a server %s", async (_, ofAbsent, looks) => {
  const { mailbox, server } = await openDialog({ capability: poor, exists: 12_000, script: large(4_000, ofAbsent) });
  expect(await mailbox.remove([{ ...place, uid: 4_000 }])).toEqual({ missing: [] });
  expect(server.commands.filter((command) => command.startsWith("FETCH"))).toEqual(looks);
  expect(server.commands).not.toContain("UID SEARCH ALL");
});
