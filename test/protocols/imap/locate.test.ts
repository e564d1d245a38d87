import { expect, test } from "vitest";
import type { NativeKey } from "../../../src/mail/message.ts";
import { failureOf } from "../failure-of.ts";
import { answers, openDialog, place } from "./dialog.ts";

const guid = (value: string): NativeKey => ({ kind: "guid", value });

test("many keys are one search for each fifty, and each is told where it is", async () => {
  const keys = Array.from({ length: 120 }, (_, at) => guid(`g${at}`));
  const { mailbox, server } = await openDialog({});
  server.setScript(
    answers(
      [/^UID SEARCH .*"g0"/, "* SEARCH 12 11\r\n<tag> OK\r\n"],
      [/^UID SEARCH .*"g119"/, "* SEARCH 13\r\n<tag> OK\r\n"],
      [/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"],
      [/^UID FETCH 11:12 /, '* 2 FETCH (UID 12 X-GUID "g0")\r\n* 1 FETCH (UID 11 X-GUID "g7")\r\n<tag> OK\r\n'],
      [/^UID FETCH 13 /, '* 3 FETCH (UID 13 X-GUID "another")\r\n* 2 FETCH (UID 12 X-GUID "g119")\r\n<tag> OK\r\n'],
    ),
  );
  expect(await mailbox.locate("INBOX", keys)).toEqual([
    { key: guid("g7"), place: { ...place, uid: 11 } },
    { key: guid("g0"), place: { ...place, uid: 12 } },
  ]);
  const searches = server.commands.filter((command) => command.startsWith("UID SEARCH"));
  expect(searches.map((command) => command.match(/X-GUID/g)?.length)).toEqual([50, 50, 20]);
  expect(searches.map((command) => command.match(/\bOR\b/g)?.length)).toEqual([49, 49, 19]);
  expect(searches[2]).toMatch(/^UID SEARCH (OR X-GUID "g\d+" ){19}X-GUID "g119"$/);
});

test("lines stay short where keys are long, and no key is sent that would end one", async () => {
  const keys = Array.from({ length: 50 }, (_, at) => guid(`${at}${"x".repeat(250)}`));
  const { mailbox, server } = await openDialog({});
  server.setScript(answers([/^UID SEARCH/, "* SEARCH\r\n<tag> OK\r\n"]));
  expect(await mailbox.locate("INBOX", keys)).toEqual([]);
  for (const command of server.commands) expect(command.length).toBeLessThan(8_000);
  expect(server.commands.filter((command) => command.startsWith("UID SEARCH"))).toHaveLength(3);
  const before = server.commands.length;
  for (const value of ["a\r\nb", "a b", ""])
    expect((await failureOf(mailbox.locate("INBOX", [guid("good"), guid(value)]))).code).toBe("unsupported-by-server");
  expect(server.commands).toHaveLength(before);
});

test("identities tell keys, and leave out what is gone", async () => {
  const { mailbox, server } = await openDialog({});
  server.setScript(
    answers(
      [/^UID FETCH 11:12,99 /, '* 1 FETCH (UID 11 RFC822.SIZE 5 X-GUID "a")\r\n<tag> OK\r\n'],
      [/^UID FETCH 12 /, '* 2 FETCH (UID 12 RFC822.SIZE 5 X-GUID "b")\r\n<tag> OK\r\n'],
      [/^UID SEARCH UID 12,99/, "* SEARCH 12\r\n<tag> OK\r\n"],
    ),
  );
  const [one, two, gone] = [11, 12, 99].map((uid) => ({ ...place, uid }));
  const old = { ...place, uidValidity: 1 };
  const places = [two, gone, one, old, two].flatMap((each) => each ?? []);
  expect(await mailbox.identities(places)).toEqual([
    { place: two, key: guid("b") },
    { place: one, key: guid("a") },
    { place: two, key: guid("b") },
  ]);
});

test("what a server copied before it refused the rest is moved, and the rest is left", async () => {
  const { mailbox, server } = await openDialog({ capability: "IMAP4rev1 UIDPLUS" });
  // Two sets: what is too long for one line.
  const uids = Array.from({ length: 1_000 }, (_, at) => 1_000_000_000 + at * 2);
  const expunged = new Set<number>();
  const inSet = (set: string): number[] => set.split(",").map(Number);
  let copies = 0;
  server.setScript((command, tag) => {
    const ok = `${tag} OK\r\n`;
    const [, name = "", set = ""] = /^(UID (?:FETCH|COPY|STORE|EXPUNGE|SEARCH(?: UID)?)) (\S+)/.exec(command) ?? [];
    const there = name === "" ? [] : inSet(set).filter((uid) => !expunged.has(uid));
    if (name === "UID FETCH") {
      const rows = there.map((uid, at) => `* ${at + 1} FETCH (UID ${uid} FLAGS () RFC822.SIZE 5)\r\n`);
      return `${rows.join("")}${ok}`;
    }
    if (name === "UID COPY") {
      copies += 1;
      if (copies > 1) return `${tag} NO [OVERQUOTA] full\r\n`;
      return `${tag} OK [COPYUID 9 ${set} 1:${inSet(set).length}] done\r\n`;
    }
    if (name === "UID EXPUNGE") for (const uid of inSet(set)) expunged.add(uid);
    if (name.startsWith("UID SEARCH")) {
      const found = command.endsWith("DELETED") ? [] : there;
      return `* SEARCH ${found.join(" ")}\r\n${ok}`;
    }
    return name === "" ? undefined : ok;
  });
  const places = uids.map((uid) => ({ ...place, uid }));
  const { moved, missing } = await mailbox.move(places, "Archive", 1);
  expect(missing).toEqual([]);
  expect(moved.length).toBeGreaterThan(500);
  expect(moved.length).toBeLessThan(1_000);
  expect([...expunged]).toEqual(uids.slice(0, moved.length));
  expect(moved[3]).toEqual({ from: places[3], to: { path: "Archive", uidValidity: 9, uid: 4 } });
});
