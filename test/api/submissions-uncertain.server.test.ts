import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { recipients } from "../servers/postfix-config.ts";
import { type Moment, type SmtpFront, startSmtpFront } from "../servers/smtp-front.ts";
import { type Api, startApi } from "./start.ts";
import {
  cancel,
  type Correspondents,
  correspondents,
  inboxOf,
  longText,
  messagesOf,
  outcomes,
  patch,
  refused,
  submitted,
  to,
  untilSubmission,
} from "./submissions.ts";
import { eventsOf } from "./watching.ts";
import { good } from "./webhooks.ts";

let stack: MailStack;
let api: Api;
let front: SmtpFront;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
  front = await startSmtpFront({
    server: { port: stack.postfix.ports.smtps },
    certificate: stack.certificates.valid,
  });
});
afterAll(async () => {
  await api.stop();
  await front.stop();
  await stack.stop();
});

const people = (account: object = {}): Promise<Correspondents> =>
  correspondents(api, stack, { smtpPort: front.port, account });

/** The line is lost at this moment of the next message, and of no other. */
function loseOnce(at: Moment): void {
  let isOver = false;
  front.meet((moment) => {
    if (moment !== at || isOver) return "pass";
    isOver = true;
    return "cut";
  });
}

const submissionTypes = async (path: string): Promise<string[]> =>
  (await eventsOf(api, path)).map(({ type }) => type).filter((type) => type.startsWith("submission."));

const message = (...emails: string[]) => ({ to: to(...emails), subject: "perhaps", text: "x" });

test.each([
  ["before the server has the dot", "dot" as const, 0],
  ["before its answer has come", "answer" as const, 1],
])(
  "a line that is lost after the dot, %s, leaves it uncertain, and nothing is sent again",
  async (_, moment, arrivals) => {
    const { from, inbox, recipient } = await people();
    loseOnce(moment);
    const uncertain = await submitted(api, from, message(recipient.username), { wait: 0 });
    const held = await untilSubmission(api, uncertain, ({ state }) => state === "uncertain");
    expect(held).toMatchObject({ attempts: 1, nextAttemptAt: null, recipients: [{ state: "uncertain", code: null }] });
    await sleep(1000);
    expect(await messagesOf(api, inbox)).toHaveLength(arrivals);
    expect(await submissionTypes(from)).toEqual(["submission.uncertain"]);
    expect(refused(await patch(api, held, { sendAt: null }))).toEqual([409, "not-changeable"]);
    expect(refused(await cancel(api, held))).toEqual([409, "not-cancelable"]);

    const resolve = arrivals === 0 ? "retry" : "sent";
    const resolved = await good(patch(api, held, { resolve }));
    expect(resolved.id).toBe(held.id);
    const sent = await untilSubmission(api, held, ({ state }) => state === "sent");
    expect(sent.warnings).toEqual(resolve === "retry" ? ["possible-duplicate"] : []);
    await sleep(500);
    expect((await inboxOf(api, inbox, 1)).map(({ messageId }) => messageId)).toEqual([held.messageId]);
    const again = resolve === "retry" ? ["submission.deferred"] : [];
    expect(await submissionTypes(from)).toEqual(["submission.uncertain", ...again, "submission.sent"]);
    expect(refused(await patch(api, held, { resolve }))).toEqual([409, "not-changeable"]);
  },
);

test("where the account wants it so, what is uncertain is sent again and says that it may come twice", async () => {
  const { from, inbox, recipient } = await people({ onUncertain: "retry" });
  loseOnce("answer");
  const accepted = await submitted(api, from, message(recipient.username), { wait: 0 });
  const again = await untilSubmission(api, accepted, ({ state, attempts }) => state === "queued" && attempts === 1);
  expect(again).toMatchObject({ warnings: ["possible-duplicate"], recipients: [{ state: "deferred" }] });
  await good(patch(api, again, { sendAt: null })); // it would be a minute
  const sent = await untilSubmission(api, accepted, ({ state }) => state === "sent");
  expect(sent.warnings).toEqual(["possible-duplicate"]);
  expect((await inboxOf(api, inbox, 2)).map(({ messageId }) => messageId)).toEqual([sent.messageId, sent.messageId]);
});

test("a line that is lost before the dot is no reason to doubt", async () => {
  const { from, inbox, recipient } = await people();
  loseOnce("content");
  const long = { ...message(recipient.username), text: longText };
  const accepted = await submitted(api, from, long, { wait: 0 });
  const waiting = await untilSubmission(api, accepted, ({ state, attempts }) => state !== "sending" && attempts === 1);
  expect(waiting).toMatchObject({ state: "queued", recipients: [{ state: "deferred", code: null }] });
  expect(waiting.lastError).not.toBeNull();
  await good(patch(api, waiting, { sendAt: null }));
  await untilSubmission(api, accepted, ({ state }) => state === "sent");
  expect(await inboxOf(api, inbox, 1)).toHaveLength(1);
});

test("doubt is of those who were in that transaction, and the others have their own outcome", async () => {
  const { from, recipient } = await people();
  loseOnce("answer");
  const three = message(recipient.username, recipients.rejected, recipients.deferred);
  const accepted = await submitted(api, from, three, { wait: 0 });
  const waiting = await untilSubmission(api, accepted, ({ state, attempts }) => state !== "sending" && attempts === 1);
  expect(waiting.state).toBe("queued"); // somebody is still to be tried
  expect(outcomes(waiting)).toEqual({ user: "uncertain null", reject: "rejected 550", defer: "deferred 451" });
});
