import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { recipients } from "../servers/postfix-config.ts";
import { type Meeting, startSmtpFront } from "../servers/smtp-front.ts";
import { type Api, startApi } from "./start.ts";
import {
  arrivedIn,
  cancel,
  correspondents,
  getSubmission,
  messagesOf,
  patch,
  refused,
  send,
  submitted,
  to,
  untilSubmission,
} from "./submissions.ts";
import { eventsOf } from "./watching.ts";
import { good } from "./webhooks.ts";

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

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
const year = 366 * 24 * 3600;

test("a message goes out at sendAt, and not before", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const sendAt = inSeconds(2);
  const message = { to: to(recipient.username), subject: "later", text: "x", sendAt };
  const scheduled = await submitted(api, from, message, { wait: 0 });
  expect(scheduled).toMatchObject({ state: "scheduled", sendAt, nextAttemptAt: sendAt, attempts: 0 });
  await sleep(1000);
  expect(await messagesOf(api, inbox)).toEqual([]);
  const sent = await untilSubmission(api, scheduled, ({ state }) => state === "sent");
  expect(Date.parse(sent.updatedAt)).toBeGreaterThanOrEqual(Date.parse(sendAt));
  expect(await arrivedIn(api, inbox)).toMatchObject({ messageId: sent.messageId });
});

test("undoSeconds leaves time to take it back", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const message = { to: to(recipient.username), subject: "oops", text: "x", undoSeconds: 2 };
  const before = Date.now();
  const [kept, undone] = [
    await submitted(api, from, message, { wait: 0 }),
    await submitted(api, from, message, { wait: 0 }),
  ];
  expect(kept.state).toBe("scheduled");
  expect(Date.parse(kept.sendAt ?? "")).toBeGreaterThanOrEqual(before + 2000);
  expect(Date.parse(kept.sendAt ?? "")).toBeLessThan(before + 4000);

  const canceled = await good(cancel(api, undone));
  expect(canceled).toMatchObject({
    id: undone.id,
    state: "canceled",
    nextAttemptAt: null,
    recipients: [{ state: "pending" }],
  });
  expect(await good(cancel(api, undone))).toEqual(canceled);
  expect(refused(await patch(api, undone, { sendAt: null }))).toEqual([409, "not-changeable"]);
  await untilSubmission(api, kept, ({ state }) => state === "sent");
  await sleep(500);
  expect((await arrivedIn(api, inbox)).messageId).toBe(kept.messageId);
  expect(refused(await cancel(api, kept))).toEqual([409, "not-cancelable"]);
  expect(refused(await patch(api, kept, { sendAt: inSeconds(60) }))).toEqual([409, "not-changeable"]);
  const types = (await eventsOf(api, from)).map(({ type }) => type).filter((type) => type.startsWith("submission."));
  expect(types).toEqual(["submission.canceled", "submission.sent"]);
});

test("what waits is put off, brought forward, and taken back while it is tried again", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const message = { to: to(recipient.username), subject: "x", text: "x", sendAt: inSeconds(3600) };
  const scheduled = await submitted(api, from, message, { wait: 0 });
  const lifetime = Date.parse(scheduled.deliverBefore) - Date.parse(scheduled.sendAt ?? "");
  const sendAt = inSeconds(7200);
  const putOff = await good(patch(api, scheduled, { sendAt }));
  expect(putOff).toMatchObject({ state: "scheduled", sendAt, nextAttemptAt: sendAt });
  expect(Date.parse(putOff.deliverBefore) - Date.parse(sendAt)).toBe(lifetime);
  const atOnce = await good(patch(api, putOff, { sendAt: null }));
  expect(["queued", "sending", "sent"]).toContain(atOnce.state);
  await arrivedIn(api, inbox);

  const deferred = await submitted(
    api,
    from,
    { ...message, to: to(recipients.deferred), sendAt: undefined },
    { wait: 0 },
  );
  await untilSubmission(api, deferred, ({ state, attempts }) => state === "queued" && attempts === 1);
  const delayed = await good(patch(api, deferred, { sendAt: inSeconds(3600) }));
  expect(delayed.attempts).toBe(1);
  const canceled = await good(cancel(api, deferred));
  expect(canceled).toMatchObject({ state: "canceled", recipients: [{ state: "deferred", code: 451 }] });
});

test("a change of what is being sent is refused, and loses nothing", async () => {
  const { smtps } = stack.postfix.ports;
  const front = await startSmtpFront({ server: { port: smtps }, certificate: stack.certificates.valid });
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const { from, inbox, recipient } = await correspondents(api, stack, { smtpPort: front.port });
  front.meet(async (moment): Promise<Meeting> => {
    if (moment !== "content") return "pass";
    reached.resolve();
    await held.promise;
    return "pass";
  });
  const sending = await submitted(api, from, { to: to(recipient.username), subject: "x", text: "x" }, { wait: 0 });
  await reached.promise;
  expect((await getSubmission(api, sending)).state).toBe("sending");
  expect(refused(await cancel(api, sending))).toEqual([409, "not-cancelable"]);
  for (const change of [{ sendAt: null }, { sendAt: inSeconds(60) }, { resolve: "sent" }, { resolve: "retry" }])
    expect(refused(await patch(api, sending, change))).toEqual([409, "not-changeable"]);
  held.resolve();
  await untilSubmission(api, sending, ({ state }) => state === "sent");
  await arrivedIn(api, inbox);
  await front.stop();
});

test("deleting races with sending, and one of them wins", async () => {
  const { from, inbox, recipient } = await correspondents(api, stack);
  const message = { to: to(recipient.username), subject: "x", text: "x" };
  const raced = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const submission = await submitted(api, from, message, { wait: 0 });
      await sleep(n);
      const { status } = await cancel(api, submission);
      return { submission, status };
    }),
  );
  expect(raced.every(({ status }) => status === 200 || status === 409)).toBe(true);
  const expected: string[] = [];
  for (const { submission, status } of raced) {
    const { state } = await untilSubmission(api, submission, ({ state }) => state === "sent" || state === "canceled");
    expect(state).toBe(status === 200 ? "canceled" : "sent");
    if (state === "sent") expected.push(submission.messageId);
  }
  await sleep(500);
  expect((await messagesOf(api, inbox)).map(({ messageId }) => messageId).sort()).toEqual(expected.sort());
});

test("until deliverBefore it is tried, then it failed", async () => {
  const { from } = await correspondents(api, stack);
  const message = { to: to(recipients.deferred), subject: "x", text: "x", deliverBefore: inSeconds(3) };
  const accepted = await submitted(api, from, message, { wait: 0 });
  const failed = await untilSubmission(api, accepted, ({ state }) => state === "failed", 50_000);
  expect(failed.warnings).toContain("expired");
  expect(failed).toMatchObject({ recipients: [{ state: "rejected" }] });
});

test.each([
  ["sendAt in the past", { sendAt: "2020-01-01T00:00:00Z" }, "/sendAt"],
  ["sendAt in more than a year", { sendAt: inSeconds(year + 3600) }, "/sendAt"],
  ["sendAt that is no time", { sendAt: "tomorrow" }, "/sendAt"],
  ["both times", { sendAt: inSeconds(60), undoSeconds: 10 }, "/undoSeconds"],
  ["no undoSeconds at all", { undoSeconds: 0 }, "/undoSeconds"],
  ["too many undoSeconds", { undoSeconds: 3601 }, "/undoSeconds"],
  ["deliverBefore before sendAt", { sendAt: inSeconds(60), deliverBefore: inSeconds(30) }, "/deliverBefore"],
  ["deliverBefore in more than 30 days", { deliverBefore: inSeconds(31 * 24 * 3600) }, "/deliverBefore"],
])("%s is refused", async (_, change, pointer) => {
  const { from } = await correspondents(api, stack);
  const answer = await send(api, from, { to: to("a@postern.test"), subject: "x", text: "x", ...change });
  expect([answer.status, (answer.body as unknown as { errors: { pointer: string }[] }).errors[0]?.pointer]).toEqual([
    422,
    pointer,
  ]);
});

test("what may be PATCHed is checked", async () => {
  const { from } = await correspondents(api, stack);
  const message = { to: to("a@postern.test"), subject: "x", text: "x", sendAt: inSeconds(3600) };
  const scheduled = await submitted(api, from, message, { wait: 0 });
  for (const bad of [
    {},
    { sendAt: "x" },
    { sendAt: inSeconds(-60) },
    { sendAt: inSeconds(year + 3600) },
    { resolve: "no" },
    { sendAt: null, resolve: "sent" },
  ])
    expect([bad, refused(await patch(api, scheduled, bad))]).toEqual([bad, [422, "validation-failed"]]);
  expect(refused(await patch(api, scheduled, { resolve: "sent" }))).toEqual([409, "not-changeable"]);
  expect(await getSubmission(api, scheduled)).toEqual(scheduled);
  const nobody = { accountId: scheduled.accountId, id: "sub_0c8jv4h2m9q6s1t7r3n5k8p0ba" };
  expect(refused(await patch(api, { ...scheduled, ...nobody }, { sendAt: null }))).toEqual([404, "not-found"]);
  expect(refused(await cancel(api, { ...scheduled, ...nobody }))).toEqual([404, "not-found"]);
});
