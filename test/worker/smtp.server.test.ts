import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ServerLogin } from "../../src/mail/server.ts";
import type { SubmitOutcome } from "../../src/mail/submitter.ts";
import { inbox } from "../background/inbox.ts";
import { login, startScripted } from "../protocols/smtp/scripted.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { freshUser, type User } from "../servers/mailboxes.ts";
import { recipients } from "../servers/postfix-config.ts";
import { type Lines, startLines } from "./start-lines.ts";

let stack: MailStack;
let lines: Lines;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  stack = await startMailStack({ messageSizeLimit: 20_000_000 });
  lines = await startLines({ caPath: stack.certificates.caPath });
}, 300_000);

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

afterAll(async () => {
  await Promise.all([lines?.stop(), stack?.stop()]);
});

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const message = (from: User, to: string, body: string): string =>
  `From: ${from.username}\r\nTo: ${to}\r\nSubject: test\r\n\r\n${body}\r\n`;

type Sent = { limits: { size: number | null }; outcomes: (SubmitOutcome & { failure?: { code: string } })[] };
type Asked = Partial<Parameters<Lines["smtp"]>[0]>;

function send(server: ServerLogin, to: string[], texts: string[], more: Asked = {}): Promise<Sent> {
  const envelope = { from: server.username, to };
  return lines.smtp({ login: server, envelope, messages: texts.map(base64), ...more }) as Promise<Sent>;
}

describe.each([
  ["smtps", "tls"],
  ["submission", "starttls"],
] as const)("Postfix from workerd, over %s", (side, security) => {
  const at = (user: User, change: Partial<ServerLogin> = {}): ServerLogin =>
    login(stack.postfix.ports[side], { security, ...user, ...change });

  test.each(["127.0.0.1", "localhost"])(
    "a message arrives byte for byte at %s, and the session serves the next",
    async (host) => {
      const [alice, bob] = [freshUser(), freshUser()];
      const bodies = [`.\r\n..two\r\n${"x".repeat(200_000).replace(/(.{70})/g, "$1\r\n")}\r\n.`, "second"];
      const texts = bodies.map((body) => message(alice, bob.username, body));
      const { limits, outcomes } = await send(at(alice, { host }), [bob.username], texts);
      expect(limits).toMatchObject({ size: 20_000_000, eightBitMime: true, smtpUtf8: true });
      expect(outcomes).toMatchObject([
        { recipients: [{ email: bob.username, state: "accepted", code: 250, enhancedCode: "2.0.0" }] },
        { recipients: [{ state: "accepted" }] },
      ]);
      const received = (await inbox(stack, bob, 2)).map((raw) => raw.slice(raw.indexOf("\r\n\r\n") + 4));
      expect(new Set(received)).toEqual(new Set(bodies.map((body) => `${body}\r\n`)));
      // One session, with its farewell.
      const started = security === "starttls" ? "ehlo=2 starttls=1" : "ehlo=1";
      expect(stack.postfix.log()).toContain(`${started} auth=1 mail=2 rcpt=2 data=2 quit=1`);
    },
  );

  test("ten megabytes go through", async () => {
    const [alice, bob] = [freshUser(), freshUser()];
    const text = message(alice, bob.username, `${"y".repeat(76)}\r\n`.repeat(130_000));
    const { outcomes } = await send(at(alice), [bob.username], [text]);
    expect(outcomes).toMatchObject([{ recipients: [{ state: "accepted" }] }]);
    const [raw] = await inbox(stack, bob, 1);
    expect(raw?.slice(raw.indexOf("\r\n\r\n"))).toBe(text.slice(text.indexOf("\r\n\r\n")));
  });

  test("each recipient has its own outcome, and a commit that fails delivers nothing", async () => {
    const [alice, bob] = [freshUser(), freshUser()];
    const texts = ["one", "never", "three"].map((body) => message(alice, bob.username, body));
    const to = [recipients.deferred, bob.username, recipients.rejected, recipients.full];
    const { outcomes } = await send(at(alice), to, texts, { uncommitted: [1] });
    expect(outcomes[1]).toMatchObject({ failure: { message: "disk full" } });
    for (const outcome of [outcomes[0], outcomes[2]])
      expect(outcome?.recipients.map(({ state, code }) => [state, code])).toEqual([
        ["deferred", 451],
        ["accepted", 250],
        ["rejected", 550],
        ["rejected", 552],
      ]);
    expect((await inbox(stack, bob, 2)).join()).not.toContain("never");
  });

  test("a wrong password is the account's", async () => {
    const wrong = send(at(freshUser(), { password: "canary-worker-1b7" }), ["x@example.org"], []);
    await expect(wrong).rejects.toMatchObject({
      code: "account-authentication-failed",
      upstream: { status: 535, phase: "login" },
    });
    expect(lines.log()).not.toContain("canary-worker-1b7");
  });
});

/** A server of the test's own on 127.0.0.1. */
async function serve(
  make: (onSocket: (socket: Socket) => void) => Server,
  act: (socket: Socket) => void,
): Promise<number> {
  const server = make((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    act(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

const deadlines = { connect: 400, greeting: 400, command: 400 };
const tryOut = (port: number, change: Partial<ServerLogin> = {}): Promise<Sent> =>
  send(login(port, { security: "starttls", ...change }), ["b@example.org"], [], { deadlines });

async function untilGone(): Promise<void> {
  for (let waited = 0; sockets.size > 0 && waited < 3_000; waited += 20)
    await new Promise((done) => setTimeout(done, 20));
  expect(sockets.size).toBe(0);
}

type Words = {
  greeting?: string;
  ehlo?: string;
  starttls?: string;
  secured?: (socket: Socket, heard: string[]) => void;
};

/** A server that says these words, and keeps all that it hears, on the plain line and on the secured one. */
async function scripted({ greeting, ehlo, starttls, secured }: Words): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const port = await serve(
    (accept) => createServer(accept),
    (socket) => {
      if (greeting !== undefined) socket.write(greeting);
      const plain = (chunk: Buffer): void => {
        heard.push(chunk.toString());
        if (chunk.toString().startsWith("EHLO") && ehlo !== undefined) socket.write(ehlo);
        if (!chunk.toString().startsWith("STARTTLS") || starttls === undefined) return;
        if (secured !== undefined) socket.off("data", plain);
        socket.write(starttls);
        secured?.(socket, heard);
      };
      socket.on("data", plain);
    },
  );
  return { port, heard };
}

const offer = "250-scripted\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
const usual = { greeting: "220 scripted ESMTP\r\n", ehlo: offer, starttls: "220 go ahead\r\n" };

/** TLS with the test authority's certificate, and an SMTP server that says yes to everything. */
function secure(socket: Socket, heard: string[]): void {
  const { cert, key } = stack.certificates.valid;
  const line = new TLSSocket(socket, { isServer: true, cert, key });
  line.on("error", () => {});
  line.on("data", (octets) => {
    heard.push(`(TLS) ${octets.toString()}`);
    line.write(octets.toString().startsWith("EHLO") ? offer : "235 welcome\r\n");
  });
}

describe("STARTTLS from workerd", () => {
  test("is followed by a second EHLO, and only then by the login", async () => {
    const { port, heard } = await scripted({ ...usual, secured: secure });
    await expect(tryOut(port)).resolves.toMatchObject({ limits: { smtpUtf8: false } });
    expect(heard.slice(0, 2)).toEqual(["EHLO [127.0.0.1]\r\n", "STARTTLS\r\n"]);
    expect(heard[2]).toBe("(TLS) EHLO [127.0.0.1]\r\n");
    expect(heard[3]).toMatch(/^\(TLS\) AUTH PLAIN /);
  });

  test.each([
    ["words after its answer", { starttls: "220 go ahead\r\n250 injected\r\n" }],
    ["half a line after its answer", { starttls: "220 go ahead\r\n250" }],
    ["words after the answer to EHLO", { ehlo: `${offer}220 go ahead\r\n` }],
    ["a refusal", { starttls: "454 4.7.0 TLS not available\r\n" }],
    ["no offer, and a refusal", { ehlo: "250-scripted\r\n250 AUTH PLAIN\r\n", starttls: "502 5.5.1 what?\r\n" }],
  ])("%s: not one octet of the login", async (name, words) => {
    const { port, heard } = await scripted({ ...usual, ...words, secured: secure });
    await expect(tryOut(port)).rejects.toMatchObject({
      code: name === "words after the answer to EHLO" ? "upstream-protocol-error" : "tls-verification-failed",
    });
    await untilGone();
    expect(heard.join()).toContain("EHLO");
    expect(heard.join()).not.toMatch(/AUTH|\(TLS\)/);
  });

  test("words that come a little after its answer are taken for TLS, and are none", async () => {
    const { port, heard } = await scripted({
      ...usual,
      secured: (socket, all) => {
        setTimeout(() => {
          if (socket.destroyed) return;
          socket.write("250 injected\r\n");
          secure(socket, all);
        }, 50);
      },
    });
    await expect(tryOut(port)).rejects.toMatchObject({ code: "tls-verification-failed" });
    expect(heard.join()).not.toMatch(/AUTH/);
  });

  test.each(["expired", "wrongName", "selfSigned"] as const)("a certificate that is %s is refused", async (which) => {
    const { cert, key } = stack.certificates[which];
    const { port, heard } = await scripted({
      ...usual,
      secured: (socket) => void new TLSSocket(socket, { isServer: true, cert, key }).on("error", () => {}),
    });
    for (const host of ["127.0.0.1", "localhost"])
      await expect(tryOut(port, { host })).rejects.toMatchObject({
        code: "tls-verification-failed",
        upstream: { phase: "tls", host },
      });
    expect(heard.join()).not.toContain("AUTH");
    await untilGone();
  });
});

describe("SMTPS from workerd", () => {
  test.each(["expired", "wrongName", "selfSigned"] as const)("a certificate that is %s is refused", async (which) => {
    const { cert, key } = stack.certificates[which];
    const heard: string[] = [];
    const port = await serve(
      (accept) => createTlsServer({ cert, key }, accept),
      (socket) => void socket.on("data", (octets) => heard.push(octets.toString())),
    );
    for (const host of ["127.0.0.1", "localhost"])
      await expect(tryOut(port, { security: "tls", host })).rejects.toMatchObject({
        code: "upstream-unreachable",
        message: expect.stringContaining("certificate"),
        upstream: { phase: "connect" },
      });
    expect(heard).toEqual([]);
  });

  test("an authority of the account's own can't be trusted there", async () => {
    const tls = { ca: stack.certificates.ca, servername: null };
    const server = login(stack.postfix.ports.smtps, { security: "tls", tls });
    await expect(send(server, ["b@example.org"], [])).rejects.toMatchObject({ code: "unsupported-by-runtime" });
  });
});

describe.each(["none", "starttls"] as const)("a server that is spoken to with %s", (security) => {
  test.each([
    ["421 4.3.2 come back later", "upstream-throttled"],
    ["421 4.7.0 mx Error: too many connections from 192.0.2.1", "account-busy"],
    ["554 5.7.1 no service for you", "refused-by-server"],
    ["+OK POP3 ready", "upstream-protocol-error"],
  ])("greets by %s", async (words, code) => {
    const { port, heard } = await scripted({ greeting: `${words}\r\n` });
    await expect(tryOut(port, { security })).rejects.toMatchObject({ code, upstream: { phase: "greeting" } });
    await untilGone();
    expect(heard).toEqual([]);
  });

  test.each([
    ["before its greeting", {}, "greeting"],
    ["in the midst of its greeting", { greeting: "220-scripted\r\n220" }, "greeting"],
    ["after its greeting", { greeting: usual.greeting }, "greeting"],
  ] as const)("goes silent %s", async (_, words, phase) => {
    const { port } = await scripted(words);
    const started = performance.now();
    await expect(tryOut(port, { security })).rejects.toMatchObject({ code: "upstream-timeout", upstream: { phase } });
    expect(performance.now() - started).toBeLessThan(2_000);
    await untilGone();
  });

  test("leaves without a greeting, or nobody is there", async () => {
    const leaving = await serve(
      (accept) => createServer(accept),
      (socket) => void socket.end(),
    );
    for (const port of [leaving, 1])
      await expect(tryOut(port, { security })).rejects.toMatchObject({ code: "upstream-unreachable" });
  });
});

test.each([
  ["to STARTTLS", { ...usual, starttls: "" }, "tls"],
  ["in the TLS handshake", { ...usual, secured: () => {} }, "tls"],
] as const)("a server that goes silent %s is given up in time", async (_, words, phase) => {
  const { port, heard } = await scripted(words);
  await expect(tryOut(port)).rejects.toMatchObject({ code: "upstream-timeout", upstream: { phase } });
  expect(heard.join()).not.toContain("AUTH");
});

test("a server that never ends a TLS handshake is given up in time", async () => {
  const port = await serve(
    (accept) => createServer(accept),
    (socket) => void socket.resume(),
  );
  await expect(tryOut(port, { security: "tls" })).rejects.toMatchObject({
    code: "upstream-timeout",
    upstream: { phase: "connect" },
  });
  await untilGone();
});

test("a server without end of words is left, and holds only so much of us", async () => {
  const port = await serve(
    (accept) => createServer(accept),
    (socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write(`220-${"x".repeat(60_000)}`));
      };
      socket.on("drain", pour);
      pour();
    },
  );
  await expect(tryOut(port)).rejects.toMatchObject({ code: "upstream-protocol-error" });
  await untilGone();
});

describe("a message from workerd", () => {
  const envelope = ["b@example.org"];
  const text = "Subject: x\r\n\r\nhello\r\n";
  const quick = { deadlines: { command: 2_000, dataBlock: 600, finalReply: 600 } };
  const states = ({ outcomes }: Sent) =>
    outcomes.map(({ failure, recipients: got }) => failure?.code ?? got.map(({ state, code }) => [state, code]).join());

  test.each([
    ["250, then close", { end: "close", say: "250 2.0.0 ok" }, "accepted,250"],
    ["552, then close", { end: "close", say: "552 5.3.4 no" }, "rejected,552"],
    ["close", { end: "close" }, "uncertain,"],
    ["reset", { end: "reset" }, "uncertain,"],
    ["silence", { end: "never" }, "uncertain,"],
  ] as const)(
    "whose dot is answered by %s has an outcome, and the next one a session of its own",
    async (_, dot, told) => {
      const server = await startScripted({ dot: (_line, nth) => (nth === 0 ? dot : "250 2.0.0 ok") });
      const sent = await send(login(server.port), envelope, [text, text], quick);
      expect(states(sent)).toEqual([told, "accepted,250"]);
      expect([server.connections(), server.heard.filter((line) => line === ".").length]).toEqual([2, 2]);
      await server.close();
    },
  );

  test("whose commit fails gets no dot: the line is left", async () => {
    const server = await startScripted();
    const sent = await send(login(server.port), envelope, [text, text], { ...quick, uncommitted: [0] });
    expect(states(sent)).toEqual(["none", "accepted,250"]);
    expect([server.connections(), server.heard.filter((line) => line === ".").length]).toEqual([2, 1]);
    await server.close();
  });

  /** An SMTP server that grants DATA, and does something once it has so many octets of the message. */
  async function granting(most: number, act: (socket: Socket) => void): Promise<{ port: number; ended(): number }> {
    let ended = 0;
    const port = await serve(
      (accept) => createServer(accept),
      (socket) => {
        let isData = false;
        let octets = 0;
        socket.write("220 mx\r\n");
        socket.on("data", (chunk) => {
          const said = chunk.toString("latin1");
          if (/(?:^|\r\n)\.\r\n$/.test(said)) ended += 1;
          if (isData && octets < most) {
            octets += chunk.length;
            if (octets >= most) act(socket);
          }
          if (isData) return;
          if (said.startsWith("DATA")) isData = true;
          const answer = isData ? "354 go" : said.startsWith("EHLO") ? "250-mx\r\n250 AUTH PLAIN" : "250 ok";
          socket.write(`${said.startsWith("AUTH") ? "235 ok" : answer}\r\n`);
        });
      },
    );
    return { port, ended: () => ended };
  }

  const large = `${"z".repeat(70)}\r\n`.repeat(100_000);

  test.each([
    ["closes", (socket: Socket) => void socket.end("552 5.3.4 too big\r\n")],
    [
      "resets",
      (socket: Socket) =>
        void socket.write("552 5.3.4 too big\r\n", () => setTimeout(() => socket.resetAndDestroy(), 300)),
    ],
    ["goes on reading", (socket: Socket) => void socket.write("552 5.3.4 too big\r\n")],
  ])("that is refused in its midst by a server that then %s is refused, without a dot", async (_, act) => {
    const server = await granting(100_000, act);
    expect(states(await send(login(server.port), envelope, [large], quick))).toEqual(["rejected,552"]);
    expect(server.ended()).toBe(0);
    await untilGone();
  });

  test("that a server stops reading is given up in time, without a dot", async () => {
    const server = await granting(100_000, (socket) => void socket.pause());
    const started = performance.now();
    expect(states(await send(login(server.port), envelope, [large], quick))).toEqual(["upstream-timeout"]);
    expect(performance.now() - started).toBeLessThan(5_000);
    for (const socket of sockets) socket.resume();
    await untilGone();
    expect(server.ended()).toBe(0);
  });
});
