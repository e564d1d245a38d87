import { describe, expect, test } from "vitest";
import { closeAfterEach, dots, envelope, mail, mailFroms, many, plain, scripted, send, states } from "./submitting.ts";

closeAfterEach();

const octets = Buffer.from(mail);
const notPipelined = "250-scripted\r\n250 AUTH PLAIN";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the message in memory", () => {
  test("goes out as a stream does", async () => {
    const { server, submitter } = await scripted({});
    expect(states(await submitter.submit(octets, many, plain))).toEqual(["accepted", "accepted", "accepted"]);
    expect(server.heard).toContain(`message:${mail.replace("\r\n.leading", "\r\n..leading")}`);
  });

  test("beforeDot is told who gets it: not who was refused", async () => {
    const { submitter } = await scripted({ RCPT: (line) => (line.includes("c@") ? "450 4.2.0 later" : "250 ok") });
    const told: string[][] = [];
    await submitter.submit(octets, many, { ...plain, beforeDot: async (to) => void told.push(to) });
    expect(told).toEqual([["b@example.org", "d@example.org"]]);
  });

  test("larger than the line takes at once arrives whole, and the commit waits for the line", async () => {
    const { server, submitter } = await scripted({});
    const large = Buffer.from(`${"x".repeat(70)}\r\n`.repeat(60_000));
    let heardBefore = 0;
    const beforeDot = async () => void (heardBefore = server.octets().length);
    const outcome = await submitter.submit(large, envelope, { ...plain, size: 10, beforeDot });
    expect(states(outcome)).toEqual(["accepted"]);
    const message = server.heard.find((line) => line.startsWith("message:"));
    expect(message?.length).toBe("message:".length + large.length);
    expect(heardBefore).toBeGreaterThan(large.length / 4);
  });
});

describe("replies", () => {
  test("of many lines, in pieces, with empty lines between them", async () => {
    const { server, submitter } = await scripted({
      greeting: "220-scripted\r\n220-with\r\n220 words",
      MAIL: "250-2.1.0 so\r\n250 2.1.0 be it\r\n",
      dot: "250-2.0.0 queued\r\n250-2.0.0 as\r\n250 2.0.0 1",
    });
    expect((await submitter.submit(octets, envelope, plain)).recipients[0]?.text).toBe("queued as 1");
    expect(server.connections()).toBe(1);
  });

  test("of one line for each of a hundred recipients", async () => {
    const to = Array.from({ length: 100 }, (_, n) => `b${n}@example.org`);
    const { submitter } = await scripted({
      RCPT: (line) => (Number(/b(\d+)@/.exec(line)?.[1]) % 2 === 1 ? "550-5.1.1 no\r\n550 5.1.1 user" : "250 ok"),
    });
    const outcome = await submitter.submit(octets, { from: "a@example.org", to }, plain);
    expect(states(outcome)).toEqual(to.map((_, n) => (n % 2 === 1 ? "rejected" : "accepted")));
  });

  test.each([
    ["words that are none", "hello there"],
    ["an endless line", `250-${"x".repeat(70_000)}`],
    ["endless lines", "250-x\r\n".repeat(12_000)],
    ["endless replies", "250 ok\r\n".repeat(3_000)],
  ])("%s: the line is dropped, nothing is handed over", async (_, MAIL) => {
    const { server, submitter } = await scripted({ MAIL });
    await expect(send(submitter)).rejects.toMatchObject({ code: "upstream-protocol-error" });
    expect(dots(server)).toBe(0);
  });
});

describe("a message that is refused as a whole", () => {
  test.each([
    ["pipelined", undefined, "503 5.5.1 no sender"],
    ["one by one", notPipelined, "250 ok"],
  ])("at MAIL, %s: what is said to the recipients then counts for nothing", async (_, EHLO, RCPT) => {
    const { server, submitter } = await scripted({
      ...(EHLO === undefined ? {} : { EHLO }),
      MAIL: (_line, nth) => (nth === 0 ? "550 5.7.1 not you" : "250 ok"),
      RCPT: (_line, nth) => (nth < 3 && EHLO === undefined ? RCPT : "250 ok"),
      DATA: (_line, nth) => (nth === 0 && EHLO === undefined ? "503 5.5.1 no" : "354 go"),
    });
    const { recipients } = await submitter.submit(octets, many, plain);
    expect(recipients.map(({ state, code }) => [state, code])).toEqual(many.to.map(() => ["rejected", 550]));
    expect(states(await submitter.submit(octets, many, plain))).toEqual(["accepted", "accepted", "accepted"]);
    expect(server.connections()).toBe(1);
    expect(server.heard.filter((line) => line === "RSET")).toHaveLength(1);
  });

  test("at MAIL by a server that grants DATA all the same: the line is dropped, no dot", async () => {
    const { server, submitter } = await scripted({ MAIL: "550 5.7.1 not you" });
    expect(states(await submitter.submit(octets, envelope, plain))).toEqual(["rejected"]);
    expect(dots(server)).toBe(0);
  });

  test("all recipients refused and DATA granted: an empty message ends it (RFC 2920 §3.1)", async () => {
    const { server, submitter } = await scripted({
      RCPT: (_, nth) => (nth < 3 ? "550 5.1.1 nobody" : "250 ok"),
      dot: (_, nth) => (nth === 0 ? "554 5.5.1 no recipients" : "250 2.0.0 queued"),
    });
    let commits = 0;
    const beforeDot = async () => void (commits += 1);
    expect(states(await submitter.submit(octets, many, { ...plain, beforeDot }))).toEqual(
      many.to.map(() => "rejected"),
    );
    expect(server.heard).toContain("message:");
    expect(commits).toBe(0);
    expect(states(await submitter.submit(octets, many, { ...plain, beforeDot }))).toEqual(
      many.to.map(() => "accepted"),
    );
    expect([server.connections(), commits]).toEqual([1, 1]);
  });

  test.each([
    ["552 5.3.4 too big", "rejected"],
    ["451 4.3.0 later", "deferred"],
    ["421 4.3.2 closing", "deferred"],
  ] as const)("while it is being sent, by %s: no dot, no commit, and another line for the next", async (say, state) => {
    const { server, submitter } = await scripted({
      DATA: (_, nth) => (nth === 0 ? `354 go ahead\r\n${say}` : "354 go ahead"),
    });
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield octets;
      await pause(50);
      yield octets;
    }
    let commits = 0;
    const outcome = await send(submitter, many, slow(), async () => void (commits += 1));
    expect(states(outcome)).toEqual([state, state, state]);
    expect([dots(server), commits]).toEqual([0, 0]);
    expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(server.connections()).toBe(2);
  });

  test.each(["530 5.7.0 Authentication required", "535 5.7.8 no"])(
    "%s at MAIL: the account's, on a new session",
    async (MAIL) => {
      const { submitter } = await scripted({ MAIL });
      await expect(send(submitter)).rejects.toMatchObject({ code: "account-authentication-failed" });
    },
  );
});

describe("a kept session", () => {
  test.each(["503 5.5.1 nested MAIL", "530 5.7.0 Authentication required", "421 4.4.2 timeout"])(
    "that answers the next MAIL with %s is opened again",
    async (say) => {
      const { server, submitter } = await scripted({
        MAIL: (_, nth) => (nth === 1 ? say : "250 ok"),
        RCPT: (_, nth) => (nth === 1 && !say.startsWith("421") ? "503 5.5.1 no MAIL" : "250 ok"),
        DATA: (_, nth) => (nth === 1 && !say.startsWith("421") ? "503 5.5.1 no MAIL" : "354 go"),
      });
      await submitter.submit(octets, envelope, plain);
      expect(states(await submitter.submit(octets, envelope, plain))).toEqual(["accepted"]);
      expect([server.connections(), dots(server)]).toEqual([2, 2]);
    },
  );

  test("that has said goodbye while it lay idle is opened again, without a command on the old one", async () => {
    const { server, submitter } = await scripted({
      dot: (_, nth) => (nth === 0 ? "250 2.0.0 queued\r\n421 4.4.2 idle too long" : "250 2.0.0 queued"),
    });
    await submitter.submit(octets, envelope, plain);
    await pause(50);
    expect(states(await submitter.submit(octets, envelope, plain))).toEqual(["accepted"]);
    expect([server.connections(), mailFroms(server).length]).toEqual([2, 2]);
  });

  test("on which RSET fails is opened again", async () => {
    const { server, submitter } = await scripted({
      EHLO: notPipelined,
      RCPT: (_, nth) => (nth === 0 ? "550 5.1.1 nobody" : "250 ok"),
      RSET: "503 5.5.1 what",
    });
    expect(states(await send(submitter))).toEqual(["rejected"]);
    expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(server.connections()).toBe(2);
  });

  test("503 on a session that is new is no refusal of the message", async () => {
    const { server, submitter } = await scripted({ EHLO: notPipelined, MAIL: "503 5.5.1 polite people say HELO" });
    expect(states(await send(submitter))).toEqual(["deferred"]);
    expect(server.connections()).toBe(1);
  });

  test("outlives what its steps may take: a deadline is of the step, not of the session", async () => {
    const { server, submitter } = await scripted({}, { command: 60, recipient: 1, dataBlock: 60, finalReply: 60 });
    for (let n = 0; n < 4; n += 1) {
      expect(states(await submitter.submit(octets, envelope, plain))).toEqual(["accepted"]);
      await pause(40);
    }
    await pause(100);
    expect(states(await submitter.submit(octets, envelope, plain))).toEqual(["accepted"]);
    expect(server.connections()).toBe(1);
  });
});

describe("421", () => {
  test("at the second of three recipients ends the transaction: who was taken before is deferred too", async () => {
    const { server, submitter } = await scripted({
      EHLO: notPipelined,
      RCPT: (line) => (line.includes("c@") ? { end: "close", say: "421 4.3.2 bye" } : "250 ok"),
    });
    const { recipients } = await send(submitter, many);
    expect(recipients.map(({ state, code }) => [state, code])).toEqual(many.to.map(() => ["deferred", 421]));
    expect(dots(server)).toBe(0);
  });

  test("hides no 550 that came before it", async () => {
    const { submitter } = await scripted({
      EHLO: notPipelined,
      RCPT: (line) => (line.includes("b@") ? "550 5.1.1 nobody" : { end: "close", say: "421 4.3.2 bye" }),
    });
    const { recipients } = await send(submitter, many);
    expect(recipients.map(({ state, code }) => [state, code])).toEqual([
      ["rejected", 550],
      ["deferred", 421],
      ["deferred", 421],
    ]);
  });
});

test("silence in the middle of a large message is a timeout, with nothing handed over", async () => {
  const { server, submitter } = await scripted({}, { dataBlock: 100 });
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield octets;
    await pause(300);
    yield octets;
  }
  await expect(send(submitter, envelope, stalled())).rejects.toMatchObject({
    code: "upstream-timeout",
    details: { upstream: { phase: "DATA" } },
  });
  expect(dots(server)).toBe(0);
});
