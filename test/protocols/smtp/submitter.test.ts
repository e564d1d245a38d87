import { describe, expect, test } from "vitest";
import { octetsOf } from "./scripted.ts";
import {
  closeAfterEach,
  dots,
  envelope,
  gone,
  mail,
  many,
  plain,
  scripted,
  send,
  states,
  using,
} from "./submitting.ts";

closeAfterEach();

describe("a message", () => {
  test("goes out byte for byte, with the server's words as the outcome", async () => {
    const { server, submitter } = await scripted({});
    expect(await submitter.limits()).toEqual({
      size: 1_000_000,
      smtpUtf8: false,
      eightBitMime: true,
      recipients: null,
    });
    const outcome = await send(submitter, many);
    expect(outcome.recipients).toEqual(
      many.to.map((email) => ({
        email,
        state: "accepted",
        code: 250,
        enhancedCode: "2.0.0",
        text: "queued as 1",
      })),
    );
    expect(server.heard).toContain(`MAIL FROM:<a@example.org> SIZE=${mail.length}`);
    expect(server.heard).toContain(`message:${mail.replace("\r\n.leading", "\r\n..leading")}`);
    expect(server.heard[0]).toBe("EHLO [127.0.0.1]");
  });

  test("keeps the session for the next one", async () => {
    const { server, submitter } = await scripted({});
    for (let n = 0; n < 3; n++) expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(server.connections()).toBe(1);
    expect(dots(server)).toBe(3);
  });

  test("says QUIT at the end", async () => {
    const { server, submitter } = await scripted({});
    await send(submitter);
    await submitter.close();
    expect(server.heard.at(-1)).toBe("QUIT");
  });

  test("goes to A-labels where the domain is international", async () => {
    const { server, submitter } = await scripted({});
    const outcome = await send(submitter, { from: "a@bücher.example", to: ["b@bücher.example"] });
    expect(server.heard).toContain("RCPT TO:<b@xn--bcher-kva.example>");
    expect(outcome.recipients[0]).toMatchObject({ email: "b@bücher.example", state: "accepted" });
  });

  test("is refused before the first command where the server can't take it", async () => {
    const { server, submitter } = await scripted({});
    const large = submitter.submit(octetsOf(mail), envelope, { ...plain, size: 1_000_001 });
    await expect(large).rejects.toMatchObject({ code: "message-too-large" });
    await expect(send(submitter, { from: "a@example.org", to: ["jürgen@example.org"] })).rejects.toMatchObject({
      code: "unsupported-by-server",
    });
    for (const to of ["b@example.org>\r\nRCPT TO:<evil@example.org", "b@example.org\r\nDATA", "b c@example.org"]) {
      await expect(send(submitter, { from: "a@example.org", to: [to] })).rejects.toMatchObject({ code: "internal" });
    }
    expect(server.heard.filter((line) => line.startsWith("MAIL"))).toEqual([]);
  });

  test("uses SMTPUTF8 where it is offered and needed only", async () => {
    const { server, submitter } = await scripted({ EHLO: "250-scripted\r\n250-AUTH PLAIN\r\n250 SMTPUTF8" });
    expect(await submitter.limits()).toEqual({ size: null, smtpUtf8: true, eightBitMime: false, recipients: null });
    await send(submitter, { from: "a@example.org", to: ["jürgen@example.org"] });
    await send(submitter);
    expect(server.heard.filter((line) => line.startsWith("MAIL"))).toEqual([
      "MAIL FROM:<a@example.org> SMTPUTF8",
      "MAIL FROM:<a@example.org>",
    ]);
  });
});

describe("before the dot", () => {
  test("the commit comes after the last octet and before the dot", async () => {
    const { server, submitter } = await scripted({});
    let dotsAtCommit = -1;
    await send(submitter, envelope, octetsOf(mail), async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      dotsAtCommit = dots(server);
      expect(server.octets()).toContain("..leading dot");
    });
    expect(dotsAtCommit).toBe(0);
    expect(dots(server)).toBe(1);
  });

  test("a commit that fails sends no dot, and its error comes back as it is", async () => {
    const { server, submitter } = await scripted({});
    const disk = new Error("disk full");
    await expect(
      send(submitter, envelope, octetsOf(mail), async () => {
        throw disk;
      }),
    ).rejects.toBe(disk);
    expect(server.heard).toContain("DATA");
    expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(dots(server)).toBe(1);
    expect(server.connections()).toBe(2);
  });

  test("a 250 that comes before the dot is not believed", async () => {
    const { server, submitter } = await scripted({
      DATA: (_, nth) => (nth === 0 ? "354 go ahead\r\n250 2.0.0 queued" : "354 go ahead"),
    });
    let commits = 0;
    const beforeDot = async () => {
      commits += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await expect(send(submitter, envelope, octetsOf(mail), beforeDot)).rejects.toMatchObject({
      code: "upstream-protocol-error",
      retryable: true,
    });
    expect(dots(server)).toBe(0);
    expect(states(await send(submitter, envelope, octetsOf(mail), beforeDot))).toEqual(["accepted"]);
    expect(commits).toBeLessThanOrEqual(2);
    expect(server.connections()).toBe(2);
  });

  test("bytes that fail send no dot", async () => {
    const { server, submitter } = await scripted({});
    const missing = new Error("blob is gone");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("From: a@example.org\r\n");
      throw missing;
    }
    await expect(send(submitter, envelope, broken())).rejects.toBe(missing);
    expect(dots(server)).toBe(0);
  });

  test("a line lost while the commit is written is known to have had no dot, and the commit is waited for", async () => {
    const { server, submitter } = await scripted({});
    let committed = false;
    const sending = send(submitter, envelope, octetsOf(mail), async () => {
      await gone(server);
      await new Promise((resolve) => setTimeout(resolve, 100));
      committed = true;
    });
    await expect(sending).rejects.toMatchObject({ code: "upstream-unreachable", retryable: true });
    expect(committed).toBe(true);
    expect(dots(server)).toBe(0);
  });
});

describe("after the dot", () => {
  test.each([
    ["closed", { end: "close" } as const],
    ["reset", { end: "reset" } as const],
    ["closed after half a reply", { end: "close", say: "250-2.0.0 nearly" } as const],
    ["answered with nonsense", "999 what" as const],
  ])("a line that is %s leaves it uncertain", async (_, dot) => {
    const { server, submitter } = await scripted({ dot });
    const outcome = await send(submitter, many);
    expect(states(outcome)).toEqual(["uncertain", "uncertain", "uncertain"]);
    expect(dots(server)).toBe(1);
    expect(server.connections()).toBe(1);
  });

  test("silence leaves it uncertain when the deadline is over", async () => {
    const { server, submitter } = await scripted({ dot: { end: "never" } }, { finalReply: 100 });
    expect(states(await send(submitter))).toEqual(["uncertain"]);
    expect(dots(server)).toBe(1);
    expect(server.connections()).toBe(1);
  });

  test("a recipient that was refused stays refused", async () => {
    const { submitter } = await scripted({
      dot: { end: "close" },
      RCPT: (line) => (line.includes("c@") ? "550 5.1.1 no such user" : "250 ok"),
    });
    const { recipients } = await send(submitter, many);
    expect(recipients.map(({ state, code }) => [state, code])).toEqual([
      ["uncertain", null],
      ["rejected", 550],
      ["uncertain", null],
    ]);
  });

  test.each(["close", "reset"] as const)(
    "250, then %s, is sent once, and the next one on another line",
    async (end) => {
      const { server, submitter } = await scripted({ dot: { end, say: "250 2.0.0 queued" } });
      for (let n = 0; n < 3; n += 1) expect(states(await send(submitter))).toEqual(["accepted"]);
      expect(dots(server)).toBe(3);
      expect(server.connections()).toBe(3);
    },
  );
});

describe("refusals", () => {
  test.each(["MAIL", "RCPT", "DATA", "dot"] as const)("4yz and 5yz at %s are outcomes, not failures", async (step) => {
    const temporary = await scripted({ [step]: "451 4.3.0 later" });
    expect((await send(temporary.submitter)).recipients).toEqual([
      { email: "b@example.org", state: "deferred", code: 451, enhancedCode: "4.3.0", text: "later" },
    ]);
    const permanent = await scripted({ [step]: "554 5.7.1 no" });
    expect((await send(permanent.submitter)).recipients).toEqual([
      { email: "b@example.org", state: "rejected", code: 554, enhancedCode: "5.7.1", text: "no" },
    ]);
  });

  test.each(["MAIL", "RCPT", "DATA", "dot"] as const)("421 at %s defers all that were not refused", async (step) => {
    const { submitter } = await scripted({ [step]: { end: "close", say: "421 4.3.2 closing down" } });
    const { recipients } = await send(submitter, many);
    expect(recipients.map(({ state, code }) => [state, code])).toEqual(many.to.map(() => ["deferred", 421]));
  });

  test.each([
    ["greeting", "421 4.3.2 busy"],
    ["EHLO", "421 4.3.2 busy"],
    ["AUTH", "421 4.7.0 slow down"],
  ] as const)("421 at %s asks to come back later", async (step, say) => {
    const { submitter } = await scripted({ [step]: { end: "close", say } });
    await expect(send(submitter)).rejects.toMatchObject({
      code: "upstream-throttled",
      retryable: true,
      details: { upstream: { protocol: "smtp", host: "127.0.0.1", status: 421 } },
    });
  });

  test("one of three refused is told for that one", async () => {
    const { submitter } = await scripted({
      RCPT: (line) => (line.includes("c@") ? "550-5.1.1 no\r\n550 5.1.1 such user" : "250 2.1.5 ok"),
    });
    expect((await send(submitter, many)).recipients.map(({ state, code, text }) => [state, code, text])).toEqual([
      ["accepted", 250, "queued as 1"],
      ["rejected", 550, "no such user"],
      ["accepted", 250, "queued as 1"],
    ]);
  });

  test.each([
    ["pipelined", "250-scripted\r\n250-PIPELINING\r\n250 AUTH PLAIN"],
    ["one by one", "250-scripted\r\n250 AUTH PLAIN"],
  ])("all refused with mixed codes, %s: one 451 hides no 550", async (_, EHLO) => {
    const { server, submitter } = await scripted({
      EHLO,
      RCPT: (line) => (line.includes("c@") ? "550 5.1.1 no such user" : "451 4.7.1 later"),
      DATA: EHLO.includes("PIPELINING") ? "503 5.5.1 no valid recipients" : "354 go ahead",
    });
    expect((await send(submitter, many)).recipients.map(({ state, code }) => [state, code])).toEqual([
      ["deferred", 451],
      ["rejected", 550],
      ["deferred", 451],
    ]);
    expect(dots(server)).toBe(0);
    await send(submitter, many);
    expect(server.heard).toContain("RSET");
    expect(server.connections()).toBe(1);
  });

  test("a line lost in the envelope is a failure, with nothing handed over", async () => {
    const { server, submitter } = await scripted({ RCPT: { end: "close" } });
    await expect(send(submitter)).rejects.toMatchObject({ code: "upstream-unreachable", retryable: true });
    expect(dots(server)).toBe(0);
  });

  test("a server's endless words are cut", async () => {
    const { submitter } = await scripted({ dot: `550 5.7.1 ${"x".repeat(2000)}\u0007` });
    const { text } = (await send(submitter)).recipients[0] ?? { text: null };
    expect(text).toBe("x".repeat(500));
  });
});

describe("a kept session", () => {
  test("that the server has left is opened again", async () => {
    const { server, submitter } = await scripted({ MAIL: (_, nth) => (nth === 1 ? { end: "close" } : "250 ok") });
    await send(submitter);
    expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(server.connections()).toBe(2);
    expect(dots(server)).toBe(2);
  });

  test("that ends with 421 at MAIL is opened again", async () => {
    const { server, submitter } = await scripted({
      MAIL: (_, nth) => (nth === 1 ? { end: "close", say: "421 4.7.0 too many messages in this session" } : "250 ok"),
    });
    await send(submitter);
    expect(states(await send(submitter))).toEqual(["accepted"]);
    expect(server.connections()).toBe(2);
  });
});

describe("logging in", () => {
  test.each(["535 5.7.8 bad credentials", "534 5.7.9 app password needed", "530 5.7.0 no", "538 5.7.11 no"])(
    "%s is final",
    async (AUTH) => {
      const { submitter } = await scripted({ AUTH });
      await expect(submitter.limits()).rejects.toMatchObject({
        code: "account-authentication-failed",
        details: { upstream: { phase: "login", status: Number(AUTH.slice(0, 3)) } },
      });
    },
  );

  test.each(["454 4.7.0 temporary authentication failure", "432 4.7.12 a password transition is needed", "451 4.3.0"])(
    "%s is not",
    async (AUTH) => {
      const { submitter } = await scripted({ AUTH });
      await expect(submitter.limits()).rejects.toMatchObject({ code: "upstream-throttled", retryable: true });
    },
  );

  test.each([
    ["greeting", "421 4.7.0 mx.example Error: too many connections from 192.0.2.1"],
    ["greeting", "421 Too many concurrent SMTP connections; please try again later."],
    ["AUTH", "432 4.3.2 Concurrent connections limit exceeded."],
  ] as const)("at %s: %s", async (step, say) => {
    const { submitter } = await scripted({ [step]: { end: "close", say } });
    await expect(submitter.limits()).rejects.toMatchObject({ code: "account-busy", retryable: true });
  });

  test("LOGIN and CRAM-MD5 where PLAIN is not offered", async () => {
    const words = ["334 VXNlcm5hbWU6"];
    const withLogin = await scripted({ EHLO: "250-x\r\n250 AUTH LOGIN", AUTH: () => words[0] ?? "" });
    // The script knows no steps for the two lines after it: it answers 500 to the user name.
    await expect(withLogin.submitter.limits()).rejects.toMatchObject({ code: "account-authentication-failed" });
    expect(withLogin.server.heard.slice(1, 3)).toEqual(["AUTH LOGIN", Buffer.from("alice").toString("base64")]);

    // RFC 2195 §2 gives the digest for this user, secret and challenge.
    const challenge = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
    const withCram = await scripted({ EHLO: "250-x\r\n250 AUTH CRAM-MD5", AUTH: challenge });
    const cram = withCram.open({ username: "tim", password: "tanstaaftanstaaf" });
    await expect(cram.limits()).rejects.toMatchObject({ code: "account-authentication-failed" });
    expect(Buffer.from(withCram.server.heard[2] ?? "", "base64").toString()).toBe(
      "tim b913a602c7eda7a495b4e6e7334d3890",
    );
  });

  test("without an offer no credentials are sent", async () => {
    const { server, submitter } = await scripted({ EHLO: "250 scripted" });
    await expect(submitter.limits()).rejects.toMatchObject({ code: "refused-by-server" });
    expect(server.heard).toEqual(["EHLO [127.0.0.1]"]);
  });

  test.each([
    ["refused", "454 4.7.0 TLS not available", undefined],
    ["stripped from the offer", "502 5.5.1 unknown", "250-scripted\r\n250 AUTH PLAIN LOGIN"],
    ["answered by leaving", { end: "close" } as const, undefined],
  ])("STARTTLS %s: not one octet of credentials", async (_, STARTTLS, EHLO) => {
    const { server, open } = await scripted({ STARTTLS, ...(EHLO === undefined ? {} : { EHLO }) });
    await expect(open({ security: "starttls" }).limits()).rejects.toMatchObject({
      code: expect.stringMatching(/^(tls-verification-failed|upstream-unreachable)$/),
    });
    expect(server.heard).toEqual(["EHLO [127.0.0.1]", "STARTTLS"]);
  });

  test("a password that the server echoes is told to nobody", async () => {
    const echo = (line: string) => `535 5.7.8 rejected: ${line} canary-password`;
    const { submitter } = await scripted({ AUTH: echo });
    const failure = await submitter.limits().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "account-authentication-failed" });
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/canary|Y2FuYXJ5|AGFsaWNl/);
  });
});

describe("deadlines", () => {
  test.each([
    ["no greeting", { greeting: { end: "never" } } as const, "greeting"],
    ["no answer to EHLO", { EHLO: { end: "never" } } as const, "greeting"],
    ["no answer to the login", { AUTH: { end: "never" } } as const, "login"],
  ])("%s is a timeout", async (_, answers, phase) => {
    const { submitter } = await scripted(answers, { greeting: 100, command: 100 });
    await expect(submitter.limits()).rejects.toMatchObject({
      code: "upstream-timeout",
      details: { upstream: { phase } },
    });
  });

  test("silence in the envelope is a timeout, with nothing handed over", async () => {
    const { server, submitter } = await scripted(
      { EHLO: "250-x\r\n250 AUTH PLAIN", MAIL: { end: "never" } },
      { command: 100, recipient: 1 },
    );
    await expect(send(submitter)).rejects.toMatchObject({ code: "upstream-timeout" });
    expect(dots(server)).toBe(0);
  });

  test("a closed port is unreachable", async () => {
    const { server, submitter } = await scripted({});
    await gone(server);
    await expect(send(submitter)).rejects.toMatchObject({
      code: "upstream-unreachable",
      details: { upstream: { phase: "connect" } },
    });
  });

  test("a server that speaks TLS only, spoken to without, is given up in time", async () => {
    const { submitter } = await scripted({ greeting: { end: "never" } }, { greeting: 100 });
    await expect(submitter.limits()).rejects.toMatchObject({ code: "upstream-timeout" });
  });

  test("TLS to a server that speaks none is a TLS failure", async ({ skip }) => {
    if (!using.tellsTlsFailures) skip("these sockets tell a TLS failure from no other");
    const { open } = await scripted({});
    await expect(open({ security: "tls" }).limits()).rejects.toMatchObject({ code: "tls-verification-failed" });
  });
});
