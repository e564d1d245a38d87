import { afterEach, describe, expect, test } from "vitest";
import type { RecipientRow } from "../../src/store/submission-rows.ts";
import { type Scripted, startScripted } from "../protocols/smtp/scripted.ts";
import { leaseMs, octetsIn, openOutbox, type Outbox, type OutboxOptions } from "./outbox.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function outboxOf(options: OutboxOptions = {}): Promise<Outbox> {
  const outbox = await openOutbox(options);
  opened.push(outbox);
  return outbox;
}

async function scripted(answers: Parameters<typeof startScripted>[0] = {}): Promise<Scripted> {
  const server = await startScripted(answers);
  opened.push(server);
  return server;
}

async function close(server: Scripted): Promise<void> {
  await server.close();
  opened.splice(opened.indexOf(server), 1);
}

const minute = 60_000;
const dots = (server: Scripted) => server.heard.filter((line) => line === ".").length;
const states = (recipients: RecipientRow[]) => recipients.map(({ state, code }) => [state, code]);
const people = (...names: string[]) => names.map((name) => `${name}@example.org`);

describe("a message that is due", () => {
  test("is sent once, its outcome is kept and its bytes go", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account, { to: people("bob", "carol") });
    const { blobId } = await outbox.row(account, id);
    expect(await outbox.flush()).toEqual({ worked: 1, nextAt: null });
    const row = await outbox.row(account, id);
    expect(row).toMatchObject({ state: "sent", attempts: 1, nextAttemptAt: null, finishedAt: outbox.clock.now() });
    expect(states(row.recipients)).toEqual([
      ["accepted", 250],
      ["accepted", 250],
    ]);
    expect(row.blobId).toBeNull();
    const bytes = outbox.store().blobs.read(blobId ?? "");
    await expect(octetsIn(bytes)).rejects.toMatchObject({ code: "not-found" });
    expect(dots(server)).toBe(1);
    const message = server.heard.find((line) => line.startsWith("message:")) ?? "";
    expect(message).toContain(`Message-ID: ${row.messageId}\r\n`);
    const { events } = outbox.store();
    const all = { after: 0, limit: 10, types: null, accountIds: null };
    expect(await events.list(account.appId, all)).toMatchObject([{ type: "submission.sent" }]);
    expect(await outbox.flush()).toEqual({ worked: 0, nextAt: null });
  });

  test("is written about in one line, without an address, a password or content", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ RCPT: (line) => (line.includes("bob") ? "250 ok" : "550 5.1.1 no") });
    const account = await outbox.account({ port: server.port });
    await outbox.accept(account, { to: people("bob", "carol"), body: "very private\r\n" });
    await outbox.flush();
    expect(outbox.logged).toEqual([
      {
        event: "submission",
        fields: expect.objectContaining({ state: "sent", attempt: 1, accepted: 1, rejected: 1, accountId: account.id }),
      },
    ]);
    expect(JSON.stringify(outbox.logged)).not.toMatch(/@|private|canary|Bob/);
  });

  test("goes with a hundred others over three connections, each once", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const ids = [];
    for (let n = 0; n < 100; n += 1) ids.push(await outbox.accept(account, { body: `number ${n}\r\n` }));
    await outbox.flush();
    for (const id of ids) expect((await outbox.row(account, id)).state).toBe("sent");
    const messages = server.heard.filter((line) => line.startsWith("message:"));
    expect(new Set(messages).size).toBe(100);
    expect(messages).toHaveLength(100);
    expect(server.connections()).toBeLessThanOrEqual(3);
  });

  test("goes out byte for byte where it is long", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const body = "0123456789abcdef0123456789abcdef\r\n".repeat(25_000);
    const id = await outbox.accept(account, { body });
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "sent", blobId: null });
    expect(server.heard.find((line) => line.startsWith("message:"))?.includes(body)).toBe(true);
  });

  test("waits for its sendAt", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const sendAt = outbox.clock.now() + 10 * minute;
    const id = await outbox.accept(account, { sendAt });
    expect(await outbox.flush()).toEqual({ worked: 0, nextAt: sendAt });
    await outbox.clock.advance(10 * minute);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("sent");
  });

  test("on a slow server holds up nobody else", async () => {
    const outbox = await outboxOf();
    const slow = await scripted({ MAIL: { end: "never" } });
    const fast = await scripted();
    const first = await outbox.account({ port: slow.port });
    const second = await outbox.account({ port: fast.port });
    await outbox.accept(first);
    await outbox.step();
    const id = await outbox.accept(second);
    const final = outbox.wake.wait("submission-final", id, 1000);
    await outbox.step();
    expect(await final).toBe(true);
    expect((await outbox.row(second, id)).state).toBe("sent");
    await close(slow);
    await outbox.quiet();
  });
});

describe("trying again", () => {
  test("450, then 250, makes one copy", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ dot: (_, nth) => (nth === 0 ? "450 4.2.0 greylisted" : "250 2.0.0 queued") });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({
      state: "queued",
      attempts: 1,
      nextAttemptAt: outbox.clock.now() + minute,
      recipients: [{ state: "deferred", code: 450, enhancedCode: "4.2.0", text: "greylisted" }],
    });
    expect(await outbox.flush()).toEqual({ worked: 0, nextAt: outbox.clock.now() + minute });
    await outbox.clock.advance(minute);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "sent", attempts: 2 });
    const copies = server.heard.filter((line) => line.startsWith("message:"));
    expect(copies).toHaveLength(2);
    expect(new Set(copies).size).toBe(1);
  });

  test("goes to those only who are left", async () => {
    const outbox = await outboxOf();
    const server = await scripted({
      RCPT: (line, nth) =>
        line.includes("carol") ? "550 5.1.1 no" : line.includes("dave") && nth < 3 ? "451 4.3.0 later" : "250 ok",
    });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account, { to: people("bob", "carol", "dave") });
    await outbox.flush();
    const first = await outbox.row(account, id);
    expect(first.state).toBe("queued");
    expect(states(first.recipients)).toEqual([
      ["accepted", 250],
      ["rejected", 550],
      ["deferred", 451],
    ]);
    server.heard.splice(0);
    await outbox.clock.advance(minute);
    await outbox.flush();
    const second = await outbox.row(account, id);
    expect(second.state).toBe("sent");
    expect(states(second.recipients)).toEqual([
      ["accepted", 250],
      ["rejected", 550],
      ["accepted", 250],
    ]);
    expect(server.heard.filter((line) => line.startsWith("RCPT"))).toEqual(["RCPT TO:<dave@example.org>"]);
  });

  test.each(["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "dot"] as const)("421 at %s", async (step) => {
    const outbox = await outboxOf();
    const goodbye = { end: "close", say: "421 4.3.2 closing down" } as const;
    const usual = { greeting: "220 hi", EHLO: "250-x\r\n250 AUTH PLAIN", AUTH: "235 ok", DATA: "354 go" };
    let isClosing = true;
    const server = await scripted({
      EHLO: usual.EHLO,
      [step]: () => (isClosing ? goodbye : (usual[step as keyof typeof usual] ?? "250 ok")),
    });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "queued", recipients: [{ state: "deferred" }] });
    isClosing = false;
    await outbox.clock.advance(minute);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("sent");
  });

  test("a server that can't be reached", async () => {
    const outbox = await outboxOf();
    const account = await outbox.account({ port: 1 });
    const id = await outbox.accept(account);
    await outbox.flush();
    const text = "Nothing listens there: the connection to the mail server was refused.";
    expect(await outbox.row(account, id)).toMatchObject({
      state: "queued",
      nextAttemptAt: outbox.clock.now() + minute,
      recipients: [{ state: "deferred", code: null, text }],
      lastError: { code: "upstream-unreachable", detail: text },
    });
  });
});

describe("failing for good", () => {
  test("all refused with 5yz", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ RCPT: "550 5.1.1 no such user" });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({
      state: "failed",
      recipients: [{ state: "rejected", code: 550, text: "no such user" }],
      blobId: null,
    });
  });

  test("a message that the server takes no more of", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ EHLO: "250-x\r\n250-SIZE 100\r\n250 AUTH PLAIN" });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "failed", lastError: { code: "message-too-large" } });
    expect(server.heard.filter((line) => line.startsWith("MAIL"))).toEqual([]);
  });
});

describe("a line lost after the dot", () => {
  test("leaves it uncertain; it is not sent again, and its bytes stay", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ dot: { end: "close" } });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    await outbox.clock.advance(1440 * minute);
    expect(await outbox.flush()).toEqual({ worked: 0, nextAt: null });
    const row = await outbox.row(account, id);
    expect(row).toMatchObject({ state: "uncertain", recipients: [{ state: "uncertain" }], finishedAt: null });
    expect(row.blobId).not.toBeNull();
    expect(dots(server)).toBe(1);
  });

  test("is sent again where the account prefers a duplicate, and says so", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ dot: (_, nth) => (nth === 0 ? { end: "close" } : "250 ok") });
    const account = await outbox.account({ port: server.port }, { onUncertain: "retry" });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("queued");
    await outbox.clock.advance(minute);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "sent", warnings: ["possible-duplicate"] });
  });
});

describe("a worker that died", () => {
  const dead = (now: number) => ({ owner: "dead", now, leaseMs, limit: 1, only: "due" }) as const;

  test("before the dot: the message is sent by the next", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.store().submissions.claim(account.id, dead(outbox.clock.now()));
    await outbox.restart();
    expect(await outbox.flush()).toMatchObject({ worked: 0 });
    await outbox.clock.advance(leaseMs);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("sent");
    expect(dots(server)).toBe(1);
  });

  test("after the dot was allowed: nobody knows, and nobody sends it again", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    const { submissions } = outbox.store();
    const [claim] = await submissions.claim(account.id, dead(outbox.clock.now()));
    await submissions.commit([{ id, epoch: claim?.epoch ?? 0, recipients: null }], outbox.clock.now() + leaseMs);
    await outbox.restart();
    await outbox.clock.advance(leaseMs);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "uncertain", recipients: [{ state: "uncertain" }] });
    expect(server.connections()).toBe(0);
  });

  test("or froze: its dot is refused once another has the claim", async () => {
    const outbox = await outboxOf();
    const server = await scripted();
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account, { body: "x\r\n".repeat(100_000) });
    let thaw = () => {};
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const { blobs } = outbox.store();
    const slowly = {
      async *read(blobId: string) {
        begin();
        await frozen;
        yield* blobs.read(blobId);
      },
    };
    const late = outbox.sending({ owner: "frozen", blobs: slowly });
    await late.step();
    await begun;
    await outbox.clock.advance(leaseMs);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("sent");
    thaw();
    await late.stop();
    expect(dots(server)).toBe(1);
    expect(await outbox.row(account, id)).toMatchObject({ state: "sent", attempts: 2 });
    expect(outbox.logged.map(({ event }) => event)).toContain("submission.abandoned");
  });
});

describe("a login", () => {
  const logins = (server: Scripted) => server.heard.filter((line) => line.startsWith("AUTH")).length;

  test("that is refused is tried at 0, 1 and 10 minutes; then the account's queue stops, and no message is lost", async () => {
    const outbox = await outboxOf();
    const server = await scripted({ AUTH: "535 5.7.8 bad credentials" });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    const state = async () => (await outbox.store().accounts.byId(account.id))?.state;
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "queued", attempts: 0 });
    expect(await state()).toBe("degraded");
    for (let minutes = 0; minutes < 60; minutes++) {
      await outbox.clock.advance(minute);
      await outbox.flush();
    }
    expect(await state()).toBe("authenticationFailed");
    expect(logins(server)).toBe(3);
    expect(await outbox.row(account, id)).toMatchObject({ state: "queued", attempts: 0 });
  });

  test("that fails for now does not", async () => {
    const outbox = await outboxOf();
    const server = await scripted({
      AUTH: (_, nth) => (nth === 0 ? "454 4.7.0 temporary authentication failure" : "235 ok"),
    });
    const account = await outbox.account({ port: server.port });
    const id = await outbox.accept(account);
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({ state: "queued", recipients: [{ code: 454 }] });
    expect((await outbox.store().accounts.byId(account.id))?.state).toBe("connected");
    await outbox.clock.advance(minute);
    await outbox.flush();
    expect((await outbox.row(account, id)).state).toBe("sent");
  });
});
