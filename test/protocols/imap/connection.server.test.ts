import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { deliver } from "../../servers/maildir.ts";
import type { User } from "../../servers/mailboxes.ts";
import { startProxy } from "../../servers/proxy.ts";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { imapPlace, newest } from "../mailbox-bench.ts";
import { collect } from "../failure-of.ts";
import { failureOf, openOn, target } from "./session-on-dovecot.ts";

let dovecot: Dovecot;
const cleanUps: (() => Promise<void>)[] = [];

beforeAll(async () => {
  dovecot = await startDovecot();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => dovecot.stop());

async function open(user: User, port?: number): Promise<Mailbox<ImapPlace>> {
  const mailbox = await openOn(dovecot, user, port);
  cleanUps.push(() => mailbox.close());
  return mailbox;
}

test("logs in over STARTTLS, and without TLS where told to", async () => {
  for (const security of ["starttls", "none"] as const) {
    const mailbox = await openImap(target(dovecot.user(), dovecot.ports.imap, { ca: dovecot.ca, security }));
    expect((await mailbox.status("INBOX")).messages).toBe(0);
    await mailbox.close();
  }
});

test("refuses certificates that don't verify, on TLS and STARTTLS", async () => {
  const ports = { tls: dovecot.ports.imaps, starttls: dovecot.ports.imap };
  for (const security of ["tls", "starttls"] as const) {
    const wrongName = target(dovecot.user(), ports[security], {
      ca: dovecot.ca,
      security,
      servername: "mail.elsewhere.test",
    });
    expect((await failureOf(openImap(wrongName))).code).toBe("tls-verification-failed");
    const unknown = target(dovecot.user(), ports[security], { security });
    expect((await failureOf(openImap(unknown))).code).toBe("tls-verification-failed");
  }
});

test("tells a wrong password from an unreachable server", async () => {
  const user = { ...dovecot.user(), password: "not-it" };
  const failure = await failureOf(openOn(dovecot, user));
  expect(failure.code).toBe("account-authentication-failed");
  expect(JSON.stringify(failure)).not.toContain("not-it");
});

test("aborts a download whose connection breaks", async () => {
  const user = dovecot.user();
  await (await open(user)).close();
  deliver(dovecot.maildir(user), `Subject: big\n\n${"0123456789abcde\n".repeat(300_000)}`);
  const proxy = await startProxy({
    port: dovecot.ports.imaps,
    faults: () => ({ cutAfter: { direction: "toClient", bytes: 2_000_000, how: "reset" } }),
  });
  cleanUps.push(() => proxy.stop());
  const mailbox = await open(user, proxy.port);
  const { stream } = await mailbox.openRaw(imapPlace((await newest(mailbox)).place));
  expect((await failureOf(collect(stream))).code).toBe("upstream-unreachable");
  expect(mailbox.dead).toBe(true);
});

test("a server that goes away ends the session", async () => {
  const user = dovecot.user();
  const proxy = await startProxy({ port: dovecot.ports.imaps });
  cleanUps.push(() => proxy.stop());
  const mailbox = await open(user, proxy.port);
  proxy.connections[0]?.reset();
  await expect.poll(() => mailbox.dead).toBe(true);
  expect((await failureOf(mailbox.status("INBOX"))).code).toBe("upstream-unreachable");
});
