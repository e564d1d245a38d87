import { expect, test } from "vitest";
import { dialSockets } from "../../../src/net/dial-sockets.ts";
import { openPop3 } from "../../../src/protocols/pop3/open-pop3.ts";
import { collect, failureOf } from "../failure-of.ts";
import { type Dialog, hurried, makeScript, multiLine, target, usualCapa } from "./scripted-pop3.ts";

/** What a socket of cloudflare:sockets looks like, with a scripted server behind it. */
function fakeSockets(dialog: Dialog, { opened = Promise.resolve({}), secured = Promise.resolve({}) } = {}) {
  const asked: unknown[] = [];
  const heard: string[] = [];
  let closes = 0;
  const script = makeScript(dialog);
  const socket = (open: Promise<unknown>, greets: boolean) => {
    let say: (text: string) => void = () => {};
    let end = (): void => {};
    const readable = new ReadableStream<Uint8Array>({
      start(controller) {
        say = (text) => controller.enqueue(Buffer.from(text, "latin1"));
        end = () => controller.close();
      },
    });
    const answer = (line: string): void => {
      const said = script(line);
      say(typeof said === "string" ? said : (said.say ?? ""));
      if (typeof said !== "string" && said.after === "close") end();
    };
    const writable = new WritableStream<Uint8Array>({
      write(octets) {
        const lines = Buffer.from(octets).toString().split("\r\n").slice(0, -1);
        heard.push(...lines);
        for (const line of lines) answer(line);
      },
    });
    if (greets) answer("greeting");
    return {
      readable,
      writable,
      opened: open,
      closed: new Promise(() => {}),
      async close() {
        closes++;
      },
      startTls() {
        // As in the runtime: what is still held by somebody can't be secured.
        if (readable.locked || writable.locked) throw new TypeError("the streams are locked");
        heard.push("(TLS)");
        return socket(secured, false);
      },
    };
  };
  const dial = dialSockets((address, options) => {
    asked.push([address, options]);
    return socket(opened, true);
  });
  return { dial, asked, heard, closes: () => closes };
}

const options = (
  fake: ReturnType<typeof fakeSockets>,
  change: Parameters<typeof target>[1],
  clock = hurried(30).hurry(),
) => target(995, change, clock, fake.dial);

test("a session runs over the streams of the runtime, secured from the start or by STLS", async () => {
  for (const security of ["tls", "starttls"] as const) {
    const fake = fakeSockets({ capa: [...usualCapa, "STLS"] });
    const session = await openPop3(options(fake, { security }));
    expect(await session.stat()).toMatchObject({ count: 3 });
    expect((await collect(await session.retr(1))).toString()).toBe("Subject: one\r\n\r\nhello\r\n");
    await session.close();
    const heard = fake.heard.map((line) => line.split(" ")[0]);
    const stls = security === "tls" ? [] : ["STLS", "(TLS)", "CAPA"];
    expect(heard).toEqual(["CAPA", ...stls, "AUTH", "CAPA", "STAT", "RETR", "QUIT"]);
    const secureTransport = security === "tls" ? "on" : "starttls";
    expect(fake.asked).toEqual([
      [
        { hostname: "127.0.0.1", port: 995 },
        { secureTransport, allowHalfOpen: false },
      ],
    ]);
    expect(fake.closes()).toBe(1);
  }
});

test("a timestamp counts only for the line that it came over: APOP follows no STLS", async () => {
  const answers = { greeting: "+OK <1.2@x>\r\n" };
  const capa = ["STLS", "SASL XOAUTH2"];
  const implicit = fakeSockets({ capa, answers });
  await openPop3(options(implicit, { security: "tls" }));
  expect(implicit.heard[1]).toMatch(/^APOP someone /);
  const explicit = fakeSockets({ capa, answers });
  expect(await failureOf(openPop3(options(explicit, { security: "starttls" })))).toMatchObject({
    code: "refused-by-server",
  });
  expect(explicit.heard).toEqual(["CAPA", "STLS", "(TLS)", "CAPA"]);
});

test("what is secured is asked anew what it can do", async () => {
  let asked = 0;
  const answers = { CAPA: () => multiLine(asked++ === 0 ? "STLS\r\nSASL PLAIN\r\nLOGIN-DELAY 9\r\n" : "USER\r\n") };
  const fake = fakeSockets({ answers });
  const session = await openPop3(options(fake, { security: "starttls" }));
  expect(fake.heard).toContain("USER someone");
  expect(session.loginDelay).toBeNull();
});

test("an IPv6 address is written as in a URL", async () => {
  const fake = fakeSockets({});
  const base = options(fake, { security: "tls" });
  await openPop3({ ...base, admitted: { ...base.admitted, address: "::1" } });
  expect(fake.asked[0]).toMatchObject([{ hostname: "[::1]" }, {}]);
});

test("a line that does not open, or does not open in time, is closed again", async () => {
  const refused = fakeSockets({}, { opened: Promise.reject(new Error("proxy request failed")) });
  expect(await failureOf(openPop3(options(refused, { security: "tls" })))).toMatchObject({
    code: "upstream-unreachable",
    details: { upstream: { phase: "connect" } },
  });
  const silent = fakeSockets({}, { opened: new Promise(() => {}) });
  expect(await failureOf(openPop3(options(silent, { security: "tls" })))).toMatchObject({ code: "upstream-timeout" });
  expect([refused.closes(), silent.closes()]).toEqual([1, 1]);
});

test("TLS that fails or never begins after STLS sends nothing of the login", async () => {
  for (const [secured, code] of [
    [Promise.reject(new Error("TLS handshake failed")), "tls-verification-failed"],
    [new Promise<never>(() => {}), "upstream-timeout"],
  ] as const) {
    const fake = fakeSockets({ capa: [...usualCapa, "STLS"] }, { secured });
    expect(await failureOf(openPop3(options(fake, { security: "starttls" })))).toMatchObject({
      code,
      details: { upstream: { phase: "tls" } },
    });
    expect(fake.heard).toEqual(["CAPA", "STLS", "(TLS)"]);
    expect(fake.closes()).toBeGreaterThan(0);
  }
});

test("a read that waits ends when the line is dropped", async () => {
  const fake = fakeSockets({ answers: { RETR: { say: multiLine("x\r\n").slice(0, -3), after: "silence" } } });
  const session = await openPop3(options(fake, { security: "tls" }));
  expect(await failureOf(session.retr(1).then(collect))).toMatchObject({ code: "upstream-timeout" });
  expect(fake.closes()).toBe(1);
});

test("an authority of the account's own can't be trusted there", async () => {
  const fake = fakeSockets({});
  const failure = await failureOf(openPop3(options(fake, { security: "tls", tls: { ca: "PEM", servername: null } })));
  expect(failure.code).toBe("unsupported-by-runtime");
  expect(fake.asked).toEqual([]);
});
