import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { freshUser, type User } from "../servers/mailboxes.ts";
import { recipients } from "../servers/postfix-config.ts";
import { hello, openOutbox, type Outbox } from "./outbox.ts";
import { inbox } from "./inbox.ts";

let stack: MailStack;
let outbox: Outbox;
beforeAll(async () => {
  stack = await startMailStack();
}, 300_000);
afterAll(() => stack.stop());
beforeEach(async () => {
  outbox = await openOutbox();
});
afterEach(() => outbox.close());

async function accountOf(user: User, side: "smtps" | "submission", password = user.password) {
  const account = await outbox.account({
    port: stack.postfix.ports[side],
    security: side === "smtps" ? "tls" : "starttls",
    auth: { type: "password", username: user.username },
    tls: { ca: stack.certificates.ca, servername: "mail.postern.test" },
  });
  const row = { ...account, email: user.username, sealedOutgoingPassword: outbox.sealed(account, password) };
  await outbox.store().accounts.update(row, account.version);
  return row;
}

const to = (...emails: string[]) => emails.map((email) => ({ name: "", email }));

describe.each(["smtps", "submission"] as const)("over %s", (side) => {
  test("what was accepted arrives once, byte for byte as it was built", async () => {
    const alice = freshUser();
    const bob = freshUser();
    const account = await accountOf(alice, side);
    const content = Buffer.alloc(700_000, "0123456789abcdef\n");
    const id = await outbox.accept(account, {
      to: to(bob.username),
      subject: "Grüße",
      attachments: [
        { filename: "a.bin", contentType: "application/octet-stream", content: content.toString("base64") },
      ],
    });
    await outbox.flush();
    const row = await outbox.row(account, id);
    expect(row).toMatchObject({ state: "sent", recipients: [{ state: "accepted", code: 250 }], blobId: null });
    await outbox.flush();
    const [mail, ...more] = await inbox(stack, bob, 1);
    expect(more).toEqual([]);
    expect(mail).toContain(`Message-ID: ${row.messageId}`);
    expect(mail?.slice(mail.indexOf("\r\nFrom:") + 2).length).toBe(row.size);
    const encoded =
      mail
        ?.split(/\r\n\r\n/)
        .at(-1)
        ?.split("\r\n--")[0] ?? "";
    expect(Buffer.from(encoded, "base64").equals(content)).toBe(true);
  });

  test("each recipient has its own end, and only what is left is tried again", async () => {
    const bob = freshUser();
    const account = await accountOf(freshUser(), side);
    const id = await outbox.accept(account, {
      to: to(bob.username),
      cc: to(recipients.deferred, recipients.rejected),
      bcc: to(recipients.full),
    });
    await outbox.flush();
    const told = async () => {
      const { state, attempts, recipients } = await outbox.row(account, id);
      return { state, attempts, recipients: recipients.map(({ state, code }) => [state, code]) };
    };
    const expected = [
      ["accepted", 250],
      ["deferred", 451],
      ["rejected", 550],
      ["rejected", 552],
    ];
    expect(await told()).toEqual({ state: "queued", attempts: 1, recipients: expected });
    await outbox.clock.advance(60_000);
    await outbox.flush();
    expect(await told()).toEqual({ state: "queued", attempts: 2, recipients: expected });
    await outbox.clock.advance(3 * 86_400_000);
    await outbox.flush();
    expected[1] = ["rejected", 451];
    expect(await told()).toEqual({ state: "sent", attempts: 3, recipients: expected });
    expect(await inbox(stack, bob, 1)).toHaveLength(1);
  });

  test("all refused is failed; a wrong password keeps the message", async () => {
    const alice = freshUser();
    const account = await accountOf(alice, side);
    const id = await outbox.accept(account, { to: to(recipients.rejected, recipients.unknown) });
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({
      state: "failed",
      recipients: [{ state: "rejected" }, { state: "rejected" }],
    });
    const wrong = await accountOf(alice, side, "wrong");
    const kept = await outbox.accept(wrong, { to: to(alice.username) });
    await outbox.flush();
    expect(await outbox.row(wrong, kept)).toMatchObject({ state: "queued", recipients: [{ code: 535 }] });
    expect(JSON.stringify(outbox.logged)).not.toContain(hello.text);
  });
});
