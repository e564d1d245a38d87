import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { recipients } from "../servers/postfix-config.ts";
import { accountOn, type Answer, type Api, startApi, storeAccount } from "./start.ts";

type Submission = {
  id: string;
  state: string;
  messageId: string;
  recipients: { email: string; state: string; code: number | null; enhancedCode: string | null }[];
  attempts: number;
  nextAttemptAt: string | null;
};

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

const to = (...emails: string[]) => emails.map((email) => ({ name: "", email }));

function send(path: string, body: object, key: string, wait = 20): Promise<Answer<Submission>> {
  const headers = { "Idempotency-Key": key, ...(wait > 0 && { Prefer: `wait=${wait}` }) };
  return api.call<Submission>("POST", `${path}/submissions`, body, { headers });
}

/** What lies in the inbox, once there are `count` messages. */
async function inboxOf(path: string, count: number) {
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await api.call<{ data: { id: string; messageId: string; subject: string }[] }>(
      "GET",
      `${path}/messages`,
    );
    if (body.data.length >= count) return body.data;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the mail did not arrive");
}

async function twoAccounts(): Promise<{ from: string; inbox: string; sender: User; recipient: User }> {
  const [sender, recipient] = [stack.dovecot.user(), stack.dovecot.user()];
  const [from, inbox] = [
    await storeAccount(api, accountOn(stack, sender)),
    await storeAccount(api, accountOn(stack, recipient)),
  ];
  return { from, inbox, sender, recipient };
}

test("a message with everything goes by SMTPS and arrives as it was meant", async () => {
  const { from, inbox, recipient } = await twoAccounts();
  const bytes = Buffer.from("%PDF-1.7 \0\x01\xff not really", "latin1");
  const message = {
    to: [{ name: "Bénédicte, Prof.", email: recipient.username }],
    subject: "Grüße – 数字",
    text: "Hello\nthere",
    html: "<p>Hello <b>there</b></p>",
    attachments: [{ filename: "naïve.pdf", contentType: "application/pdf", content: bytes.toString("base64") }],
    headers: [{ name: "X-Ticket", value: "4711" }],
  };
  const { status, body } = await send(from, message, "everything");
  expect(status).toBe(200);
  expect(body).toMatchObject({ state: "sent", attempts: 1, recipients: [{ state: "accepted", code: 250 }] });
  const [arrived] = await inboxOf(inbox, 1);
  expect(arrived).toMatchObject({ messageId: body.messageId, subject: message.subject });
  const full = await api.call<{
    text: string;
    html: string;
    to: unknown[];
    from: unknown;
    attachments: { id: string; filename: string }[];
    headers: { name: string; value: string }[];
  }>("GET", `${inbox}/messages/${arrived?.id}`);
  expect(full.body).toMatchObject({
    to: message.to,
    from: { name: "Test User" },
    attachments: [{ filename: "naïve.pdf" }],
  });
  expect(full.body.text.trim()).toBe(message.text);
  expect(full.body.html.trim()).toBe(message.html);
  expect(full.body.headers).toContainEqual(message.headers[0]);
  const attachment = full.body.attachments[0]?.id;
  const got = await fetch(`${api.url}${inbox}/messages/${arrived?.id}/attachments/${attachment}`, {
    headers: { Authorization: `Bearer ${api.keys.appKey}` },
  });
  expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
});

test("each recipient has an outcome of its own: accepted, refused for now, refused for good", async () => {
  const { from, recipient } = await twoAccounts();
  const message = { to: to(recipient.username, recipients.deferred, recipients.rejected), subject: "three", text: "x" };
  const { status, body } = await send(from, message, "three", 2);
  expect(status).toBe(202);
  const { body: now } = await api.call<Submission>("GET", `${from}/submissions/${body.id}`);
  expect(now.state).toBe("queued");
  expect(now.nextAttemptAt).not.toBeNull();
  expect(now.recipients.map(({ state, code }) => [state, code])).toEqual([
    ["accepted", 250],
    ["deferred", 451],
    ["rejected", 550],
  ]);
});

test("refused by all for good is failed, and an answer of 200, not of 4xx", async () => {
  const { from } = await twoAccounts();
  const { status, body } = await send(from, { to: to(recipients.rejected), subject: "no", text: "x" }, "refused");
  expect([status, body.state, body.recipients[0]?.code]).toEqual([200, "failed", 550]);
});

test("the same key sends once, whatever comes in parallel or later; another body under it is refused", async () => {
  const { from, inbox, recipient } = await twoAccounts();
  const message = { to: to(recipient.username), subject: "once", text: "x" };
  const answers = await Promise.all(Array.from({ length: 30 }, () => send(from, message, "once", 0)));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true")).toHaveLength(29);
  const other = await send(from, { ...message, text: "y" }, "once", 0);
  expect([other.status, (other.body as unknown as { code: string }).code]).toEqual([422, "idempotency-key-reused"]);
  await send(from, { ...message, subject: "second" }, "twice");
  expect((await inboxOf(inbox, 2)).map(({ subject }) => subject).sort()).toEqual(["once", "second"]);
});

test.each([
  ["no key", {}, 400, "idempotency-key-missing"],
  ["an empty key", { "Idempotency-Key": "" }, 400, "idempotency-key-invalid"],
  ["a key with a space", { "Idempotency-Key": "a b" }, 400, "idempotency-key-invalid"],
])("%s is refused", async (_, headers, status, code) => {
  const { from } = await twoAccounts();
  const message = { to: to("a@postern.test"), subject: "x", text: "x" };
  const answer = await api.call("POST", `${from}/submissions`, message, { headers });
  expect([answer.status, answer.body["code"]]).toEqual([status, code]);
});

test("bad input is refused with a pointer, and not one octet reaches a mail server", async () => {
  const { from, recipient } = await twoAccounts();
  const good = { to: to(recipient.username), subject: "x", text: "x" };
  const cases: [string, object][] = [
    ["/to", { to: [] }],
    ["/to/0/email", { to: to("a@x\r\nRCPT TO:<evil@postern.test>") }],
    ["/to/0/email", { to: to("no-at-sign") }],
    ["/to/0/name", { to: [{ name: "a\r\nBcc: evil@postern.test", email: recipient.username }] }],
    ["/subject", { subject: "a\r\nBcc: evil@postern.test" }],
    ["/subject", { subject: "a\0b" }],
    ["/headers/0", { headers: [{ name: "Bcc", value: "evil@postern.test" }] }],
    ["/headers/0", { headers: [{ name: "X-A\r\nBcc", value: "x" }] }],
    ["/headers/0", { headers: [{ name: "X-A", value: "a\r\nBcc: evil@postern.test" }] }],
    ["/attachments/0/content", { attachments: [{ filename: "a", contentType: "a/b", content: "no base64!" }] }],
    ["/attachments/0/filename", { attachments: [{ filename: "a\r\nb", contentType: "a/b", content: "" }] }],
    ["/attachments/0/path", { attachments: [{ filename: "a", contentType: "a/b", content: "", path: "/etc/passwd" }] }],
    ["/sendAt", { sendAt: "2020-01-01T00:00:00Z" }],
    ["/surplus", { surplus: 1 }],
  ];
  const before = stack.postfix.log();
  for (const [pointer, change] of cases) {
    const answer = await send(from, { ...good, ...change }, `bad${pointer}${JSON.stringify(change).length}`, 0);
    const errors = (answer.body as unknown as { errors?: { pointer: string }[] }).errors;
    expect([answer.status, errors?.[0]?.pointer]).toEqual([422, pointer]);
  }
  const { body } = await api.call<{ data: unknown[] }>("GET", `${from}/submissions`);
  expect(body.data).toEqual([]);
  expect(stack.postfix.log()).toBe(before);
});

test("an account without an outgoing server says so", async () => {
  const path = await storeAccount(api, { ...accountOn(stack, stack.dovecot.user()), outgoing: undefined });
  const answer = await send(path, { to: to("a@postern.test"), subject: "x", text: "x" }, "none", 0);
  expect([answer.status, (answer.body as unknown as { code: string }).code]).toEqual([422, "no-outgoing"]);
});
