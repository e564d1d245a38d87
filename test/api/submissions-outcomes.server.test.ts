import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Scripted, startScripted } from "../protocols/smtp/scripted.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { recipients, refusedSubject, smallLimit } from "../servers/postfix-config.ts";
import { type SmtpFront, startSmtpFront } from "../servers/smtp-front.ts";
import { type Api, startApi, storeAccount } from "./start.ts";
import {
  arrivedIn,
  correspondents,
  getSubmission,
  inboxOf,
  outcomes,
  patch,
  type Problem,
  send,
  sendingBy,
  submitted,
  to,
  untilSubmission,
} from "./submissions.ts";
import { eventsOf, until } from "./watching.ts";
import { good } from "./webhooks.ts";

let stack: MailStack;
let api: Api;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  for (const stop of stops) await stop(); // first, for some of them never answer
  await api.stop();
  await stack.stop();
});

/** A server that talks as told, behind TLS. */
async function scripted(answers: Parameters<typeof startScripted>[0]): Promise<{ script: Scripted; front: SmtpFront }> {
  const script = await startScripted(answers);
  const front = await startSmtpFront({
    server: { port: script.port, tls: false },
    certificate: stack.certificates.valid,
  });
  stops.push(
    () => front.stop(),
    () => script.close(),
  );
  return { script, front };
}

/** An account that sends by such a server and is not verified. */
const accountAt = async ({ port }: SmtpFront): Promise<string> =>
  storeAccount(api, sendingBy(stack, stack.dovecot.user(), { smtpPort: port, account: { verify: false } }));

test("each recipient has an outcome of its own, and only who was deferred is tried again", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const message = { to: to(recipient.username, recipients.deferred, recipients.rejected), subject: "mixed", text: "x" };
  const accepted = await submitted(api, from, message, { wait: 0 });
  expect(accepted).toMatchObject({ state: "queued", attempts: 0, lastError: null });
  const queued = await untilSubmission(api, accepted, ({ attempts, state }) => attempts === 1 && state === "queued");
  expect(outcomes(queued)).toEqual({ user: "accepted 250", defer: "deferred 451", reject: "rejected 550" });
  expect(queued.recipients).toContainEqual(
    expect.objectContaining({
      email: recipients.deferred,
      enhancedCode: "4.7.1",
      text: expect.stringContaining("try again later"),
    }),
  );
  expect(Date.parse(queued.nextAttemptAt ?? "")).toBeGreaterThan(Date.now());

  await good(patch(api, queued, { sendAt: null }));
  const again = await untilSubmission(api, queued, ({ attempts, state }) => attempts === 2 && state === "queued");
  expect(outcomes(again)).toEqual(outcomes(queued));
  expect(await arrivedIn(api, inbox)).toMatchObject({ subject: "mixed", messageId: accepted.messageId });
  const types = (await eventsOf(api, from)).map(({ type }) => type).filter((type) => type.startsWith("submission."));
  expect(types).toEqual(["submission.deferred", "submission.deferred"]);
});

test("who is refused for good does not keep the others from theirs", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const everybody = to(recipient.username, recipients.rejected, recipients.unknown, recipients.full);
  const sent = await submitted(api, from, { to: everybody, subject: "some", text: "x" });
  expect(sent).toMatchObject({ state: "sent", attempts: 1, nextAttemptAt: null });
  expect(outcomes(sent)).toEqual({
    user: "accepted 250",
    reject: "rejected 550",
    unknown: "rejected 550",
    full: "rejected 552",
  });
  await arrivedIn(api, inbox);
  const failed = await submitted(api, from, { to: everybody.slice(1), subject: "none", text: "x" });
  expect(failed).toMatchObject({ state: "failed", attempts: 1 });
  const told = (await eventsOf(api, from)).filter(({ type }) => type.startsWith("submission."));
  expect(told.map(({ type, data }) => [type, data.id, data.state])).toEqual([
    ["submission.sent", sent.id, "sent"],
    ["submission.failed", failed.id, "failed"],
  ]);
});

test("what is refused after its final dot failed, or waits, for all of its recipients", async () => {
  const { from, recipient } = await correspondents(api, stack);
  const two = to(recipient.username, stack.dovecot.user().username);
  const content = await submitted(api, from, { to: two, subject: `about ${refusedSubject}`, text: "x" });
  expect(content.state).toBe("failed");
  expect(content.recipients.map(({ state, code, enhancedCode }) => [state, code, enhancedCode])).toEqual(
    two.map(() => ["rejected", 550, "5.7.1"]),
  );
  const late = await submitted(api, from, { to: to(recipients.rejectedLate), subject: "late", text: "x" });
  expect([late.state, outcomes(late)]).toEqual(["failed", { "late-reject": "rejected 550" }]);
  const later = await submitted(
    api,
    from,
    { to: to(recipients.deferredLate), subject: "later", text: "x" },
    { wait: 0 },
  );
  const deferred = await untilSubmission(api, later, ({ attempts, state }) => attempts === 1 && state === "queued");
  expect(outcomes(deferred)).toEqual({ "late-defer": "deferred 451" });
});

test("too large a message is refused at once where the server has told its limit, and fails with that code where not", async () => {
  const large = { subject: "large", text: "0123456789abcde\n".repeat(smallLimit / 16) };
  const told = await correspondents(api, stack, { smtpPort: stack.postfix.ports.small });
  const refusal = await send<Problem>(api, told.from, { ...large, to: to(told.recipient.username) });
  expect([refusal.status, refusal.body.code, refusal.body.limit]).toEqual([413, "message-too-large", smallLimit]);
  const small = { subject: "small", text: "x", to: to(told.recipient.username) };
  expect(await submitted(api, told.from, small)).toMatchObject({ state: "sent" });

  const untold = await correspondents(api, stack, { smtpPort: stack.postfix.ports.plain });
  const failed = await submitted(api, untold.from, { ...large, to: to(untold.recipient.username) });
  expect(failed).toMatchObject({ state: "failed", recipients: [{ state: "rejected", code: 552 }] });
  expect(await submitted(api, untold.from, { ...small, to: to(untold.recipient.username) })).toMatchObject({
    state: "sent",
  });

  // Nobody has asked this server yet: the message is accepted, and what EHLO says then settles it.
  const account = { ...sendingBy(stack, stack.dovecot.user(), { smtpPort: stack.postfix.ports.small }), verify: false };
  const unasked = await storeAccount(api, account);
  const late = await submitted(api, unasked, { ...large, to: to(told.recipient.username) });
  expect(late).toMatchObject({ state: "failed", attempts: 1, lastError: { code: "message-too-large" } });
});

test("a local part beyond ASCII goes where SMTPUTF8 is offered, and is refused where it is not", async () => {
  const offered = await correspondents(api, stack);
  const message = { to: to("müller@postern.test"), subject: "ü", text: "ü" };
  // Dovecot does not know such a user; that the server took it is what counts here.
  expect(outcomes(await submitted(api, offered.from, message))).toEqual({ müller: "accepted 250" });
  const plain = await correspondents(api, stack, { smtpPort: stack.postfix.ports.plain });
  const refusal = await send<Problem>(api, plain.from, message);
  expect([refusal.status, refusal.body.code]).toEqual([422, "unsupported-by-server"]);
  expect(refusal.body.errors?.[0]?.pointer).toBe("/to/0/email");
  // All else is sent in ASCII there.
  const ascii = { to: to(plain.recipient.username), subject: "ünïcode", text: "ü".repeat(600), html: "<p>ü</p>" };
  expect(await submitted(api, plain.from, ascii)).toMatchObject({ state: "sent" });
  expect(await arrivedIn(api, plain.inbox)).toMatchObject({ subject: "ünïcode" });
});

test.concurrent.each([
  ["goes away at DATA", "DATA", { end: "close" as const }],
  ["resets the line at RCPT", "RCPT", { end: "reset" as const }],
  ["says nothing anybody understands", "MAIL", "hello there"],
] as const)("a server that %s gets the message later, once", async (_, step, answer) => {
  let isBad = true;
  const usual = { DATA: "354 go ahead", RCPT: "250 2.1.5 ok", MAIL: "250 2.1.0 ok" };
  const { script, front } = await scripted({ [step]: () => (isBad ? answer : usual[step]) });
  const path = await accountAt(front);
  const accepted = await submitted(api, path, { to: to("bob@postern.test"), subject: "x", text: "x" }, { wait: 0 });
  const waiting = await untilSubmission(api, accepted, ({ attempts, state }) => attempts === 1 && state === "queued");
  expect(waiting).toMatchObject({ lastError: { code: expect.any(String) }, recipients: [{ state: "deferred" }] });
  isBad = false;
  await good(patch(api, waiting, { sendAt: null }));
  const sent = await untilSubmission(api, accepted, ({ state }) => state === "sent");
  expect([sent.warnings, sent.lastError, sent.attempts]).toEqual([[], null, 2]);
  expect(script.heard.filter((line) => line.startsWith("message:"))).toHaveLength(1);
});

test.concurrent.each([
  ["greeting", "421 4.3.2 too busy"],
  ["EHLO", "421 4.3.2 too busy"],
  ["MAIL", "421 4.7.0 too many messages"],
  ["RCPT", "421 4.7.0 too many messages"],
  ["DATA", "421 4.3.2 too busy"],
  ["dot", "421 4.3.2 too busy"],
] as const)("a server that says 421 (%s) is left alone for a while, and the message waits", async (step, answer) => {
  const { script, front } = await scripted({ [step]: answer });
  const path = await accountAt(front);
  const accepted = await submitted(api, path, { to: to("bob@postern.test"), subject: "x", text: "x" }, { wait: 0 });
  const waiting = await untilSubmission(api, accepted, ({ attempts, state }) => attempts === 1 && state === "queued");
  expect(waiting).toMatchObject({ state: "queued", recipients: [{ state: "deferred", code: 421 }] });
  const others = Array.from({ length: 5 }, () =>
    submitted(api, path, { to: to("bob@postern.test"), text: "y" }, { wait: 0 }),
  );
  await Promise.all(others);
  await sleep(1000);
  expect(script.connections()).toBeLessThanOrEqual(2);
});

test("a temporary refusal of the login defers the message; a wrong password stops the account's queue until it is changed", async () => {
  const { front } = await scripted({ AUTH: "454 4.7.0 Temporary authentication failure" });
  const message = { to: to("bob@postern.test"), subject: "x", text: "x" };
  const accepted = await submitted(api, await accountAt(front), message, { wait: 0 });
  const deferred = await untilSubmission(api, accepted, ({ attempts, state }) => attempts === 1 && state === "queued");
  expect(deferred).toMatchObject({ state: "queued", recipients: [{ state: "deferred" }] });
  expect(deferred.lastError).not.toBeNull();

  const user = stack.dovecot.userWithPassword("the-right-one-0123456789");
  const other = stack.dovecot.user();
  const wrong = sendingBy(
    stack,
    { ...user, password: "not-the-right-one" },
    { account: { verify: false, incoming: undefined } },
  );
  const path = await storeAccount(api, wrong);
  const mine = { ...message, to: to(other.username) };
  const [first, second] = [
    await submitted(api, path, { ...mine, subject: "first" }, { wait: 0 }),
    await submitted(api, path, { ...mine, subject: "second" }, { wait: 0 }),
  ];
  const status = () => good(api.call<{ state: string; lastError: { code: string } | null }>("GET", `${path}/status`));
  const tried = () => stack.postfix.log().split("authentication failed").length;
  const before = tried();
  await until(status, ({ lastError }) => lastError?.code === "account-authentication-failed");
  await sleep(1500);
  for (const one of [first, second])
    expect(await getSubmission(api, one)).toMatchObject({
      state: "queued",
      attempts: 0,
      recipients: [{ state: "pending" }],
    });
  expect(tried() - before).toBeLessThan(3);

  const auth = { type: "password", username: user.username, password: user.password };
  await good(api.call("PATCH", path, { outgoing: { auth } }));
  for (const one of [first, second])
    expect((await untilSubmission(api, one, ({ state }) => state === "sent")).attempts).toBe(1);
  const inbox = await storeAccount(api, sendingBy(stack, other, {}));
  expect((await inboxOf(api, inbox, 2)).map(({ subject }) => subject).sort()).toEqual(["first", "second"]);
});

test("an account whose server never answers slows no other", async () => {
  const { front } = await scripted({ MAIL: { end: "never" } });
  const silent = await accountAt(front);
  const message = { to: to("bob@postern.test"), subject: "x", text: "x" };
  for (let n = 0; n < 40; n += 1) await submitted(api, silent, message, { wait: 0 });
  const { from, recipient } = await correspondents(api, stack);
  const took: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    const start = Date.now();
    expect((await submitted(api, from, { ...message, to: to(recipient.username) })).state).toBe("sent");
    took.push(Date.now() - start);
  }
  expect(took.toSorted((a, b) => a - b)[10]).toBeLessThan(1000);
  expect(front.connections()).toBeLessThanOrEqual(3);
});

test("more recipients than the server takes at once get the message by several transactions", async () => {
  let inTransaction = 0;
  const { script, front } = await scripted({
    MAIL: () => {
      inTransaction = 0;
      return "250 2.1.0 ok";
    },
    RCPT: () => ((inTransaction += 1) <= 100 ? "250 2.1.5 ok" : "452 4.5.3 too many recipients"),
  });
  const path = await accountAt(front);
  const many = Array.from({ length: 1000 }, (_, n) => `user${n}@postern.test`);
  const sent = await submitted(api, path, { bcc: to(...many), subject: "to all", text: "x" });
  expect(sent).toMatchObject({ state: "sent", attempts: 1 });
  expect(sent.recipients.every(({ state }) => state === "accepted")).toBe(true);
  const named = script.heard.filter((line) => /^RCPT /i.test(line)).map((line) => /<(.*?)>/.exec(line)?.[1]);
  for (const email of many) expect(named).toContain(email);
  const messages = script.heard.filter((line) => line.startsWith("message:"));
  expect(messages).toHaveLength(10);
  expect(new Set(messages).size).toBe(1);
  const tooMany = await send<Problem>(api, path, { bcc: to(...many, "one@more.test"), subject: "x", text: "x" });
  expect([tooMany.status, tooMany.body.code]).toEqual([422, "validation-failed"]);
});
