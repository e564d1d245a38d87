import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerLogin } from "../../../src/mail/server.ts";
import { systemClock } from "../../../src/observe.ts";
import { openPop3, type Pop3Session } from "../../../src/protocols/pop3/open-pop3.ts";
import { type CertificateAuthority, makeCertificates } from "../../servers/ca.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { deliver, fillMaildir } from "../../servers/maildir.ts";
import type { User } from "../../servers/mailboxes.ts";
import { provision } from "../../servers/provision.ts";
import { startProxy } from "../../servers/proxy.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { collect, failureOf } from "../failure-of.ts";
import { target } from "./scripted-pop3.ts";

const directory = makeScratch();
let certificates: CertificateAuthority;
let dovecot: Dovecot;
const sessions: Pop3Session[] = [];

beforeAll(async () => {
  await provision(["dovecot"]);
  certificates = await makeCertificates(`${directory}/certificates`);
  dovecot = await startDovecot({ certificates });
});

afterAll(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await dovecot?.stop();
  removeScratch(directory);
});

type Kind = "POP3S" | "STLS" | "plain";

/** A session of the user's; `change` and `port` differ from what is right. */
async function open(user: User, kind: Kind = "POP3S", change: Partial<ServerLogin> = {}, port?: number) {
  const security = kind === "POP3S" ? "tls" : kind === "STLS" ? "starttls" : "none";
  const at = port ?? (kind === "POP3S" ? dovecot.ports.pop3s : dovecot.ports.pop3);
  const session = await openPop3(
    target(at, { ...user, security, tls: { ca: dovecot.ca, servername: null }, ...change }),
  );
  sessions.push(session);
  return session;
}

function userWith(...messages: string[]): User {
  const user = dovecot.user();
  for (const raw of messages) deliver(dovecot.maildir(user), raw);
  return user;
}

describe.for(["POP3S", "STLS", "plain"] as const)("Dovecot over %s", (kind) => {
  test("counts, names, gives headers and messages byte for byte", async () => {
    const bodies = ["one\n", ".\n..\n.dot\n", "", "caf\xc3\xa9 \xff\n", `${"long ".repeat(400)}\n`];
    const mails = bodies.map((body, index) => `Subject: ${index}\nX-Odd: a\n\n${body}`);
    const session = await open(userWith(...mails), kind);
    const expected = mails.map((raw) => Buffer.from(raw.replaceAll("\n", "\r\n")));
    expect(await session.stat()).toEqual({
      count: 5,
      octets: expected.reduce((sum, { length }) => sum + length, 0),
    });
    const uids = await session.uidl();
    expect(new Set(uids?.values()).size).toBe(5);
    expect(await session.uidlOne(2)).toBe(uids?.get(2));
    const sizes = await session.list();
    const found = new Map<string, Buffer>();
    for (const number of sizes.keys()) {
      const octets = await collect(await session.retr(number));
      expect([octets.length, await session.listOne(number)]).toEqual([sizes.get(number), sizes.get(number)]);
      found.set(/Subject: (\d)/.exec(octets.toString("latin1"))?.[1] ?? "", octets);
    }
    for (const [index, raw] of expected.entries()) expect(found.get(String(index))).toEqual(raw);
    for await (const { header } of session.top([...sizes.keys()])) {
      expect(Buffer.from(header ?? []).toString("latin1")).toMatch(/^Subject: \d\r\nX-Odd: a\r\n\r\n$/);
    }
    await session.noop();
  });

  test("deletes what it was told to, once QUIT is confirmed", async () => {
    const user = userWith("Subject: a\n\na\n", "Subject: b\n\nb\n", "Subject: c\n\nc\n");
    const before = await open(user, kind);
    const uids = await before.uidl();
    expect(await before.remove([1, 3])).toEqual({ missing: [] });
    const after = await open(user, kind);
    expect([...((await after.uidl()) ?? []).values()]).toEqual([uids?.get(2)]);
  });

  test("refuses a wrong password as such", async () => {
    const user = { ...dovecot.user(), password: "not-the-password" };
    const failure = await failureOf(open(user, kind));
    expect(failure).toMatchObject({
      code: "account-authentication-failed",
      details: { upstream: { protocol: "pop3", phase: "login", responseCode: "AUTH" } },
    });
    expect(JSON.stringify(failure.details)).not.toContain("not-the-password");
  });
});

describe("TLS", () => {
  test.for(["POP3S", "STLS"] as const)("over %s is verified, and nothing is sent where it fails", async (kind) => {
    const user = dovecot.user();
    const wrong: Partial<ServerLogin>[] = [{ tls: { ca: null, servername: null } }];
    for (const change of wrong) {
      expect(await failureOf(open(user, kind, change))).toMatchObject({
        code: "tls-verification-failed",
        details: { upstream: { phase: "tls" } },
      });
    }
    for (const certificate of ["expired", "wrongName", "selfSigned"] as const) {
      const bad = await startDovecot({ certificates, certificate });
      try {
        const port = kind === "POP3S" ? bad.ports.pop3s : bad.ports.pop3;
        const failure = await failureOf(open(user, kind, {}, port));
        expect([certificate, failure.code]).toEqual([certificate, "tls-verification-failed"]);
        expect(bad.log()).not.toContain(user.username);
      } finally {
        await bad.stop();
      }
    }
  });

  test("is verified by the address where there is no name", async () => {
    const user = userWith("Subject: a\n\na\n");
    for (const [security, port] of [
      ["tls", dovecot.ports.pop3s],
      ["starttls", dovecot.ports.pop3],
    ] as const) {
      const options = target(port, { ...user, security, tls: { ca: dovecot.ca, servername: null } });
      const session = await openPop3({ ...options, admitted: { ...options.admitted, servername: null } });
      sessions.push(session);
      expect(await session.stat()).toMatchObject({ count: 1 });
    }
  });
});

test("what is put behind the answer to STLS ends the session, though TLS itself would succeed", async () => {
  const user = dovecot.user();
  const injecting = await startInjecting(dovecot.ports.pop3, "+OK Logged in\r\n");
  try {
    expect(await failureOf(open(user, "STLS", {}, injecting.port))).toMatchObject({
      code: "tls-verification-failed",
      message: expect.stringContaining("tampered"),
    });
    expect(injecting.toServer()).toBe("CAPA\r\nSTLS\r\n");
    expect(injecting.injected()).toBe(true);
  } finally {
    await injecting.stop();
  }
});

/** Passes all on, and puts something behind the answer to STLS, in the same packet. */
async function startInjecting(port: number, extra: string) {
  let sent = "";
  let injected = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port });
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
    client.on("data", (octets) => {
      sent += octets.toString("latin1");
      upstream.write(octets);
    });
    upstream.on("data", (octets) => {
      const answers = !injected && sent.endsWith("STLS\r\n");
      injected ||= answers;
      client.write(answers ? Buffer.concat([octets, Buffer.from(extra)]) : octets);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    toServer: () => sent,
    injected: () => injected,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("a large maildrop", () => {
  test("tells 2,000 ids and 200 headers, and deletes 500 messages in one go", async () => {
    const user = dovecot.user();
    fillMaildir(dovecot.maildir(user), 2_000);
    const session = await open(user);
    const uids = await session.uidl();
    expect(new Set(uids?.values()).size).toBe(2_000);
    const numbers = Array.from({ length: 200 }, (_, index) => 2_000 - index);
    const got: number[] = [];
    for await (const { number, header } of session.top(numbers)) {
      expect(Buffer.from(header ?? []).toString("latin1")).toMatch(/Message-ID: .*\r\n\r\n$/is);
      got.push(number);
    }
    expect(got).toEqual(numbers);
    await session.remove(Array.from({ length: 500 }, (_, index) => index + 1));
    expect((await (await open(user)).uidl())?.size).toBe(1_500);
  });

  test("loses nothing when the line is cut before QUIT", async () => {
    const user = dovecot.user();
    fillMaildir(dovecot.maildir(user), 300);
    const cut = { direction: "toClient", bytes: 2_000, how: "reset" } as const;
    // Some of the answers to DELE come, the rest never does.
    const proxy = await startProxy({ port: dovecot.ports.pop3, faults: () => ({ cutAfter: cut }) });
    try {
      const session = await open(user, "plain", {}, proxy.port);
      const all = Array.from({ length: 300 }, (_, index) => index + 1);
      expect(await failureOf(session.remove(all))).toMatchObject({
        code: "upstream-unreachable",
        details: { upstream: { phase: "DELE" } },
      });
    } finally {
      await proxy.stop();
    }
    expect((await (await open(user)).uidl())?.size).toBe(300);
  });
});

describe.for(["POP3S", "STLS"] as const)("a message of 50 MB over %s", (kind) => {
  test("is exact, in constant memory, and goes on after it was left", async () => {
    const line = `${"0123456789abcdef".repeat(4)}\n`;
    const raw = `Subject: big\n\n${line.repeat((50 * 1024 * 1024) / line.length)}`;
    const user = userWith(raw);
    const hash = createHash("sha256").update(raw.replaceAll("\n", "\r\n")).digest("hex");
    const session = await open(user, kind);
    // What a first large download leaves behind for good is not what one costs.
    await drain(await session.retr(1));
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let peak = 0;
    const digest = createHash("sha256");
    const started = systemClock.now();
    for await (const piece of await session.retr(1)) {
      digest.update(piece);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    const seconds = (systemClock.now() - started) / 1000;
    console.log(`${kind}: 50 MB in ${seconds.toFixed(2)} s, RSS +${((peak - before) / 1024 / 1024).toFixed(1)} MiB`);
    expect(digest.digest("hex")).toBe(hash);
    expect(peak - before).toBeLessThan(64 * 1024 * 1024);
    expect(await session.stat()).toMatchObject({ count: 1 });
  });
});

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}
