import { afterAll, beforeAll, expect, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { type ImapWithout, startImapWithout } from "../../servers/imap-without.ts";
import { fillMaildir } from "../../servers/maildir.ts";
import { type MailStack, startMailStack } from "../../servers/mail-stack.ts";
import { target } from "./session-on-dovecot.ts";

let stack: MailStack;
let front: ImapWithout;

beforeAll(async () => {
  stack = await startMailStack();
  const { host, ports } = stack.dovecot;
  front = await startImapWithout([], { host, port: ports.imap }, stack.certificates.valid);
});
afterAll(async () => {
  await front.stop();
  await stack.stop();
});

test("previews of a page cost a few commands, and 2 kB of each message", async () => {
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 100);
  const mailbox = await openImap(target(user, front.port, { ca: stack.dovecot.ca }));
  try {
    const { messages } = await mailbox.list("INBOX", { limit: 100, after: null });
    const before = front.passed.length;
    expect((await mailbox.beginnings(messages, 2048)).every((one) => one !== null)).toBe(true);
    const passed = front.passed.slice(before);
    expect(passed.length).toBeLessThanOrEqual(4);
    expect(passed.filter((line) => !/^UID FETCH [\d:,]+ \(UID BODY\.PEEK\[[\d.]+\]<0\.2048>\)/.test(line))).toEqual([]);
    const headers = front.passed.length;
    await mailbox.headers(
      messages.map(({ place }) => place),
      65_536,
    );
    expect(front.passed.length - headers).toBe(1);
  } finally {
    await mailbox.close();
  }
});
