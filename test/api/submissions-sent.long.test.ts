import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";
import { messagesOf, submitted, to, untilSubmission } from "./submissions.ts";
import { until } from "./watching.ts";

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

test("a copy that can't be filed does not send again, and goes in when it can", async () => {
  const other = await startMailStack();
  const user = other.dovecot.user();
  const account = accountOn(other, user);
  const recipient = stack.dovecot.user();
  const inbox = await storeAccount(api, accountOn(stack, recipient));
  const outgoing = accountOn(stack, stack.dovecot.user()).outgoing;
  const from = await storeAccount(api, { ...account, outgoing });
  await other.dovecot.killAll();
  const sent = await submitted(api, from, { to: to(recipient.username), subject: "x", text: "x" });
  expect(sent).toMatchObject({ state: "sent", sentCopy: "pending", warnings: [] });
  await sleep(3_000);
  await other.dovecot.restart();
  const filed = await untilSubmission(api, sent, ({ sentCopy }) => sentCopy !== "pending", 110_000);
  expect([filed.sentCopy, filed.warnings, filed.attempts]).toEqual(["stored", [], 1]);
  const copies = await until(
    () => messagesOf(api, from, "&folder=sent"),
    (all) => all.length > 0,
  );
  expect(copies.map(({ messageId }) => messageId)).toEqual([sent.messageId]);
  expect(await messagesOf(api, inbox)).toHaveLength(1);
  await other.stop();
});
