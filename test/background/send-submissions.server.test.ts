import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { freshUser, type User } from "../servers/mailboxes.ts";
import { recipients } from "../servers/postfix-config.ts";
import { openOutbox, type Outbox } from "./outbox.ts";
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

describe.each(["smtps", "submission"] as const)("over %s", (side) => {
  test.each([100, 25_000])("what was accepted arrives once, byte for byte: %i lines", async (lines) => {
    const bob = freshUser();
    const account = await accountOf(freshUser(), side);
    const body = "0123456789abcdef0123456789\r\n..\r\n".repeat(lines);
    const id = await outbox.accept(account, { to: [bob.username], body });
    await outbox.flush();
    const row = await outbox.row(account, id);
    expect(row).toMatchObject({ state: "sent", recipients: [{ state: "accepted", code: 250 }], blobId: null });
    await outbox.flush();
    const [mail, ...more] = await inbox(stack, bob, 1);
    expect(more).toEqual([]);
    expect(mail).toContain(`Message-ID: ${row.messageId}`);
    expect(mail?.slice(mail.indexOf("\r\nFrom:") + 2).length).toBe(row.size);
    expect(mail?.endsWith(`\r\n\r\n${body}`)).toBe(true);
  });

  test("a hundred messages of one account arrive, each once", async () => {
    const bob = freshUser();
    const account = await accountOf(freshUser(), side);
    const ids = [];
    for (let n = 0; n < 100; n += 1) ids.push(await outbox.accept(account, { to: [bob.username], body: `n${n};\r\n` }));
    await outbox.flush();
    for (const id of ids) expect((await outbox.row(account, id)).state).toBe("sent");
    const mails = await inbox(stack, bob, 100);
    expect(new Set(mails.map((mail) => /n\d+;/.exec(mail)?.[0])).size).toBe(100);
    expect(mails).toHaveLength(100);
  });

  test("each recipient has its own end, and only what is left is tried again", async () => {
    const bob = freshUser();
    const account = await accountOf(freshUser(), side);
    const id = await outbox.accept(account, {
      to: [bob.username, recipients.deferred, recipients.rejected, recipients.full],
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
    expect(await told()).toEqual({ state: "sent", attempts: 2, recipients: expected });
    expect(await inbox(stack, bob, 1)).toHaveLength(1);
  });

  test("all refused is failed; a wrong password keeps the message", async () => {
    const alice = freshUser();
    const account = await accountOf(alice, side);
    const id = await outbox.accept(account, { to: [recipients.rejected, recipients.unknown] });
    await outbox.flush();
    expect(await outbox.row(account, id)).toMatchObject({
      state: "failed",
      recipients: [{ state: "rejected" }, { state: "rejected" }],
    });
    const wrong = await accountOf(alice, side, "wrong");
    const kept = await outbox.accept(wrong, { to: [alice.username] });
    await outbox.flush();
    expect(await outbox.row(wrong, kept)).toMatchObject({ state: "queued", attempts: 0 });
    expect((await outbox.store().accounts.byId(wrong.id))?.lastError?.code).toBe("account-authentication-failed");
  });
});
