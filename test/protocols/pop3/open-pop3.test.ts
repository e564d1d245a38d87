import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { openPop3 } from "../../../src/protocols/pop3/open-pop3.ts";
import { freePort } from "../../servers/ports.ts";
import { failureOf } from "../failure-of.ts";
import { credentials, hurried, makeBench, target, usualCapa } from "./scripted-pop3.ts";

const bench = makeBench();
afterEach(() => bench.end());

const plainResponse = Buffer.from(`\0${credentials.username}\0${credentials.password}`).toString("base64");

/** Everything that gives the password away. */
const secrets = [credentials.password, plainResponse, Buffer.from(credentials.password).toString("base64")];

describe("the greeting", () => {
  test("that is -ERR says what the server's words mean, and no login is tried", async () => {
    for (const [greeting, code] of [
      ["-ERR", "upstream-unreachable"],
      ["-ERR closed for repairs", "upstream-unreachable"],
      ["-ERR [SYS/TEMP] not now", "upstream-throttled"],
      ["-ERR Too many connections from your address", "account-busy"],
    ]) {
      const { server, open } = await bench.serve({ answers: { greeting: `${greeting}\r\n` } });
      const failure = await failureOf(open());
      expect([greeting, failure.code]).toEqual([greeting, code]);
      expect(failure.details.upstream).toMatchObject({ protocol: "pop3", phase: "greeting", host: "localhost" });
      expect(server.heard).toEqual([]);
    }
  });

  test.for(["* OK IMAP4rev1 ready\r\n", "220 smtp\r\n", "SSH-2.0-x\r\n", "+OKAY\r\n", "\r\n", "\0\0\0\n"])(
    "%j is not POP3",
    async (greeting) => {
      const { server, open } = await bench.serve({ answers: { greeting } });
      expect(await failureOf(open())).toMatchObject({ code: "upstream-protocol-error" });
      expect(server.heard).toEqual([]);
    },
  );

  test("without an end is cut off early", async () => {
    const { open } = await bench.serve({ answers: { greeting: "+OK ".padEnd(1_000_000, "x") } });
    expect(await failureOf(open())).toMatchObject({ code: "upstream-protocol-error" });
  });

  test("that never comes, or comes one octet at a time, ends at the deadline", async () => {
    const { open, server } = await bench.serve({ answers: { greeting: { after: "silence" } } });
    const opening = failureOf(open({}, hurried(30).hurry()));
    const drip = setInterval(() => server.say("+"), 20);
    expect(await opening).toMatchObject({
      code: "upstream-timeout",
      details: { upstream: { phase: "greeting" } },
    });
    clearInterval(drip);
    await server.ended();
  });

  test("that is cut off is a lost line", async () => {
    const { open } = await bench.serve({ answers: { greeting: { say: "+O", after: "close" } } });
    expect(await failureOf(open())).toMatchObject({ code: "upstream-unreachable" });
  });

  test("where nobody listens does not come", async () => {
    const failure = await failureOf(openPop3(target(await freePort())));
    expect(failure).toMatchObject({ code: "upstream-unreachable", details: { upstream: { phase: "connect" } } });
    expect(failure.message).toMatch(/nothing listens/i);
  });

  test("of a black hole is waited for no longer than the deadline", async () => {
    const dial = (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("given up"))));
    expect(await failureOf(openPop3(target(1, {}, hurried(30).hurry(), dial)))).toMatchObject({
      code: "upstream-timeout",
      details: { upstream: { phase: "connect" } },
    });
  });
});

describe("the login", () => {
  test("is AUTH PLAIN where announced, with what CAPA says before and after", async () => {
    const { server, open } = await bench.serve();
    await open();
    expect(server.heard).toEqual(["CAPA", `AUTH PLAIN ${plainResponse}`, "CAPA"]);
  });

  test("is USER and PASS where only that is announced, or nothing is known", async () => {
    for (const capa of [["USER", "TOP"], null]) {
      const { server, open } = await bench.serve({ capa });
      await open();
      const login = [`USER ${credentials.username}`, `PASS ${credentials.password}`];
      expect(server.heard).toEqual(["CAPA", ...login, ...(capa ? ["CAPA"] : [])]);
    }
  });

  test("sends a long response after the challenge (RFC 5034 §4), and a short one again to a server that wants that", async () => {
    for (const [password, first] of [
      ["p".repeat(300), "AUTH PLAIN"],
      ["short", `AUTH PLAIN ${Buffer.from("\0someone\0short").toString("base64")}`],
    ] as const) {
      const { server, open } = await bench.serve({ answers: { AUTH: "+ \r\n" } });
      await open({ password });
      expect(server.heard[1]).toBe(first);
      expect(Buffer.from(server.heard[2] ?? "", "base64").toString()).toBe(`\0someone\0${password}`);
    }
  });

  test("keeps the line that carries it within 255 octets", async () => {
    const lengths = new Set<boolean>();
    for (let length = 160; length < 180; length++) {
      const { server, open } = await bench.serve({
        answers: { AUTH: (line) => (line.length > 10 ? undefined : "+\r\n") },
      });
      await open({ password: "p".repeat(length) });
      const line = server.heard[1] ?? "";
      expect(line.length + 2).toBeLessThanOrEqual(255);
      lengths.add(line === "AUTH PLAIN");
    }
    expect(lengths.size).toBe(2);
  });

  test("gives up on a server that challenges without end", async () => {
    const { open } = await bench.serve({ answers: { AUTH: "+ \r\n", more: "+ \r\n" } });
    expect(await failureOf(open())).toMatchObject({ code: "upstream-protocol-error" });
  });

  const stamp = "<1896.697170952@dbc.mtview.ca.us>";
  const stamped = `+OK POP3 server ready ${stamp}\r\n`;
  const digest = createHash("md5")
    .update(stamp + credentials.password)
    .digest("hex");

  test("is APOP on a line in clear that offers it, and the password stays here", async () => {
    const { server, open } = await bench.serve({ answers: { greeting: stamped } });
    await open();
    expect(server.heard).toEqual(["CAPA", `APOP someone ${digest}`, "CAPA"]);
  });

  test("is the next thing offered where APOP is refused for this user", async () => {
    for (const capa of [["USER"], usualCapa, null]) {
      const answers = { greeting: stamped, APOP: "-ERR [AUTH] Bad login\r\n" };
      const { server, open } = await bench.serve({ capa, answers });
      await open();
      const words = server.heard.map((line) => line.split(" ")[0]);
      expect(words.slice(1, 3)).toEqual(["APOP", capa === usualCapa ? "AUTH" : "USER"]);
    }
  });

  test("stays refused by APOP where that was not about the password, or nothing else is offered, or the line is gone", async () => {
    for (const [APOP, code, capa] of [
      ["-ERR [IN-USE] locked\r\n", "mailbox-locked", usualCapa],
      ["-ERR [SYS/TEMP] disk\r\n", "upstream-throttled", usualCapa],
      ["-ERR maildrop already locked\r\n", "mailbox-locked", usualCapa],
      ["-ERR [AUTH] no\r\n", "account-authentication-failed", ["SASL CRAM-MD5"]],
      [{ say: "-ERR [AUTH] no\r\n", after: "close" }, "account-authentication-failed", usualCapa],
    ] as const) {
      const { server, open } = await bench.serve({ capa: [...capa], answers: { greeting: stamped, APOP } });
      expect(await failureOf(open())).toMatchObject({ code });
      expect(server.octets()).not.toContain("PASS");
    }
  });

  test("by APOP tells no digest that the server echoes", async () => {
    const answers = { greeting: stamped, APOP: (line: string) => `-ERR [AUTH] not ${line}\r\n` };
    const { open } = await bench.serve({ capa: [], answers });
    const failure = await failureOf(open());
    expect(failure.code).toBe("account-authentication-failed");
    expect(JSON.stringify(failure.details)).not.toContain(digest);
  });

  test("takes only a message id for APOP's timestamp", async () => {
    for (const stamp of ["<no-at-sign>", "<a b@c>", "<\x80\xff@c>", "<@>", "a@b"]) {
      const { server, open } = await bench.serve({ answers: { greeting: `+OK ${stamp}\r\n` } });
      await open();
      expect(server.heard[1]).toMatch(/^AUTH PLAIN /);
    }
  });

  test("without an offer sends nothing", async () => {
    const { server, open } = await bench.serve({ capa: ["TOP", "SASL XOAUTH2", "STLS"] });
    expect(await failureOf(open())).toMatchObject({
      code: "refused-by-server",
      details: { fix: expect.stringContaining("security") },
    });
    expect(server.heard).toEqual(["CAPA"]);
  });

  test("turns on UTF-8 where announced, before (RFC 6856 §2.1), and lives with a refusal", async () => {
    const { server, open } = await bench.serve({ capa: [...usualCapa, "UTF8 USER"], answers: { UTF8: "-ERR no\r\n" } });
    await open();
    expect(server.heard.map((line) => line.split(" ")[0])).toEqual(["CAPA", "UTF8", "AUTH", "CAPA"]);
  });

  test("sends what is beyond ASCII by SASL, or by USER where that is announced, else not at all", async () => {
    const user = { username: "jürgen", password: "schlüssel" };
    const sasl = await bench.serve();
    await sasl.open(user);
    expect(Buffer.from(sasl.server.heard[1]?.slice(11) ?? "", "base64").toString()).toBe("\0jürgen\0schlüssel");
    const utf8 = await bench.serve({ capa: ["USER", "UTF8 USER"] });
    await utf8.open(user);
    expect(utf8.server.heard).toContain("PASS schlüssel");
    for (const capa of [["USER", "UTF8"], null]) {
      const ascii = await bench.serve({ capa });
      expect(await failureOf(ascii.open(user))).toMatchObject({ code: "unsupported-by-server" });
      expect(ascii.server.heard.filter((line) => /USER|PASS/.test(line))).toEqual([]);
    }
  });

  test.for(["\r", "\n", "\0", "\r\nDELE 1\r\n"])("never sends a line that %j would end", async (bad) => {
    for (const capa of [usualCapa, ["USER"], null]) {
      for (const change of [{ username: `some${bad}one` }, { password: `pass${bad}word` }]) {
        const { server, open } = await bench.serve({ capa });
        expect(await failureOf(open(change))).toMatchObject({ code: "validation-failed" });
        expect(server.heard.filter((line) => !["CAPA", "UTF8"].includes(line))).toEqual([]);
      }
    }
  });

  test("that is refused closes the line, and tells no password that the server echoes", async () => {
    for (const word of ["USER", "PASS", "AUTH"]) {
      const capa = word === "AUTH" ? usualCapa : ["USER"];
      const { server, open } = await bench.serve({
        capa,
        answers: { [word]: (line) => `-ERR [AUTH] bad: ${line}\r\n` },
      });
      const failure = await failureOf(open());
      expect(failure.code).toBe("account-authentication-failed");
      expect(failure.details.upstream).toMatchObject({ phase: "login", responseCode: "AUTH" });
      for (const secret of secrets) expect(JSON.stringify([failure.message, failure.details])).not.toContain(secret);
      await server.ended();
      expect(server.connections()).toBe(1);
    }
  });

  test("tells no password at the end of many words, nor one with blanks", async () => {
    for (const password of [credentials.password, "two  blanks"]) {
      const answers = { AUTH: `-ERR [AUTH] ${"x ".repeat(245)}${password}\r\n` };
      const { open } = await bench.serve({ answers });
      const failure = await failureOf(open({ password }));
      expect(failure.code).toBe("account-authentication-failed");
      expect(failure.details.upstream?.text).toBeUndefined();
    }
  });

  test("goes no further when an answer comes before its question", async () => {
    for (const answers of [{ greeting: "+OK hi\r\n+OK\r\n" }, { CAPA: "-ERR no\r\n+OK\r\n+OK\r\n" }]) {
      const { server, open } = await bench.serve({ answers });
      expect(await failureOf(open())).toMatchObject({ code: "upstream-protocol-error" });
      expect(server.octets()).not.toMatch(/USER|PASS|AUTH/);
    }
  });

  test("tells no password that comes back as a response code either", async () => {
    const answers = { AUTH: `-ERR [${credentials.password}] [x]\r\n` };
    const { open } = await bench.serve({ answers });
    const failure = await failureOf(open());
    expect(JSON.stringify(failure.details).toLowerCase()).not.toContain(credentials.password);
  });

  test.for(["CAPA", "UTF8", "AUTH"])(
    "a server that falls silent at %s is given up, one that leaves is lost",
    async (word) => {
      const capa = [...usualCapa, "UTF8"];
      const silent = await bench.serve({ capa, answers: { [word]: { after: "silence" } } });
      const phase = word === "AUTH" ? "login" : word;
      expect(await failureOf(silent.open({}, hurried(30).hurry()))).toMatchObject({
        code: "upstream-timeout",
        details: { upstream: { phase } },
      });
      await silent.server.ended();
      for (const after of ["close", "reset"] as const) {
        const left = await bench.serve({ capa, answers: { [word]: { after } } });
        expect(await failureOf(left.open())).toMatchObject({
          code: "upstream-unreachable",
          details: { upstream: { phase } },
        });
      }
    },
  );

  test("does without CAPA after it, if the server then has none", async () => {
    const answers = { CAPA: (_: string, nth: number) => (nth === 0 ? undefined : "-ERR not now\r\n") };
    const { open } = await bench.serve({ capa: [...usualCapa, "LOGIN-DELAY 300"], answers });
    expect((await open()).loginDelay).toBe(300);
  });

  test("an endless CAPA is cut off", async () => {
    const { open } = await bench.serve({ capa: Array.from({ length: 300_000 }, (_, n) => `X${n}`) });
    expect(await failureOf(open())).toMatchObject({ code: "upstream-protocol-error" });
  });
});

describe("STLS", () => {
  const starttls = { security: "starttls" } as const;
  const capa = [...usualCapa, "STLS"];
  const fails = { code: "tls-verification-failed", details: { upstream: { protocol: "pop3", phase: "tls" } } };

  test.for([
    ["stripped", "offer", { capa: usualCapa }],
    ["stripped with the whole of CAPA", "offer", { capa: null }],
    ["refused", "when asked", { capa, answers: { STLS: "-ERR not today\r\n" } }],
    ["followed by an answer that was put there", "tampered", { capa, answers: { STLS: "+OK\r\n+OK Logged in\r\n" } }],
    ["followed by one octet", "tampered", { capa, answers: { STLS: "+OK\r\n+" } }],
    ["followed by no TLS", "TLS connection", { capa, answers: { STLS: "+OK\r\n", more: "+OK you are in\r\n" } }],
  ] as const)("%s: nothing of the login is sent", async ([, words, dialog]) => {
    const { server, open } = await bench.serve({
      ...dialog,
      capa: dialog.capa && [...dialog.capa],
      answers: { greeting: "+OK ready <1.2@x>\r\n", ...("answers" in dialog ? dialog.answers : {}) },
    });
    const opening = failureOf(open(starttls));
    const talk = setInterval(() => server.heard.includes("STLS") && server.say("+OK go on\r\n"), 20);
    expect(await opening).toMatchObject({ ...fails, message: expect.stringContaining(words) });
    clearInterval(talk);
    expect(server.octets()).not.toMatch(/USER|PASS|AUTH|APOP/);
    for (const secret of secrets) expect(server.octets()).not.toContain(secret);
    await server.ended();
  });

  test("that is agreed to and then not begun ends at the deadline", async () => {
    const { server, open } = await bench.serve({ capa, answers: { STLS: "+OK\r\n", more: { after: "silence" } } });
    expect(await failureOf(open(starttls, hurried(30).hurry()))).toMatchObject({
      code: "upstream-timeout",
      details: { upstream: { phase: "tls" } },
    });
    await server.ended();
  });

  test("is not begun on a line that shall stay in clear, and TLS on a plain port fails", async () => {
    const { server, open } = await bench.serve({ capa });
    await open();
    expect(server.heard).not.toContain("STLS");
    expect(await failureOf(open({ security: "tls" }))).toMatchObject({ code: "tls-verification-failed" });
  });
});
