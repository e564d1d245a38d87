import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerLogin } from "../../../src/mail/server.ts";
import type { Submitter } from "../../../src/mail/submitter.ts";
import { openSubmitter } from "../../../src/protocols/smtp/open-submitter.ts";
import { inbox } from "../../background/inbox.ts";
import type { Certificate } from "../../servers/ca.ts";
import { type MailStack, startMailStack } from "../../servers/mail-stack.ts";
import { freshUser, mailDomain, type User } from "../../servers/mailboxes.ts";
import { recipients } from "../../servers/postfix-config.ts";
import { localGuard, login, octetsOf } from "./scripted.ts";

let stack: MailStack;
const servers: Server[] = [];

beforeAll(async () => {
  stack = await startMailStack({ messageSizeLimit: 5_000_000 });
}, 300_000);

afterAll(async () => {
  for (const server of servers) server.close();
  await stack.stop();
});

function open(user: User, side: "smtps" | "submission" | "plain", change: Partial<ServerLogin> = {}): Submitter {
  return openSubmitter(
    { guard: localGuard },
    login(stack.postfix.ports[side], {
      security: side === "submission" ? "starttls" : "tls",
      tls: { ca: stack.certificates.ca, servername: "mail.postern.test" },
      ...user,
      ...change,
    }),
  );
}

function message(from: User, to: string, body: string) {
  const text = `From: ${from.username}\r\nTo: ${to}\r\nSubject: test\r\nMessage-ID: <${body.length}.${Date.now()}@postern.test>\r\n\r\n${body}\r\n`;
  return { text, options: { size: text.length, eightBit: false, utf8: false, beforeDot: async () => {} } };
}

describe.each(["smtps", "submission"] as const)("over %s", (side) => {
  test("a message arrives byte for byte, and the session serves the next", async () => {
    const alice = freshUser();
    const bob = freshUser();
    const submitter = open(alice, side);
    expect(await submitter.limits()).toMatchObject({ size: 5_000_000, eightBitMime: true });
    const body = `.\r\n..two\r\n${"x".repeat(200_000).replace(/(.{70})/g, "$1\r\n")}\r\n.`;
    for (let n = 0; n < 2; n++) {
      const { text, options } = message(alice, bob.username, body);
      const outcome = await submitter.submit(octetsOf(text), { from: alice.username, to: [bob.username] }, options);
      expect(outcome.recipients).toEqual([
        {
          email: bob.username,
          state: "accepted",
          code: 250,
          enhancedCode: "2.0.0",
          text: expect.stringMatching(/^Ok: queued as/),
        },
      ]);
    }
    await submitter.close();
    const received = await inbox(stack, bob, 2);
    expect(received).toHaveLength(2);
    for (const raw of received) expect(raw.slice(raw.indexOf("\r\n\r\n") + 4)).toBe(`${body}\r\n`);
  });

  test("each recipient has its own outcome", async () => {
    const alice = freshUser();
    const bob = freshUser();
    const submitter = open(alice, side);
    const { text, options } = message(alice, bob.username, "hello");
    const to = [recipients.deferred, bob.username, recipients.rejected, recipients.full];
    const outcome = await submitter.submit(octetsOf(text), { from: alice.username, to }, options);
    expect(
      outcome.recipients.map(({ email, state, code, enhancedCode }) => [email, state, code, enhancedCode]),
    ).toEqual([
      [recipients.deferred, "deferred", 451, "4.7.1"],
      [bob.username, "accepted", 250, "2.0.0"],
      [recipients.rejected, "rejected", 550, "5.7.1"],
      [recipients.full, "rejected", 552, "5.2.2"],
    ]);
    const none = [recipients.rejected, recipients.deferred];
    const refused = await submitter.submit(octetsOf(text), { from: alice.username, to: none }, options);
    expect(refused.recipients.map(({ state }) => state)).toEqual(["rejected", "deferred"]);
    const again = await submitter.submit(octetsOf(text), { from: alice.username, to: [bob.username] }, options);
    expect(again.recipients.map(({ state }) => state)).toEqual(["accepted"]);
    await submitter.close();
    expect(await inbox(stack, bob, 2)).toHaveLength(2);
  });

  test("a commit that fails delivers nothing", async () => {
    const alice = freshUser();
    const bob = freshUser();
    const submitter = open(alice, side);
    const { text, options } = message(alice, bob.username, "never");
    const to = { from: alice.username, to: [bob.username] };
    const beforeDot = () => Promise.reject(new Error("disk full"));
    await expect(submitter.submit(octetsOf(text), to, { ...options, beforeDot })).rejects.toThrow("disk full");
    await submitter.submit(octetsOf(message(alice, bob.username, "second").text), to, options);
    await submitter.close();
    const received = await inbox(stack, bob, 1);
    expect(received).toHaveLength(1);
    expect(received[0]).toContain("second");
  });

  test("a wrong password is the account's, a message too large is told before it is sent", async () => {
    const alice = freshUser();
    const wrong = open(alice, side, { password: "wrong" });
    await expect(wrong.limits()).rejects.toMatchObject({
      code: "account-authentication-failed",
      details: { upstream: { status: 535, phase: "login" } },
    });
    const submitter = open(alice, side);
    const to = { from: alice.username, to: [alice.username] };
    const large = submitter.submit(octetsOf("x"), to, { ...message(alice, "", "").options, size: 5_000_001 });
    await expect(large).rejects.toMatchObject({ code: "message-too-large" });
    await submitter.close();
  });
});

describe("beyond ASCII", () => {
  test("an 8-bit body arrives byte for byte, an international header and local part are taken", async () => {
    const alice = freshUser();
    const bob = freshUser();
    const submitter = open(alice, "smtps");
    expect(await submitter.limits()).toMatchObject({ smtpUtf8: true, eightBitMime: true });
    const { text, options } = message(alice, bob.username, "Grüße, 世界");
    const octets = Buffer.from(text.replace("Subject: test", "Subject: test\r\nContent-Transfer-Encoding: 8bit"));
    const to = { from: alice.username, to: [bob.username] };
    const needs = { ...options, size: octets.length, eightBit: true };
    expect((await submitter.submit(octets, to, needs)).recipients[0]?.state).toBe("accepted");
    const [raw] = await inbox(stack, bob, 1);
    expect(raw).toContain("\r\n\r\nGrüße, 世界\r\n");

    const header = Buffer.from(text.replace("Subject: test", "Subject: Grüße"));
    const utf8 = { ...needs, size: header.length, utf8: true };
    const among = { from: alice.username, to: [`jürgen@${mailDomain}`, `bob@bücher.example`] };
    const outcome = await submitter.submit(header, among, utf8);
    expect(outcome.recipients.map(({ state, code }) => [state, code])).toEqual([
      ["accepted", 250],
      ["rejected", 550],
    ]);
    await submitter.close();
  });

  test("where the server offers none of it nothing is sent, but what needs none of it", async () => {
    const alice = freshUser();
    const submitter = open(alice, "plain");
    expect(await submitter.limits()).toEqual({ size: null, smtpUtf8: false, eightBitMime: false, recipients: null });
    const { text, options } = message(alice, alice.username, "hello");
    const octets = Buffer.from(text);
    const to = { from: alice.username, to: [alice.username] };
    for (const needs of [{ utf8: true }, { eightBit: true }]) {
      await expect(submitter.submit(octets, to, { ...options, ...needs })).rejects.toMatchObject({
        code: "unsupported-by-server",
      });
    }
    expect((await submitter.submit(octets, to, options)).recipients[0]?.state).toBe("accepted");
    // It takes less than it says: it says nothing.
    const large = Buffer.from(`${text}${`${"x".repeat(70)}\r\n`.repeat(2_000)}`);
    const refused = await submitter.submit(large, to, { ...options, size: large.length });
    expect(refused.recipients[0]).toMatchObject({ state: "rejected", code: 552 });
    await submitter.close();
  });
});

describe("certificates", () => {
  async function serve(certificate: Certificate): Promise<number> {
    const server = createTlsServer({ cert: certificate.cert, key: certificate.key }, (socket) => {
      socket.on("error", () => {});
      socket.write("220 hello\r\n");
    });
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  test.each([
    ["expired", "the certificate has expired"],
    ["wrongName", "the certificate is for another name"],
    ["selfSigned", "the certificate is self-signed"],
  ] as const)("%s is refused with the reason", async (kind, reason) => {
    const port = await serve(stack.certificates[kind]);
    await expect(open(freshUser(), "smtps", { port }).limits()).rejects.toMatchObject({
      code: "tls-verification-failed",
      message: expect.stringContaining(reason),
    });
  });

  test("an authority that is not trusted is refused, also after STARTTLS", async () => {
    const tls = { ca: null, servername: "mail.postern.test" };
    for (const side of ["smtps", "submission"] as const) {
      await expect(open(freshUser(), side, { tls }).limits()).rejects.toMatchObject({
        code: "tls-verification-failed",
        message: expect.stringContaining("authority is unknown"),
      });
    }
  });

  test("the name is verified on STARTTLS too; without one, the address is", async () => {
    const wrong = { ca: stack.certificates.ca, servername: "mail.elsewhere.test" };
    await expect(open(freshUser(), "submission", { tls: wrong }).limits()).rejects.toMatchObject({
      code: "tls-verification-failed",
    });
    const byAddress = open(freshUser(), "submission", { tls: { ca: stack.certificates.ca, servername: null } });
    await expect(byAddress.limits()).resolves.toBeDefined();
    await byAddress.close();
  });

  test("words put in after the answer to STARTTLS end it: not one octet of credentials", async () => {
    const heard: string[] = [];
    const { cert, key } = stack.certificates.valid;
    const ehlo = "250-scripted\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("220 scripted\r\n");
      const plain = (chunk: Buffer) => {
        heard.push(chunk.toString());
        if (chunk.toString().startsWith("EHLO")) socket.write(ehlo);
        if (!chunk.toString().startsWith("STARTTLS")) return;
        socket.off("data", plain);
        socket.write("220 go ahead\r\n250 injected\r\n");
        const secured = new TLSSocket(socket, { isServer: true, cert, key });
        secured.on("error", () => {});
        secured.on("data", (octets) => {
          heard.push(octets.toString());
          secured.write(octets.toString().startsWith("EHLO") ? ehlo : "235 welcome\r\n");
        });
      };
      socket.on("data", plain);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    await expect(open(freshUser(), "submission", { port }).limits()).rejects.toMatchObject({
      code: "tls-verification-failed",
    });
    expect(heard.join("")).toMatch(/EHLO/);
    expect(heard.join("")).not.toMatch(/AUTH/);
  });
});
