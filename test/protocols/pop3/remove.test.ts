import { afterEach, describe, expect, test } from "vitest";
import { failureOf } from "../failure-of.ts";
import type { Dial } from "../../../src/net/connection.ts";
import { dialNode } from "../../../src/protocols/pop3/dial-node.ts";
import { openPop3 } from "../../../src/protocols/pop3/open-pop3.ts";
import { type Answers, hurried, makeBench, startScripted, target, usualCapa } from "./scripted-pop3.ts";

const bench = makeBench();
afterEach(() => bench.end());

const many = Array.from({ length: 100 }, (_, index) => ({ uid: `u${index}`, raw: "A: b\r\n\r\n" }));
const numbers = many.map((_, index) => index + 1);

async function removing(answers: Answers, which = [1, 2, 3]) {
  const { server, open } = await bench.serve({ answers });
  const session = await open({}, hurried());
  return { server, session, failure: await failureOf(session.remove(which)) };
}

describe("a deletion", () => {
  test("is DELE of each and QUIT, and ends the session", async () => {
    const { server, open } = await bench.serve();
    const session = await open();
    expect(await session.remove([3, 1])).toEqual({ missing: [] });
    expect(server.heard.slice(-3)).toEqual(["DELE 3", "DELE 1", "QUIT"]);
    expect(session.dead).toBe(true);
    expect(await failureOf(session.stat())).toMatchObject({ code: "upstream-unreachable" });
  });

  test("of many is sent ahead where the server lets us, and QUIT after the last answer", async () => {
    for (const capa of [usualCapa, ["USER", "UIDL"]]) {
      const { server, open } = await bench.serve({ messages: many, capa });
      expect(await (await open()).remove(numbers)).toEqual({ missing: [] });
      expect(server.heard.slice(-101)).toEqual([...numbers.map((number) => `DELE ${number}`), "QUIT"]);
    }
  });

  test("tells which were not there", async () => {
    const { server, open } = await bench.serve();
    expect(await (await open()).remove([1, 9, 2, 8])).toEqual({ missing: [9, 8] });
    expect(server.heard.at(-1)).toBe("QUIT");
  });

  test("that is refused for one deletes none, and the session lives on", async () => {
    const { server, session, failure } = await removing({
      DELE: (line) => (line === "DELE 2" ? "-ERR [SYS/PERM] read-only\r\n" : undefined),
    });
    expect(failure).toMatchObject({ code: "refused-by-server", details: { upstream: { phase: "DELE" } } });
    expect(server.heard.at(-1)).toBe("RSET");
    expect(server.heard).not.toContain("QUIT");
    expect(await session.stat()).toMatchObject({ count: 3 });
  });

  test("that can't be taken back ends without QUIT", async () => {
    const { server, session } = await removing({ DELE: "-ERR read-only\r\n", RSET: "-ERR no\r\n" });
    await server.ended();
    await session.close();
    expect(server.heard).not.toContain("QUIT");
    expect(session.dead).toBe(true);
  });

  test("stops sending at the first refusal", async () => {
    const { server, open } = await bench.serve({ messages: many, answers: { DELE: "-ERR read-only\r\n" } });
    await failureOf((await open()).remove(numbers));
    expect(server.heard.filter((line) => line.startsWith("DELE")).length).toBe(32);
  });

  test.for([
    ["refused", "-ERR some deleted messages not removed\r\n"],
    ["not answered", { after: "silence" }],
    ["cut off", { after: "close" }],
    ["reset", { after: "reset" }],
    ["half answered", { say: "+O", after: "close" }],
    ["answered with something else", "maybe\r\n"],
  ] as const)("whose QUIT is %s is not confirmed", async ([, QUIT]) => {
    const { session, failure } = await removing({ QUIT });
    expect(failure).toMatchObject({ code: "delete-unconfirmed", details: { upstream: { phase: "QUIT" } } });
    expect(session.dead).toBe(true);
  });

  test.for(["close", "reset", "silence"] as const)(
    "that is lost before QUIT (%s) deletes nothing and says so",
    async (after) => {
      const { server, failure } = await removing({ DELE: (_, nth) => (nth === 1 ? { after } : undefined) });
      expect(failure.code).toBe(after === "silence" ? "upstream-timeout" : "upstream-unreachable");
      await server.ended();
      expect(server.heard).not.toContain("QUIT");
    },
  );
});

test("a line that is gone after the last DELE's +OK, before QUIT, has deleted nothing", async () => {
  for (const how of ["cut", "spoken on"] as const) {
    const server = await startScripted({
      answers: { DELE: how === "cut" ? { say: "+OK\r\n", after: "silence" } : "+OK\r\n+OK more\r\n" },
    });
    let answered = 0;
    const dial: Dial = async (where, signal) => {
      const line = await dialNode(where, signal);
      const read = async () => {
        if (how === "cut" && answered === 2) return null;
        const octets = await line.read();
        if (server.heard.includes("DELE 1"))
          answered +=
            Buffer.from(octets ?? [])
              .toString()
              .split("\n").length - 1;
        return octets;
      };
      return { ...line, unread: 0, read };
    };
    const session = await openPop3(target(server.port, {}, hurried(), dial));
    const failure = await failureOf(session.remove([1, 2]));
    expect(failure.code).toBe(how === "cut" ? "upstream-unreachable" : "upstream-protocol-error");
    expect(session.dead).toBe(true);
    await server.ended();
    expect(server.heard).not.toContain("QUIT");
    await server.stop();
  }
});

test("closing a session says QUIT with nothing marked, and waits no longer than a moment for the answer", async () => {
  const { server, open } = await bench.serve({ answers: { QUIT: { after: "silence" } } });
  const session = await open({}, hurried(10));
  await session.close();
  expect(server.heard.at(-1)).toBe("QUIT");
  expect(session.dead).toBe(true);
  await server.ended();
  await session.close();
});
