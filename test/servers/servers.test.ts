import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startDovecot } from "./dovecot.ts";
import { startImapWithout } from "./imap-without.ts";
import { type MailStack, startMailStack } from "./mail-stack.ts";
import type { User } from "./mailboxes.ts";
import { deliver, fillMaildir } from "./maildir.ts";
import { makeMessage } from "./messages.ts";
import { recipients, refusedSubject, smallLimit } from "./postfix-config.ts";

let stack: MailStack;

beforeAll(async () => {
  stack = await startMailStack();
}, 300_000);

afterAll(() => stack.stop());

async function imap(user: User, port = stack.dovecot.ports.imaps, secure = true): Promise<ImapFlow> {
  const { host, ca } = stack.dovecot;
  const client = new ImapFlow({
    host,
    port,
    secure,
    doSTARTTLS: !secure,
    tls: { ca },
    auth: { user: user.username, pass: user.password },
    logger: false,
  });
  await client.connect();
  return client;
}

function submitter(user: User, port: number, secure: boolean) {
  const { host, ca } = stack.dovecot;
  return createTransport({
    host,
    port,
    secure,
    requireTLS: !secure,
    tls: { ca },
    auth: { user: user.username, pass: user.password },
  });
}

/** What the last of the commands is answered. */
async function commands(port: number, lines: string[]): Promise<string | undefined> {
  const socket = connectTls({ host: stack.dovecot.host, port, ca: stack.dovecot.ca }).setEncoding("latin1");
  socket.write(lines.map((line, number) => `${number} ${line}\r\n`).join(""));
  const answer = new RegExp(`^${lines.length - 1} (.*)`, "m");
  let said = "";
  for await (const text of socket as AsyncIterable<string>) {
    said += text;
    if (answer.test(said)) break; // which destroys the socket
  }
  return answer.exec(said)?.[1];
}

async function inboxOf(user: User, expected: number): Promise<number> {
  const client = await imap(user);
  try {
    for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
      const status = await client.status("INBOX", { messages: true });
      const messages = (status && status.messages) || 0;
      if (messages >= expected || Date.now() > deadline) return messages;
    }
  } finally {
    await client.logout();
  }
}

describe("Dovecot", () => {
  test("lets users in over IMAPS and STARTTLS, each with a mailbox of their own", async () => {
    const user = stack.dovecot.user();
    const overTls = await imap(user);
    const overStartTls = await imap(user, stack.dovecot.ports.imap, false);
    expect(overStartTls.secureConnection).toBe(true);
    const roles = (await overStartTls.list()).map(({ specialUse }) => specialUse);
    expect(new Set(roles)).toEqual(new Set(["\\Archive", "\\Drafts", "\\Inbox", "\\Junk", "\\Sent", "\\Trash"]));
    expect(await overTls.status("INBOX", { messages: true })).toMatchObject({ messages: 0 });
    await Promise.all([overTls.logout(), overStartTls.logout()]);
  });

  test("greets over POP3S", async () => {
    const { host, ports, ca } = stack.dovecot;
    const socket = connectTls({ host, port: ports.pop3s, ca });
    const [greeting] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(greeting.toString()).toMatch(/^\+OK/);
  });

  test("refuses a wrong password at once, and follows a changed one", async () => {
    const user = stack.dovecot.userWithPassword("first");
    await (await imap(user)).logout();
    await stack.dovecot.setPassword(user.username, "second");
    const began = Date.now();
    await expect(imap(user)).rejects.toMatchObject({ authenticationFailed: true });
    await (await imap({ ...user, password: "second" })).logout();
    expect(Date.now() - began).toBeLessThan(1000);
  });

  test("sees what the filler wrote, in its order and with its flags", async () => {
    const user = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir(user), 2000);
    fillMaildir(stack.dovecot.maildir(user, "Clients/Acme"), 3, { seed: 2 });
    const client = await imap(user);
    expect(await client.status("Clients/Acme", { messages: true })).toMatchObject({ messages: 3 });
    await client.mailboxOpen("INBOX");
    const last = await client.fetchOne("*", { uid: true, envelope: true, flags: true, internalDate: true, size: true });
    const made = makeMessage(1999, "me@postern.test");
    expect(last).toMatchObject({
      uid: 2000,
      envelope: { subject: made.subject, messageId: made.messageId },
      internalDate: made.date,
    });
    expect(last && last.flags?.has("\\Seen")).toBe(made.flags.includes("S"));
    await client.messageFlagsAdd("1:*", ["\\Flagged"]); // renames each file, so each must be its user's
    await client.logout();
  });

  test("tells an idle session of a delivered message within two seconds", async () => {
    const user = stack.dovecot.user();
    const client = await imap(user);
    await client.mailboxOpen("INBOX");
    void client.idle();
    await sleep(100);
    const told = once(client, "exists", { signal: AbortSignal.timeout(2000) });
    deliver(stack.dovecot.maildir(user), "From: a@elsewhere.test\nSubject: hello\n\nhello\n");
    expect(await told).toMatchObject([{ count: 1, prevCount: 0 }]);
    await client.logout();
  });

  test.each(["expired", "wrongName", "selfSigned"] as const)(
    "can show a certificate that is %s",
    async (certificate) => {
      const dovecot = await startDovecot({ certificates: stack.certificates, certificate });
      const socket = connectTls({ host: dovecot.host, port: dovecot.ports.imaps, ca: dovecot.ca });
      const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
      const codes = {
        expired: "CERT_HAS_EXPIRED",
        wrongName: "ERR_TLS_CERT_ALTNAME_INVALID",
        selfSigned: "DEPTH_ZERO_SELF_SIGNED_CERT",
      };
      expect(error.code).toBe(codes[certificate]);
      await dovecot.stop();
    },
  );

  test("can be one with other folders, storage and limits", async () => {
    const options = {
      separator: ".",
      specialUse: false,
      storage: "mdbox",
      quota: "1M",
      capability: "IMAP4rev1 IDLE",
    } as const;
    const dovecot = await startDovecot({ ...options, certificates: stack.certificates });
    const client = await imap(dovecot.user(), dovecot.ports.imaps);
    expect([...client.capabilities.keys()]).toEqual(["IMAP4rev1", "IDLE"]);
    const folders = await client.list();
    expect(folders.map(({ path }) => path)).toContain("INBOX.Trash");
    expect(folders.some(({ specialUseSource }) => specialUseSource === "extension")).toBe(false);
    await expect(client.append("INBOX", Buffer.alloc(1_100_000, "Subject: x\r\n\r\n"))).rejects.toMatchObject({
      serverResponseCode: "OVERQUOTA",
    });
    await client.logout();
    await dovecot.stop();
  });

  test("keeps its mail over a crash and a restart", async () => {
    const dovecot = await startDovecot({ certificates: stack.certificates });
    const user = dovecot.user();
    fillMaildir(dovecot.maildir(user), 5);
    dovecot.kill("SIGKILL");
    await dovecot.restart();
    const client = await imap(user, dovecot.ports.imaps);
    expect(await client.status("INBOX", { messages: true })).toMatchObject({ messages: 5 });
    await client.logout();
    await dovecot.stop();
  });
});

describe("Dovecot without some extensions", () => {
  test("neither advertises nor obeys nor hints at them", async () => {
    const { certificates, dovecot } = stack;
    const server = { host: dovecot.host, port: dovecot.ports.imap };
    const without = await startImapWithout(["MOVE", "UIDPLUS", "IDLE", "X-GUID"], server, certificates.valid);
    const user = dovecot.user();
    const client = await imap(user, without.port);
    expect([...client.capabilities.keys()]).not.toContain("MOVE");
    expect([...client.capabilities.keys()]).toContain("CONDSTORE");
    const appended = await client.append("INBOX", `Subject: x\r\n\r\n${"A1 UID MOVE 1 Trash\r\n".repeat(10)}`);
    expect(appended).not.toHaveProperty("uid");
    await client.mailboxOpen("INBOX");
    const move = await commands(without.port, [
      `LOGIN ${user.username} ${user.password}`,
      "SELECT INBOX",
      "UID MOVE 1 Trash",
    ]);
    expect(move).toMatch(/^BAD /);
    expect(await client.messageMove("1", "Trash", { uid: true })).toBeTruthy(); // by COPY and EXPUNGE
    expect(await client.status("Trash", { messages: true })).toMatchObject({ messages: 1 });
    await client.logout();
    await without.stop();
  });
});

describe("Postfix", () => {
  const message = (from: User, to: string) => ({ from: from.username, to, subject: "hello", text: "hello" });

  test("takes mail over SMTPS and over submission, and Dovecot gets it", async () => {
    const [from, to] = [stack.dovecot.user(), stack.dovecot.user()];
    const { smtps, submission } = stack.postfix.ports;
    await submitter(from, smtps, true).sendMail(message(from, to.username));
    await submitter(from, submission, false).sendMail(message(from, to.username));
    expect(await inboxOf(to, 2)).toBe(2);
  });

  test("answers the special recipients as agreed", async () => {
    const from = stack.dovecot.user();
    const transport = submitter(from, stack.postfix.ports.smtps, true);
    const answer = (to: string) =>
      transport.sendMail(message(from, to)).then(
        () => 250,
        (error: { responseCode?: number }) => error.responseCode,
      );
    expect(await answer(recipients.deferred)).toBe(451);
    expect(await answer(recipients.deferred.replace("@", "-2@"))).toBe(451);
    expect(await answer(recipients.rejected)).toBe(550);
    expect(await answer(recipients.unknown)).toBe(550);
    expect(await answer(recipients.full)).toBe(552);
    expect(await answer(recipients.elsewhere)).toBe(550);
    expect(await answer(recipients.rejectedLate)).toBe(550);
    expect(await answer(recipients.deferredLate)).toBe(451);
    expect(await answer(recipients.bouncing)).toBe(250);
    expect(await inboxOf(from, 1)).toBe(1); // the bounce
  });

  test("refuses what is too large or has the wrong subject, and where told so announces nothing", async () => {
    const [from, to] = [stack.dovecot.user(), stack.dovecot.user()];
    const { smtps, small, plain } = stack.postfix.ports;
    const large = { ...message(from, to.username), text: "x".repeat(smallLimit) };
    const wrong = { ...message(from, to.username), subject: `please ${refusedSubject}` };
    const refusal = { responseCode: 552 };
    await expect(submitter(from, small, true).sendMail(large)).rejects.toMatchObject(refusal);
    await expect(submitter(from, plain, true).sendMail(large)).rejects.toMatchObject({ ...refusal, command: "DATA" });
    await expect(submitter(from, smtps, true).sendMail(wrong)).rejects.toMatchObject({ responseCode: 550 });
    await submitter(from, plain, true).sendMail(message(from, to.username));
    expect(await inboxOf(to, 1)).toBe(1);
  });

  test("listens on one address only", async () => {
    const socket = connect(stack.postfix.ports.smtp, "127.0.0.2"); // a server on 0.0.0.0 would answer here as well
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  test("takes nothing on its submission port without TLS", async () => {
    const { host, ports } = stack.postfix;
    const transport = createTransport({ host, port: ports.submission, ignoreTLS: true });
    await expect(
      transport.sendMail(message(stack.dovecot.user(), stack.dovecot.user().username)),
    ).rejects.toMatchObject({ responseCode: 554 });
  });
});
