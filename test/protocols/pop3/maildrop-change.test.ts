import { afterEach, describe, expect, test } from "vitest";
import type { Failure } from "../../../src/errors.ts";
import type { FlagChange } from "../../../src/mail/flags.ts";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { failureOf } from "../failure-of.ts";
import { makeMaildropBench, makeMessages, page, placeOf, subjectsOf, textsOf } from "./maildrop-bench.ts";
import { hurried } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

const list = (mailbox: Mailbox<MaildropPlace>) => mailbox.list("INBOX", page);
const nothing = { add: [], remove: [] };
const seen: FlagChange = { flags: { seen: true }, keywords: nothing };

test("a maildrop says what it can do", async () => {
  expect((await (await bench.serve()).open()).capabilities()).toEqual({
    folders: false,
    move: false,
    keywords: true,
    append: false,
    search: "headers",
    push: "poll",
    flagStorage: "gateway",
  });
});

describe("flags", () => {
  test("are kept over logins, and told with the message", async () => {
    const { open, asked } = await bench.serve({ messages: makeMessages(3) });
    const places = [placeOf("u2"), placeOf("gone"), { ...placeOf("u1"), path: "Sent" }, placeOf("u3")];
    const change = { flags: { seen: true, flagged: true }, keywords: { add: ["$Work", "later"], remove: [] } };
    expect(await (await open()).setFlags(places, change)).toEqual({ missing: [places[1], places[2]] });
    expect(
      await (
        await open()
      ).setFlags([placeOf("u2")], { flags: { seen: false }, keywords: { add: [], remove: ["later"] } }),
    ).toEqual({ missing: [] });
    const mailbox = await open();
    const told = (await list(mailbox)).messages.map(({ flags, keywords }) => [flags.seen, flags.flagged, keywords]);
    expect(told).toEqual([
      [true, true, ["$Work", "later"]],
      [false, true, ["$Work"]],
      [false, false, []],
    ]);
    for (const wanted of [{}, { headers: true }, { bodies: true }]) {
      expect((await mailbox.get(placeOf("u3"), wanted)).summary).toMatchObject({
        flags: { seen: true },
        keywords: ["$Work", "later"],
      });
    }
    expect(await asked((one) => one.setFlags([placeOf("u1")], seen))).toEqual(["UIDL"]);
  });

  test("that name nothing, or what is no keyword, are refused and ask the server nothing", async () => {
    const { asked, open } = await bench.serve();
    const lines = await asked(async (mailbox) => {
      for (const keyword of ["a b", "", "\\Seen", "x)", "größe", "x".repeat(101)]) {
        const change = { flags: { seen: true }, keywords: { add: [keyword], remove: [] } };
        expect((await failureOf(mailbox.setFlags([placeOf("first")], change))).code).toBe("validation-failed");
      }
      const empty = mailbox.setFlags([placeOf("first")], { flags: {}, keywords: nothing });
      expect((await failureOf(empty)).code).toBe("validation-failed");
    });
    expect(lines).toEqual([]);
    expect((await list(await open())).messages.every(({ flags }) => !flags.seen)).toBe(true);
  });

  test("that can't be kept are told", async () => {
    const { open, kept } = await bench.serve();
    kept.breakDown("flags");
    expect((await failureOf((await open()).setFlags([placeOf("first")], seen))).code).toBe("storage-unavailable");
  });

  test("count for the folder, of those that are still there", async () => {
    const messages = makeMessages(5);
    const { open, asked } = await bench.serve({ messages });
    await (await open()).setFlags([placeOf("u1"), placeOf("u2")], seen);
    const status = { messages: 5, unseen: 3, uidValidity: 0, uidNext: null, modSeq: null };
    const mailbox = await open();
    expect(await mailbox.status("INBOX")).toEqual(status);
    expect(await mailbox.folders()).toEqual([
      {
        path: "INBOX",
        name: "INBOX",
        parentPath: null,
        delimiter: null,
        role: "inbox",
        selectable: true,
        subscribed: true,
        mailboxId: null,
        status,
      },
    ]);
    messages.shift();
    expect(await (await open()).status("INBOX")).toMatchObject({ messages: 4, unseen: 3 });
    expect(await asked((one) => one.folders())).toEqual(["UIDL"]);
  });

  test("count without UIDL too, by the headers of messages of the same size alone", async () => {
    const { open, asked } = await bench.serve({
      messages: makeMessages(30),
      answers: { UIDL: "-ERR\r\n" },
      capa: ["USER", "TOP"],
    });
    expect(await asked((mailbox) => mailbox.status("INBOX"))).toEqual(["UIDL", "LIST"]);
    const mailbox = await open();
    const places = (await list(mailbox)).messages.map(({ place }) => place);
    await mailbox.setFlags(places.slice(-2), seen);
    let status = {};
    const lines = await asked(async (one) => (status = await one.status("INBOX")));
    expect(status).toMatchObject({ messages: 30, unseen: 28 });
    expect(lines.filter((line) => line.startsWith("TOP"))).toHaveLength(9);
  });
});

test("a folder is told without counts where they take too long, and its status fails", async () => {
  const none = { UIDL: "-ERR\r\n" };
  const messages = makeMessages(30);
  const { open } = await bench.serve({ messages, answers: none, capa: ["USER", "TOP"] });
  const { place } = (await list(await open())).messages[0] ?? { place: placeOf("") };
  let nth = 0;
  let clock = hurried();
  const TOP = () => {
    if (++nth <= 1) return undefined;
    clock.hurry();
    return { after: "silence" } as const;
  };
  const onceSilent = () => {
    clock = hurried();
    return clock.onTime;
  };
  const slow = await bench.serve({ messages, answers: { ...none, TOP }, capa: ["USER", "TOP"] });
  await slow.kept.flags.change([place.key], seen);
  const folders = await (await slow.open(onceSilent())).folders();
  expect(folders).toMatchObject([{ path: "INBOX", status: null }]);
  expect((await failureOf((await slow.open(onceSilent())).status("INBOX"))).code).toBe("upstream-timeout");
});

describe("removing", () => {
  test("is DELE and QUIT as one, tells what was not there, and forgets what was kept", async () => {
    const messages = makeMessages(4);
    const { server, open, kept } = await bench.serve({ messages });
    const mailbox = await open();
    await list(mailbox);
    await mailbox.setFlags([placeOf("u2"), placeOf("u3")], seen);
    const gone = placeOf("gone");
    expect(await mailbox.remove([placeOf("u3"), gone, placeOf("u1"), placeOf("u3")])).toEqual({ missing: [gone] });
    expect(server.heard.slice(-3)).toEqual(["DELE 3", "DELE 1", "QUIT"]);
    expect(mailbox.dead).toBe(true);
    expect((await failureOf(mailbox.status("INBOX"))).code).toBe("upstream-unreachable");
    expect([...(await kept.headers.get(messages.map(({ uid }) => placeOf(uid).key))).keys()].toSorted()).toEqual([
      "uidl:u2",
      "uidl:u4",
    ]);
    expect(await kept.flags.having("seen")).toEqual(new Set(["uidl:u2"]));
  });

  test("of nothing that is there says no QUIT, and the session lives on", async () => {
    const { server, open } = await bench.serve();
    const mailbox = await open();
    const places = [placeOf("gone"), { ...placeOf("first"), path: "Sent" }];
    expect(await mailbox.remove(places)).toEqual({ missing: places });
    expect(server.heard.filter((line) => /^(DELE|QUIT)/.test(line))).toEqual([]);
    expect(mailbox.dead).toBe(false);
  });

  test("tells as missing what went between", async () => {
    const answers = { DELE: (line: string) => (line === "DELE 2" ? "-ERR no such message\r\n" : undefined) };
    const { open } = await bench.serve({ messages: makeMessages(3), answers });
    const places = [placeOf("u1"), placeOf("u2")];
    expect(await (await open()).remove(places)).toEqual({ missing: [places[1]] });
  });

  test.for([
    ["refused", "-ERR some messages not deleted\r\n"],
    ["cut off", { after: "close" }],
    ["not answered", { after: "silence" }],
  ] as const)("is unconfirmed where QUIT is %s, and nothing is forgotten", async ([, QUIT]) => {
    const { open, kept } = await bench.serve({ messages: makeMessages(2), answers: { QUIT } });
    const mailbox = await open(hurried());
    await list(mailbox);
    await mailbox.setFlags([placeOf("u1")], seen);
    expect((await failureOf(mailbox.remove([placeOf("u1")]))).code).toBe("delete-unconfirmed");
    expect(mailbox.dead).toBe(true);
    expect((await kept.headers.get([placeOf("u1").key])).size).toBe(1);
    expect(await kept.flags.having("seen")).toEqual(new Set(["uidl:u1"]));
  });

  test("that is refused before QUIT removes nothing", async () => {
    const { open, kept } = await bench.serve({ messages: makeMessages(2), answers: { DELE: "-ERR read-only\r\n" } });
    const mailbox = await open();
    await list(mailbox);
    expect((await failureOf(mailbox.remove([placeOf("u1")]))).code).toBe("refused-by-server");
    expect(textsOf(await list(mailbox))).toEqual(["uidl:u2", "uidl:u1"]);
    expect((await kept.headers.get([placeOf("u1").key])).size).toBe(1);
  });

  test("has happened though what was kept could not be forgotten", async () => {
    const { open, kept, logged } = await bench.serve();
    kept.breakDown("forget");
    expect(await (await open()).remove([placeOf("first")])).toEqual({ missing: [] });
    expect(logged).toEqual(["maildrop.not_kept"]);
  });
});

test("what a maildrop can't do is refused by the capability's name, with what to do instead", async () => {
  const { open } = await bench.serve();
  const mailbox = await open();
  const options = { flags: [], keywords: [], receivedAt: null };
  const refusals: [string | null, Promise<unknown>][] = [
    ["move", mailbox.move([], "Archive", null)],
    ["append", mailbox.append("INBOX", new Uint8Array(), options, null)],
    ["folders", mailbox.createFolder(null, "Archive")],
    ["folders", mailbox.renameFolder("INBOX", { name: "Other" })],
    ["folders", mailbox.deleteFolder("INBOX")],
    ["folders", mailbox.subscribeFolder("INBOX", false)],
    [null, mailbox.locate("INBOX", [{ kind: "guid", value: "x" }])],
  ];
  for (const [capability, call] of refusals) {
    const failure: Failure = await failureOf(call);
    expect(failure.code).toBe("unsupported-by-protocol");
    if (capability === null) continue;
    expect(failure.message).toContain(`capabilities.${capability}`);
    expect(failure.details).toMatchObject({ fix: expect.stringContaining("IMAP"), extra: { capability } });
  }
  expect(mailbox.dead).toBe(false);
});

describe("a session", () => {
  test("runs calls one at a time, in their order", async () => {
    const { server, open } = await bench.serve({ messages: makeMessages(5) });
    const mailbox = await open();
    const before = server.heard.length;
    const [listing, status, raw, removed, late] = await Promise.allSettled([
      list(mailbox),
      mailbox.status("INBOX"),
      mailbox.get(placeOf("u1"), { bodies: true }),
      mailbox.remove([placeOf("u5")]),
      mailbox.status("INBOX"),
    ]);
    expect([listing, status, raw, removed, late].map((result) => result.status)).toEqual([
      ...Array.from({ length: 4 }, () => "fulfilled"),
      "rejected",
    ]);
    expect(server.heard.slice(before).filter((line) => !line.startsWith("TOP"))).toEqual([
      "UIDL",
      "LIST",
      "RETR 1",
      "DELE 5",
      "QUIT",
    ]);
    expect(mailbox.unfinished).toBeNull();
  });

  test("sees the maildrop as it was at the login", async () => {
    const messages = makeMessages(2);
    const { open } = await bench.serve({ messages });
    const mailbox = await open();
    await list(mailbox);
    messages.push(...makeMessages(3).slice(2));
    expect(subjectsOf(await list(mailbox))).toEqual(["message 2", "message 1"]);
    expect(subjectsOf(await list(await open()))).toEqual(["message 3", "message 2", "message 1"]);
  });

  test("that was closed says so, and closes twice", async () => {
    const mailbox = await (await bench.serve()).open();
    await list(mailbox);
    await mailbox.close();
    expect(mailbox.dead).toBe(true);
    for (const call of [() => list(mailbox), () => mailbox.setFlags([placeOf("first")], seen)]) {
      expect((await failureOf(call())).code).toBe("upstream-unreachable");
    }
    await mailbox.close();
  });
});
