import { afterEach, describe, expect, test } from "vitest";
import { collect, failureOf } from "../failure-of.ts";
import { hurried, makeBench, multiLine } from "./scripted-pop3.ts";

const bench = makeBench();
afterEach(() => bench.end());

const big = (octets: number) => ({ uid: "big", raw: `A: b\r\n\r\n${"x".repeat(octets)}\r\n` });
const small = { uid: "small", raw: "Subject: small\r\n\r\nbody\r\n" };
const whole = async (stream: Promise<AsyncIterable<Uint8Array>>) => (await collect(await stream)).toString("latin1");

describe("calls at the same time", () => {
  test("run one after the other, and each gets its own answer", async () => {
    const { server, open } = await bench.serve({ messages: [small, big(100_000), small] });
    const session = await open();
    const [first, count, second, ids, third] = await Promise.all([
      whole(session.retr(1)),
      session.stat(),
      whole(session.retr(2)),
      session.uidl(),
      whole(session.retr(3)),
    ]);
    expect([first, third]).toEqual([small.raw, small.raw]);
    expect(second).toBe(big(100_000).raw);
    expect([count.count, ids?.size]).toEqual([3, 3]);
    expect(server.heard.slice(3)).toEqual(["RETR 1", "STAT", "RETR 2", "UIDL", "RETR 3"]);
    expect(session.unfinished).toBeNull();
  });

  test("wait for a message that is still being read", async () => {
    const { server, open } = await bench.serve({ messages: [big(1000)] });
    const session = await open();
    const stream = await session.retr(1);
    const counted = session.stat();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.heard.at(-1)).toBe("RETR 1");
    expect(session.unfinished).not.toBeNull();
    await collect(stream);
    expect(await counted).toMatchObject({ count: 1 });
  });

  test("all fail when the line does", async () => {
    const { open } = await bench.serve({ answers: { STAT: { after: "reset" } } });
    const session = await open();
    const outcomes = await Promise.all([session.stat(), session.list(), session.uidl()].map((call) => failureOf(call)));
    expect(outcomes.map(({ code }) => code)).toEqual(Array(3).fill("upstream-unreachable"));
    expect(session.unfinished).toBeNull();
  });
});

describe("a message that nobody wants any more", () => {
  test("is read off when little is left, and the next answer is the right one", async () => {
    const { server, open } = await bench.serve({ messages: [big(300_000), small] });
    const session = await open();
    for await (const piece of await session.retr(1)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(await whole(session.retr(2))).toBe(small.raw);
    expect(server.connections()).toBe(1);
  });

  test("is read off even if nobody ever began to read it", async () => {
    const { open } = await bench.serve({ messages: [big(1000), small] });
    const session = await open();
    const stream = await session.retr(1);
    await stream.return?.();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await whole(session.retr(2))).toBe(small.raw);
  });

  test("is read off even while its next piece is waited for", async () => {
    const answer = multiLine("x\r\n");
    const { server, open } = await bench.serve({
      messages: [small, small],
      answers: { RETR: (line) => (line === "RETR 1" ? { say: answer.slice(0, 5), after: "silence" } : undefined) },
    });
    const session = await open();
    const stream = await session.retr(1);
    const piece = stream.next();
    await stream.return?.();
    const next = whole(session.retr(2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.heard.at(-1)).toBe("RETR 1");
    server.say(answer.slice(5));
    expect(Buffer.from((await piece).value ?? []).toString()).toBe("x\r\n");
    expect(await next).toBe(small.raw);
  });

  test("takes the line with it when much is left, at once", async () => {
    const { server, open } = await bench.serve({ messages: [big(64 * 1024 * 1024), small] });
    const session = await open();
    for await (const _ of await session.retr(1)) break;
    await session.unfinished;
    await server.ended();
    expect(session.dead).toBe(true);
    expect(await failureOf(session.stat())).toMatchObject({ code: "upstream-unreachable" });
  });

  test("takes the line with it when the rest does not come", async () => {
    const { server, open } = await bench.serve({ answers: { RETR: { say: "+OK\r\nhalf", after: "silence" } } });
    const session = await open({}, hurried(10));
    for await (const _ of await session.retr(1)) break;
    await server.ended();
    expect(session.dead).toBe(true);
  });

  test("is a row of headers, too", async () => {
    const messages = Array.from({ length: 50 }, () => small);
    const { server, open } = await bench.serve({ messages });
    const session = await open();
    for await (const { number } of session.top(messages.map((_, index) => index + 1))) if (number === 3) break;
    expect(await whole(session.retr(2))).toBe(small.raw);
    expect(server.heard.filter((line) => line.startsWith("TOP")).length).toBe(32);
    await session.top([1, 2]).return(undefined);
    expect(await session.stat()).toMatchObject({ count: 50 });
  });
});

describe("a line on which nothing is asked", () => {
  const gone = async (session: { dead: boolean }) => {
    for (let round = 0; round < 200 && !session.dead; round++) await new Promise((resolve) => setTimeout(resolve, 5));
    return session.dead;
  };

  test("is dead when the server leaves, with or without a word", async () => {
    const silent = await bench.serve();
    const first = await silent.open();
    silent.server.drop();
    expect(await gone(first)).toBe(true);

    const polite = await bench.serve();
    const second = await polite.open();
    polite.server.say("-ERR [IN-USE] autologout, try again later\r\n");
    expect(await gone(second)).toBe(true);
    expect(await failureOf(second.stat())).toMatchObject({
      code: "mailbox-locked",
      details: { upstream: { phase: "idle", responseCode: "IN-USE" } },
    });
  });

  test("is dropped when the server speaks unasked, so that no answer is taken for another", async () => {
    const { server, open } = await bench.serve();
    const session = await open();
    server.say("+OK\r\n");
    expect(await gone(session)).toBe(true);
    expect(await failureOf(session.stat())).toMatchObject({ code: "upstream-protocol-error" });
  });

  test("is dropped when an answer has more than it should", async () => {
    for (const [word, answer] of [
      ["STAT", "+OK 1 2\r\n+OK\r\n"],
      ["RETR", `${multiLine("x\r\n")}.\r\n`],
      ["UIDL", `${multiLine("1 a\r\n")}+OK\r\n`],
    ] as const) {
      const { open } = await bench.serve({ answers: { [word]: answer } });
      const session = await open();
      const calls = { STAT: () => session.stat(), RETR: () => whole(session.retr(1)), UIDL: () => session.uidl() };
      const [, next] = await Promise.all([calls[word](), failureOf(session.noop())]);
      expect([word, next.code]).toEqual([word, "upstream-protocol-error"]);
      expect([word, await gone(session)]).toEqual([word, true]);
    }
  });
});

test("closing while a message is being read ends that", async () => {
  const { server, open } = await bench.serve({ messages: [big(64 * 1024 * 1024)] });
  const session = await open();
  const stream = await session.retr(1);
  await stream.next();
  const waiting = failureOf(session.stat());
  await session.close();
  expect(await waiting).toMatchObject({ code: "upstream-unreachable" });
  expect(await failureOf(collect(stream))).toMatchObject({ code: "upstream-unreachable" });
  await server.ended();
  expect(server.heard).not.toContain("QUIT");
});
