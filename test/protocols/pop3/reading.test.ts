import { afterEach, describe, expect, test } from "vitest";
import { collect, failureOf } from "../failure-of.ts";
import type { Pop3Session } from "../../../src/protocols/pop3/open-pop3.ts";
import { hurried, makeBench, multiLine, usualCapa } from "./scripted-pop3.ts";

const bench = makeBench();
afterEach(() => bench.end());

const mail = (number: number, octets = 20) => ({
  uid: `uid-${number}`,
  raw: `Subject: ${number}\r\n\r\n${"x".repeat(octets)}\r\n`,
});
const mails = (count: number, octets?: number) => Array.from({ length: count }, (_, index) => mail(index + 1, octets));
const text = (octets: Uint8Array | null | undefined) => octets && Buffer.from(octets).toString("latin1");

describe("the maildrop", () => {
  test("is counted, sized and named by number", async () => {
    const { open } = await bench.serve();
    const session = await open();
    expect(await session.stat()).toEqual({ count: 3, octets: 75 });
    expect([...(await session.list())]).toEqual([
      [1, 23],
      [2, 34],
      [3, 18],
    ]);
    expect(await session.listOne(2)).toBe(34);
    expect([...((await session.uidl()) ?? [])]).toEqual([
      [1, "first"],
      [2, "second"],
      [3, "third"],
    ]);
    expect(await session.uidlOne(3)).toBe("third");
    await session.noop();
    expect(await failureOf(session.listOne(9))).toMatchObject({ code: "message-gone" });
    expect(await failureOf(session.uidlOne(9))).toMatchObject({ code: "message-gone" });
  });

  test("may be empty", async () => {
    const { open } = await bench.serve({ messages: [] });
    const session = await open();
    expect([await session.list(), await session.uidl()]).toEqual([new Map(), new Map()]);
  });

  test("may have no UIDL, which is a failure only where it was announced", async () => {
    const answers = { UIDL: "-ERR unknown command\r\n" };
    for (const capa of [["USER", "TOP"], null]) {
      const session = await (await bench.serve({ capa, answers })).open();
      expect(await session.uidl()).toBeNull();
    }
    const announced = await (await bench.serve({ answers })).open();
    expect(await failureOf(announced.uidl())).toMatchObject({ code: "refused-by-server" });
    const trouble = await (await bench.serve({ capa: null, answers: { UIDL: "-ERR [SYS/TEMP] x\r\n" } })).open();
    expect(await failureOf(trouble.uidl())).toMatchObject({ code: "upstream-throttled" });
    const broken = await (await bench.serve({ capa: null, answers: { UIDL: "-ERR [SYS/PERM] x\r\n" } })).open();
    expect(await failureOf(broken.uidl())).toMatchObject({ code: "refused-by-server" });
  });

  test("may name two messages alike, one not at all, and others oddly", async () => {
    const lines = "1 same\r\n2 same\r\n3\r\n4 .dot\r\n5 with space \r\n6 \xe4\x01\r\n 7\tx\r\n";
    const { open } = await bench.serve({ answers: { UIDL: multiLine(lines) } });
    expect([...((await (await open()).uidl()) ?? [])]).toEqual([
      [1, "same"],
      [2, "same"],
      [4, ".dot"],
      [5, "with space"],
      [6, "\xe4\x01"],
      [7, "x"],
    ]);
  });

  test("with long lines of blanks is read in no time", async () => {
    const line = `1 a${" ".repeat(8_000)}b`;
    const lines = Array.from({ length: 1_000 }, (_, index) => `${index + 1}${line.slice(1)}\r\n`).join("");
    const { open } = await bench.serve({ answers: { UIDL: multiLine(lines) } });
    const session = await open();
    const started = performance.now();
    expect((await session.uidl())?.size).toBe(1_000);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("may come with lines that end in LF only", async () => {
    const { open } = await bench.serve({ answers: { LIST: "+OK\n1 10\n2 20 more\n.\n" } });
    expect([...(await (await open()).list())]).toEqual([
      [1, 10],
      [2, 20],
    ]);
  });

  test.for([
    ["LIST", "1 ten\r\n"],
    ["LIST", "0 10\r\n"],
    ["LIST", "1 10\r\n1 10\r\n"],
    ["LIST", "-1 10\r\n"],
    ["UIDL", "x\r\n"],
    ["UIDL", "\r\n"],
    ["UIDL", "1 a\r\n1 b\r\n"],
  ] as const)("that answers %s with %j is not believed, nor the line used any more", async ([command, lines]) => {
    const { open } = await bench.serve({ answers: { [command]: multiLine(lines) } });
    const session = await open();
    const asked: Promise<unknown> = command === "LIST" ? session.list() : session.uidl();
    expect(await failureOf(asked)).toMatchObject({
      code: "upstream-protocol-error",
      details: { upstream: { phase: command } },
    });
    expect(session.dead).toBe(true);
  });

  test("that has no end is cut off: an endless line, an endless list, an endless wait", async () => {
    const line = "x".repeat(10_000);
    const list = Array.from({ length: 300_000 }, (_, index) => `${index + 1} 1\r\n`).join("");
    const fat = Array.from({ length: 5_000 }, (_, index) => `${index + 1} ${"u".repeat(4_000)}\r\n`).join("");
    for (const answer of [`+OK ${line}`, `+OK\r\n1 ${line}`, `+OK\r\n${list}`, `+OK\r\n${fat}`]) {
      const session = await (await bench.serve({ answers: { UIDL: answer } })).open();
      expect(await failureOf(session.uidl())).toMatchObject({ code: "upstream-protocol-error" });
      expect(session.dead).toBe(true);
    }
    const stalls = ["", "+OK\r\n", "+OK\r\n1 a\r\n", "+OK\r\n1 a\r\n."].map(async (say) => {
      const { open, server } = await bench.serve({ answers: { UIDL: { say, after: "silence" } } });
      const failure = await failureOf((await open({}, hurried())).uidl());
      await server.ended();
      return failure.code;
    });
    expect(await Promise.all(stalls)).toEqual(stalls.map(() => "upstream-timeout"));
  }, 30_000);

  test("that tells of another message than the one asked for is not believed", async () => {
    const answers = { LIST: "+OK 2 10\r\n", UIDL: "+OK 2 x\r\n" };
    for (const ask of ["listOne", "uidlOne"] as const) {
      const session = await (await bench.serve({ answers })).open();
      expect(await failureOf(session[ask](1))).toMatchObject({ code: "upstream-protocol-error" });
    }
  });

  test("is asked for no impossible number", async () => {
    const { server, open } = await bench.serve();
    const session = await open();
    for (const number of [0, -1, 1.5, Number.NaN, Infinity, 1e21]) {
      await failureOf(session.retr(number));
      await failureOf(session.listOne(number));
      await failureOf(session.top([number]).next());
      await failureOf(session.remove([number]));
    }
    expect(server.heard.at(-1)).toBe("CAPA");
    expect(await session.stat()).toMatchObject({ count: 3 });
  });
});

describe("headers", () => {
  test("come in the order that was asked for, sent ahead where the server lets us", async () => {
    const messages = mails(100);
    const { server, open } = await bench.serve({ messages });
    const session = await open();
    const numbers = messages.map((_, index) => 100 - index);
    const found = [];
    const sent: number[] = [];
    for await (const { number, header } of session.top(numbers)) {
      sent.push(server.heard.filter((line) => line.startsWith("TOP")).length);
      found.push([number, text(header)]);
    }
    expect([sent[0], Math.max(...sent)]).toEqual([32, 100]);
    expect(found).toEqual(numbers.map((number) => [number, `Subject: ${number}\r\n\r\n`]));
    expect(await session.stat()).toMatchObject({ count: 100 });
  });

  test("come one by one where PIPELINING is not announced", async () => {
    const capa = usualCapa.filter((name) => name !== "PIPELINING");
    const { server, open } = await bench.serve({ messages: mails(5), capa });
    const session = await open();
    let count = 0;
    for await (const { header } of session.top([1, 2, 3, 4, 5])) {
      expect(header).not.toBeNull();
      expect(server.heard.filter((line) => line.startsWith("TOP")).length).toBe(++count);
    }
    expect(count).toBe(5);
  });

  test("of messages that are gone are null, between the others", async () => {
    const { open } = await bench.serve();
    const found = [];
    for await (const { number, header } of (await open()).top([1, 9, 3])) found.push([number, header !== null]);
    expect(found).toEqual([
      [1, true],
      [9, false],
      [3, true],
    ]);
  });

  test("that are refused for another reason fail, and the session goes on in step", async () => {
    const answers = { TOP: (line: string) => (line === "TOP 2 0" ? "-ERR [SYS/TEMP] disk\r\n" : undefined) };
    const { open } = await bench.serve({ answers });
    const session = await open();
    const rows = session.top([1, 2, 3]);
    expect((await rows.next()).value).toMatchObject({ number: 1 });
    expect(await failureOf(rows.next())).toMatchObject({
      code: "upstream-throttled",
      details: { upstream: { phase: "TOP" } },
    });
    expect(await session.stat()).toMatchObject({ count: 3 });
  });

  test("that one message lacks are told as refused, and the others come", async () => {
    for (const capa of [usualCapa, ["USER"], null]) {
      const poison = (line: string) => (line.includes(" 2") ? "-ERR [X-IO] can't read the file\r\n" : undefined);
      const { open } = await bench.serve({ capa, answers: { TOP: poison, RETR: poison } });
      const found = [];
      for await (const { header, refused } of (await open()).top([2, 1, 3])) {
        found.push([text(header), refused?.code, refused?.details.upstream?.text]);
      }
      expect(found).toEqual([
        [null, "refused-by-server", "can't read the file"],
        ["Subject: one\r\n\r\n", undefined, undefined],
        ["Subject: three\r\n\r\n", undefined, undefined],
      ]);
    }
  });

  test.for([
    ["[SYS/PERM] x", "refused-by-server"],
    ["[IN-USE] x", "mailbox-locked"],
    ["[AUTH] x", "account-authentication-failed"],
    ["too many requests", "upstream-throttled"],
  ])("that are refused with %s fail the row", async ([said, code]) => {
    const { open } = await bench.serve({ answers: { TOP: `-ERR ${said}\r\n` } });
    expect((await failureOf((await open()).top([1, 2]).next())).code).toBe(code);
  });

  test("are cut from the whole message where there is no TOP, announced or found out", async () => {
    for (const capa of [["USER", "UIDL"], null]) {
      const { server, open } = await bench.serve({ capa, answers: { TOP: "-ERR unknown command\r\n" } });
      const session = await open();
      const found = [];
      for await (const { header } of session.top([1, 2, 9, 3])) found.push(text(header));
      expect(found).toEqual(["Subject: one\r\n\r\n", "Subject: two\r\n\r\n", null, "Subject: three\r\n\r\n"]);
      expect(server.heard.filter((line) => line.startsWith("TOP")).length).toBe(capa === null ? 1 : 0);
    }
  });

  describe("of a server that announces TOP and gives nothing by it", () => {
    const refusing = "-ERR unknown command\r\n";
    const headers = async (session: Pop3Session, numbers: number[]) => {
      const found: (string | null)[] = [];
      for await (const { header } of session.top(numbers)) found.push(text(header) ?? null);
      return found;
    };
    const [one, two, three] = ["one", "two", "three"].map((name) => `Subject: ${name}\r\n\r\n`);

    test("are cut from the whole message, which is remembered as long as the session lasts", async () => {
      for (const capa of [usualCapa, ["USER", "TOP", "UIDL"]]) {
        const { server, open } = await bench.serve({ capa, answers: { TOP: refusing } });
        const session = await open();
        expect(await headers(session, [3, 9, 1, 2])).toEqual([three, null, one, two]);
        const before = server.heard.length;
        expect(await headers(session, [2, 1])).toEqual([two, one]);
        expect(server.heard.slice(before)).toEqual(["RETR 2", "RETR 1"]);
        expect(await session.stat()).toMatchObject({ count: 3 });
      }
    });

    test("are not taken for that by one message alone, nor once TOP has given one", async () => {
      const TOP = (line: string) => (line === "TOP 2 0" ? refusing : undefined);
      const { server, open } = await bench.serve({ answers: { TOP } });
      const session = await open();
      expect(await headers(session, [2])).toEqual([two]);
      expect(await headers(session, [2, 1, 3])).toEqual([null, one, three]);
      expect(server.heard.filter((line) => line.startsWith("RETR"))).toEqual(["RETR 2"]);
    });

    test("fail where RETR is refused for more than the message, and the session goes on in step", async () => {
      const { open } = await bench.serve({ answers: { TOP: refusing, RETR: "-ERR [SYS/TEMP] later\r\n" } });
      const session = await open();
      expect((await failureOf(headers(session, [1, 2]))).code).toBe("upstream-throttled");
      expect(await session.stat()).toMatchObject({ count: 3 });
    });
  });

  test("end at their empty line, whatever the server sends along", async () => {
    const contents = ["A: b\r\n\r\nbody\r\n", "A: b\n\nbody\r\n", "\r\nbody\r\n", "A: b\r\n", ""];
    const answers = { TOP: (line: string) => multiLine(contents[Number(line.split(" ")[1]) - 1] ?? "") };
    const { open } = await bench.serve({ answers });
    const found = [];
    for await (const { header } of (await open()).top([1, 2, 3, 4, 5])) found.push(text(header));
    expect(found).toEqual(["A: b\r\n\r\n", "A: b\n\n", "\r\n", "A: b\r\n", ""]);
  });

  test("without an end are cut, and the next one is right", async () => {
    const huge = `A: ${"b".repeat(3 * 1024 * 1024)}\r\n`;
    const answers = { TOP: (line: string) => (line === "TOP 1 0" ? multiLine(huge) : undefined) };
    const { open } = await bench.serve({ answers });
    const rows = [];
    for await (const { header } of (await open()).top([1, 2])) rows.push(header);
    expect(rows[0]?.length).toBe(1024 * 1024);
    expect(text(rows[1])).toBe("Subject: two\r\n\r\n");
  });
});

describe("a message", () => {
  const awkward = ["", "\r\n", ".\r\n", "..\r\n.\r\n", "a\n.\nb\r.\r\n", "\0\x80\xff\r\n.\0\r\n", "x\r\n\r\n.\r\n\r\n"];

  test("comes out byte for byte", async () => {
    const messages = awkward.map((raw, index) => ({ uid: String(index), raw }));
    const { open } = await bench.serve({ messages });
    const session = await open();
    for (const [index, raw] of awkward.entries()) {
      expect(text(await collect(await session.retr(index + 1)))).toBe(raw);
    }
  });

  test("comes out byte for byte when its packets are cut anywhere", async () => {
    const raw = ".a\r\n.\r\n..\r\n\n.\r\n";
    const answer = multiLine(raw);
    for (let cut = 1; cut < answer.length; cut++) {
      const { server, open } = await bench.serve({
        answers: { RETR: { say: answer.slice(0, cut), after: "silence" } },
      });
      const session = await open();
      const body = session.retr(1).then(collect);
      while (!server.heard.includes("RETR 1")) await new Promise(setImmediate);
      await new Promise(setImmediate);
      server.say(answer.slice(cut));
      expect(text(await body)).toBe(raw);
    }
  });

  test("that stalls fails at the deadline, however much has come", async () => {
    const cuts = ["", "+OK", "+OK\r\n", "+OK\r\nhalf", "+OK\r\nall\r\n.", "+OK\r\nall\n.\r\n"];
    const stalls = cuts.map(async (say) => {
      const { server, open } = await bench.serve({ answers: { RETR: { say, after: "silence" } } });
      const session = await open({}, hurried());
      const { code, details } = await failureOf(session.retr(1).then(collect));
      await server.ended();
      return [code, details.upstream?.phase, session.dead];
    });
    expect(await Promise.all(stalls)).toEqual(stalls.map(() => ["upstream-timeout", "RETR", true]));
  });

  test("that is slow, but never stops for long, is waited for", async () => {
    const { server, open } = await bench.serve({ answers: { RETR: { say: "+OK\r\n", after: "silence" } } });
    // 30 seconds are 300 ms, and the whole takes longer.
    const session = await open({}, hurried());
    const body = session.retr(1).then(collect);
    for (const octet of "0123456789\r\n.\r\n") {
      await new Promise((resolve) => setTimeout(resolve, 40));
      server.say(octet);
    }
    expect(text(await body)).toBe("0123456789\r\n");
  });

  test("that is cut off fails, and is never just short", async () => {
    for (const after of ["close", "reset"] as const) {
      for (const say of ["+OK\r\n", "+OK\r\nhalf", "+OK\r\nall\r\n", "+OK\r\nall\r\n.", "+OK\r\nall\r\n.\r"]) {
        const { open } = await bench.serve({ answers: { RETR: { say, after } } });
        const session = await open();
        expect(await failureOf(session.retr(1).then(collect))).toMatchObject({ code: "upstream-unreachable" });
        expect(session.dead).toBe(true);
      }
    }
  });

  test("is read from the network no faster than it is taken", async () => {
    const { server, open } = await bench.serve({ messages: [mail(1, 64 * 1024 * 1024)] });
    const session = await open();
    const stream = await session.retr(1);
    await stream.next();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * 1024 * 1024);
    let octets = 0;
    for await (const piece of stream) octets += piece.length;
    expect(octets).toBeGreaterThan(63 * 1024 * 1024);
    expect(server.connections()).toBe(1);
  });
});
