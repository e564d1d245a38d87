import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import type { Guard } from "../../../src/mail/server.ts";
import { smtpDeadlines } from "../../../src/protocols/smtp/deadlines.ts";
import { createWire } from "../../../src/protocols/smtp/wire.ts";
import { localGuard, login, octetsOf } from "./scripted.ts";
import { closeAfterEach, dots, envelope, mail, many, plain, scripted, send, states, using } from "./submitting.ts";

closeAfterEach();

const octets = Buffer.from(mail);
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A port that leads to another one, by `join`. */
async function between(port: number, join: (client: Socket, server: Socket) => void): Promise<number> {
  const relay = createServer((client) => {
    const server = connect({ port, host: "127.0.0.1" });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      closing.push(() => socket.destroy());
    }
    join(client, server);
  });
  relay.listen(0, "127.0.0.1");
  closing.push(() => relay.close());
  await once(relay, "listening");
  return (relay.address() as AddressInfo).port;
}

describe("replies that have a code and no words (RFC 5321 §4.2)", () => {
  test("refuse a recipient, and not the others", async () => {
    const { server, submitter } = await scripted({
      MAIL: "250",
      RCPT: (line) => (line.includes("c@") ? "550" : "250"),
      dot: "250",
    });
    const told: string[][] = [];
    const { recipients } = await send(submitter, many, octets, async (to) => void told.push(to));
    expect(recipients.map(({ state, code }) => [state, code])).toEqual([
      ["accepted", 250],
      ["rejected", 550],
      ["accepted", 250],
    ]);
    expect(told).toEqual([["b@example.org", "d@example.org"]]);
    expect(dots(server)).toBe(1);
  });

  test.each(["MAIL", "DATA", "dot"] as const)("refuse the message at %s", async (step) => {
    const { submitter } = await scripted({ [step]: "550" });
    const { recipients } = await send(submitter);
    expect(recipients).toMatchObject([{ state: "rejected", code: 550, text: "" }]);
  });
});

test("a reply whose lines say yes and no is none: after the dot nobody knows", async () => {
  const { submitter } = await scripted({ dot: "250-2.0.0 queued\r\n554 5.7.1 or not" });
  expect(states(await send(submitter))).toEqual(["uncertain"]);
});

test("replies that come octet by octet are whole ones", async () => {
  const { server } = await scripted({
    RCPT: (line) => (line.includes("c@") ? "550-5.1.1 no\r\n550 5.1.1 user" : "250"),
  });
  const port = await between(server.port, (client, from) => {
    client.pipe(from);
    let last = Promise.resolve();
    from.on("data", (chunk) => {
      for (const octet of chunk)
        last = last.then(
          () => new Promise((resolve) => void client.write(Buffer.of(octet), () => setImmediate(resolve))),
        );
    });
  });
  const submitter = using.open({ guard: localGuard }, login(port));
  for (let n = 0; n < 2; n += 1)
    expect(states(await submitter.submit(octets, many, plain))).toEqual(["accepted", "rejected", "accepted"]);
  await submitter.close();
  expect(server.connections()).toBe(1);
});

test("a server that reads no more in the middle of a message is given up, and holds only so much of it", async () => {
  const { server } = await scripted({});
  const port = await between(server.port, (client, from) => {
    from.pipe(client);
    let through = 0;
    client.on("data", (chunk) => {
      through += chunk.length;
      if (through > 100_000) client.pause();
      else from.write(chunk);
    });
  });
  const submitter = using.open({ guard: localGuard, deadlines: { ...smtpDeadlines, dataBlock: 200 } }, login(port));
  let asked = 0;
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (; asked < 2_000; asked += 1) yield Buffer.alloc(65_536, "x");
    } finally {
      ended = true;
    }
  }
  await expect(send(submitter, envelope, endless())).rejects.toMatchObject({
    code: "upstream-timeout",
    details: { upstream: { phase: "DATA" } },
  });
  expect([asked < 1_000, ended, dots(server)]).toEqual([true, true, 0]);
});

test("an address may have spaces and angle brackets in quotes (RFC 5321 §4.1.2), and none outside", async () => {
  const { server, submitter } = await scripted({});
  const to = ['"ann <b> c"@example.org', '"a\\"b> c"@example.org'];
  expect(states(await send(submitter, { from: '"x y"@example.org', to }, octets))).toEqual(["accepted", "accepted"]);
  expect(server.heard.filter((line) => /^(MAIL|RCPT)/.test(line))).toEqual([
    `MAIL FROM:<"x y"@example.org> SIZE=${mail.length}`,
    'RCPT TO:<"ann <b> c"@example.org>',
    'RCPT TO:<"a\\"b> c"@example.org>',
  ]);
  for (const email of ["a> <b@example.org", '"a"> "b"@example.org', "a\r\nDATA@example.org", '"a\rb"@example.org'])
    await expect(send(submitter, { ...envelope, to: [email] }, octets)).rejects.toMatchObject({ code: "internal" });
});

test("what a server says unasked is held up to a limit, what is read is not counted", async () => {
  const socket = new Socket();
  let drops = 0;
  const wire = createWire(socket, "mx", () => (drops += 1));
  const long = Buffer.from(`${`250-${"x".repeat(996)}\r\n`.repeat(50)}250 ok\r\n`);
  for (let n = 0; n < 60; n += 1) {
    socket.emit("data", long);
    expect((await wire.reply()).length).toBeGreaterThan(50_000);
  }
  for (let n = 0; n < 30; n += 1) socket.emit("data", long);
  expect([wire.lost(), drops]).toEqual([null, 0]);
  for (let n = 0; n < 30; n += 1) socket.emit("data", long);
  expect([wire.lost()?.code, drops]).toEqual(["upstream-protocol-error", 1]);
});

test("dots are stuffed wherever a message is cut", async () => {
  const { server, submitter } = await scripted({});
  const text = ".a\r\n..b\r\n.\r\n\r\n.c\r\n";
  for (let at = 0; at <= text.length; at += 1) {
    server.heard.splice(0);
    await send(submitter, envelope, octetsOf(text.slice(0, at), text.slice(at)));
    expect(server.heard).toContain("message:..a\r\n...b\r\n..\r\n\r\n..c\r\n");
  }
  expect(server.connections()).toBe(1);
});

/** A submitter with a session that has sent a message, and the socket that its server writes to. */
async function kept() {
  const { server } = await scripted({});
  const clients: Socket[] = [];
  const port = await between(server.port, (client, from) => {
    clients.push(client);
    client.pipe(from).pipe(client);
  });
  const submitter = using.open({ guard: localGuard }, login(port));
  await send(submitter);
  closing.push(() => void submitter.close());
  return { server, submitter, clients };
}

test.each([
  ["451 4.3.0 full", { recipients: [{ state: "deferred", code: 451 }] }],
  ["552 5.3.4 too big", { recipients: [{ state: "rejected", code: 552 }] }],
])("%s while the commit is written: no dot", async (say, outcome) => {
  const { server, submitter, clients } = await kept();
  const sending = send(submitter, envelope, octets, async () => {
    clients[0]?.write(`${say}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  expect(await sending).toMatchObject(outcome);
  // A dot would have been on its way for a while.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([dots(server), server.connections()]).toEqual([1, 1]);
});

test("a message that was begun on a kept session is never begun again by itself", async () => {
  const { server, submitter, clients } = await kept();
  let commits = 0;
  const sending = send(submitter, envelope, octets, async () => {
    commits += 1;
    clients[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  await expect(sending).rejects.toMatchObject({ code: "upstream-unreachable" });
  expect([commits, dots(server), server.connections()]).toEqual([1, 1, 1]);
});

test("a session that answers the dot with 421 is over, though the server leaves it open", async () => {
  const { server, submitter } = await scripted({ dot: (_, nth) => (nth === 0 ? "421 4.3.0 later" : "250 ok") });
  expect(states(await send(submitter))).toEqual(["deferred"]);
  expect(states(await send(submitter))).toEqual(["accepted"]);
  expect(server.connections()).toBe(2);
});

test("a kept session that has gone silent is opened again", async () => {
  const { server, submitter } = await scripted(
    { EHLO: "250-scripted\r\n250 AUTH PLAIN", MAIL: (_, nth) => (nth === 1 ? { end: "never" } : "250 ok") },
    { command: 100, recipient: 1 },
  );
  await send(submitter);
  expect(states(await send(submitter))).toEqual(["accepted"]);
  expect(server.connections()).toBe(2);
});

test("a server that grants DATA to a refused sender gets no other command as text", async () => {
  const { server, submitter } = await scripted(
    { MAIL: (_, nth) => (nth === 0 ? "550 5.7.1 not you" : "250 ok") },
    { command: 300 },
  );
  expect(states(await send(submitter, envelope, octets))).toEqual(["rejected"]);
  expect(states(await send(submitter, envelope, octets))).toEqual(["accepted"]);
  expect(server.octets()).not.toContain("RSET");
  expect(server.connections()).toBe(2);
});

test("the guard is passed for each connection: where it says no there is none", async () => {
  const { server } = await scripted({ MAIL: (_, nth) => (nth === 1 ? { end: "close" } : "250 ok") });
  let asked = 0;
  const guard: Guard = {
    ...localGuard,
    async admit(wanted) {
      asked += 1;
      if (asked > 1) throw new Failure("address-not-allowed", "Not there.");
      return localGuard.admit(wanted);
    },
  };
  const submitter = using.open({ guard }, login(server.port));
  await send(submitter);
  await expect(send(submitter)).rejects.toMatchObject({ code: "address-not-allowed" });
  expect([asked, server.connections(), dots(server)]).toEqual([2, 1, 1]);
});

test("a server that never ends a TLS handshake is given up in time", async () => {
  const { open } = await scripted({ greeting: { end: "never" } }, { connect: 100 });
  await expect(open({ security: "tls" }).limits()).rejects.toMatchObject({
    code: "upstream-timeout",
    details: { upstream: { phase: "connect" } },
  });
});
