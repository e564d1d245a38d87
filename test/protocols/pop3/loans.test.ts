import { afterEach, expect, onTestFinished, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import { type Clock, systemClock } from "../../../src/observe.ts";
import { lending } from "../../../src/operations/lent-stream.ts";
import { reading, writing } from "../../../src/operations/with-mailbox.ts";
import type { Dial } from "../../../src/net/connection.ts";
import { dialNode } from "../../../src/protocols/pop3/dial-node.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { createMailboxes } from "../../../src/sessions/lend-mailbox.ts";
import type { AccountRow } from "../../../src/store/rows.ts";
import { accountRow } from "../../store/rows.ts";
import { failureOf } from "../failure-of.ts";
import { keptInMemory } from "./kept-maildrop.ts";
import { makeMessages, placeOf } from "./maildrop-bench.ts";
import { type Dialog, hurried, type Scripted, startScripted, target } from "./scripted-pop3.ts";

const servers: Scripted[] = [];
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.stop()))));

const staying = new AbortController().signal;
const place = placeOf("large");
const header = "Subject: large\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ntext\r\n--x\r\n";
const large = `${header}Content-Type: a/b\r\n\r\n${`${"0123456789".repeat(7)}\r\n`.repeat(300_000)}--x--\r\n`;

type How = { clock?: Clock; dial?: Dial };

/** The loans of one account on a scripted server. */
async function setup(dialog: Dialog, { clock = systemClock, dial = dialNode }: How = {}) {
  const messages = [...makeMessages(1), { uid: "large", raw: large }];
  const server = await startScripted({ messages, ...dialog });
  servers.push(server);
  const account: AccountRow = {
    ...accountRow(),
    incoming: {
      protocol: "pop3",
      host: "localhost",
      port: server.port,
      security: "none",
      tls: { ca: null, servername: null },
      auth: { type: "password", username: "someone" },
    },
    sealedIncomingPassword: "sealed",
  };
  const log = { write() {} };
  const mailboxes = createMailboxes({
    open: () => openMaildrop({ ...target(server.port, {}, clock, dial), kept: keptInMemory(), log }),
    forget() {},
    accounts: { setState: async () => true, setCapabilities: async () => {} },
    wake: { wake() {} },
    clock,
    log,
  });
  onTestFinished(() => mailboxes.close());
  const needs = { mailboxes, clock };
  const download = (signal = staying) =>
    lending(
      needs,
      account,
      async (mailbox: Mailbox) => ({ about: {}, content: (await mailbox.openAttachment(place, "2")).stream }),
      signal,
    );
  const status = () => reading(needs, account, (mailbox) => mailbox.status("INBOX"), staying);
  return { server, account, needs, download, status };
}

/** Gives all of the message, some of it, or nothing. */
const retr = (octets: string, after: "silence" | "reset" = "silence"): Dialog => ({
  answers: { RETR: { say: `+OK\r\n${octets}`, after } },
});

test("an attachment is one RETR, of which no more is read than its reader takes", async () => {
  let read = 0;
  const dial: Dial = async (...asked) => {
    const connection = await dialNode(...asked);
    return Object.defineProperties(
      {
        ...connection,
        async read() {
          const octets = await connection.read();
          read += octets?.length ?? 0;
          return octets;
        },
      },
      { unread: { get: () => connection.unread }, lost: { get: () => connection.lost } },
    );
  };
  const { server, download } = await setup({}, { dial });
  const { stream } = await download();
  await stream?.next();
  await systemClock.sleep(200);
  expect(read).toBeLessThan(1024 * 1024);
  let octets = 0;
  for await (const chunk of stream ?? []) octets += chunk.length;
  expect(octets).toBeGreaterThan(20_000_000);
  expect(server.heard.filter((line) => line.startsWith("RETR"))).toEqual(["RETR 2"]);
});

test("a download that nobody reads gives the maildrop back after 110 seconds, and then fails", async () => {
  const clock = hurried(20);
  const { server, download, status } = await setup({}, { clock });
  const { stream } = await download();
  await stream?.next();
  const startedAt = performance.now();
  clock.hurry();
  await server.ended();
  expect(performance.now() - startedAt).toBeGreaterThan(1_000);
  expect((await status()).messages).toBe(2);
  const failure = await failureOf(Promise.resolve(stream?.next()));
  expect(failure).toMatchObject({ code: "request-timeout", message: expect.stringContaining("110 seconds") });
});

test.each(["drop", "reset"] as const)(
  "a line that goes while nobody reads gives the maildrop back, and the download fails: %s",
  async (how) => {
    const { server, download, status } = await setup(retr(large.slice(0, 10_000)));
    const { stream } = await download();
    expect((await stream?.next())?.done).toBe(false);
    if (how === "drop") server.drop();
    else server.reset();
    const startedAt = performance.now();
    expect((await status()).messages).toBe(2);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    const failed = async () => {
      for (;;) if ((await stream?.next())?.done === true) return;
    };
    expect((await failureOf(failed())).code).toBe("upstream-unreachable");
  },
);

test("a caller who leaves in the middle of a read gives the maildrop back at once", async () => {
  const { server, account, needs, status } = await setup(retr(large.slice(0, 10_000)));
  const left = new AbortController();
  const asked = reading(needs, account, (mailbox) => mailbox.get(place, { bodies: true }), left.signal);
  await expect.poll(() => server.heard.at(-1)).toMatch(/^RETR/);
  const startedAt = performance.now();
  left.abort();
  expect((await failureOf(asked)).code).toBe("request-timeout");
  await server.ended();
  expect((await status()).messages).toBe(2);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("a caller who leaves while he waits for the maildrop begins nothing", async () => {
  const { server, account, needs, download, status } = await setup({});
  const { stream } = await download();
  const left = new AbortController();
  const change = { flags: { seen: true }, keywords: { add: [], remove: [] } };
  const seen: string[] = [];
  const waiting = [
    reading(needs, account, async () => void seen.push("read"), left.signal),
    writing(needs, account, (mailbox) => (seen.push("written"), mailbox.setFlags([place], change)), left.signal),
    download(left.signal),
  ].map((asked) => failureOf(asked));
  left.abort();
  for (const failure of await Promise.all(waiting)) expect(failure.code).toBe("request-timeout");
  const connections = server.connections();
  await stream?.return?.();
  expect((await status()).messages).toBe(2);
  expect([seen, server.connections() - connections]).toEqual([[], 1]);
});

test("a write that was begun is done, though its caller leaves", async () => {
  const { server, account, needs } = await setup({ answers: { DELE: () => "+OK\r\n" } });
  const left = new AbortController();
  const asked = writing(needs, account, (mailbox) => mailbox.remove([place]), left.signal);
  await expect.poll(() => server.heard.some((line) => line === "STAT" || line === "UIDL")).toBe(true);
  left.abort();
  expect(await asked).toEqual({ missing: [] });
  expect(server.heard.slice(-2)).toEqual(["DELE 2", "QUIT"]);
});
