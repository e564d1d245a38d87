import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Api, maildropOn, startApi, storeAccount } from "./start.ts";
import { correspondents, messagesOf, rawOf, arrivedIn, submitted, to, untilSubmission } from "./submissions.ts";
import { eventsOf, untilLooked } from "./watching.ts";

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 400, maildrop: 400 } });
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

test.each(["auto", "always"])(
  "a copy is put into the sent folder once, seen, and not told as new (%s)",
  async (saveToSent) => {
    const { from, inbox, recipient } = await correspondents(api, stack, { account: { saveToSent } });
    await untilLooked(api, from);
    const message = { to: to(recipient.username), bcc: to(stack.dovecot.user().username), subject: "kept", text: "x" };
    const sent = await submitted(api, from, message);
    expect(sent).toMatchObject({ state: "sent", saveToSent });
    const filed = await untilSubmission(api, sent, ({ sentCopy }) => sentCopy !== "pending");
    expect([filed.sentCopy, filed.warnings]).toEqual(["stored", []]);
    const copies = await messagesOf(api, from, "&folder=sent");
    expect(copies.map(({ messageId, flags }) => [messageId, flags["seen"]])).toEqual([[sent.messageId, true]]);
    const [copy] = copies;
    const arrived = await arrivedIn(api, inbox);
    const body = (raw: Buffer): string => raw.toString("latin1").split("\r\n\r\n").slice(1).join("\r\n\r\n");
    expect(copy && body(await rawOf(api, from, copy)).trim()).toBe(body(await rawOf(api, inbox, arrived)).trim());

    await untilLooked(api, from);
    await untilLooked(api, from);
    const created = (await eventsOf(api, from)).filter(
      ({ type, data }) => type === "message.created" && data.actor !== "api",
    );
    expect(created).toEqual([]);
  },
);

test("no copy where none is wanted, where the message says so, and where there is no IMAP", async () => {
  const never = await correspondents(api, stack, { account: { saveToSent: "never" } });
  const message = { to: to(never.recipient.username), subject: "x", text: "x" };
  expect(await submitted(api, never.from, message)).toMatchObject({
    state: "sent",
    saveToSent: "never",
    sentCopy: null,
  });
  const asked = await correspondents(api, stack);
  expect(await submitted(api, asked.from, { ...message, saveToSent: "never" })).toMatchObject({
    state: "sent",
    sentCopy: null,
  });
  const other = await submitted(api, never.from, { ...message, saveToSent: "always" });
  expect((await untilSubmission(api, other, ({ sentCopy }) => sentCopy !== "pending")).sentCopy).toBe("stored");
  const drop = await storeAccount(api, maildropOn(stack, stack.dovecot.user()));
  expect(await submitted(api, drop, message)).toMatchObject({ state: "sent", sentCopy: null });
  await sleep(500);
  expect(await messagesOf(api, asked.from, "&folder=sent")).toEqual([]);
  expect(await messagesOf(api, never.from, "&folder=sent")).toHaveLength(1);
});

test("a copy that is there already stays the only one", async () => {
  const { from, sender, recipient } = await correspondents(api, stack, { account: { saveToSent: "always" } });
  const message = { to: to(recipient.username), subject: "x", text: "x", undoSeconds: 2 };
  const scheduled = await submitted(api, from, message, { wait: 0 });
  const raw = `From: ${sender.username}\r\nSubject: x\r\nMessage-ID: ${scheduled.messageId}\r\n\r\nput there by somebody else\r\n`;
  const stored = await fetch(`${api.url}${from}/messages?folder=sent`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.keys.appKey}`, "Content-Type": "message/rfc822" },
    body: raw,
  });
  expect(stored.status).toBe(201);
  const sent = await untilSubmission(
    api,
    scheduled,
    ({ state, sentCopy }) => state === "sent" && sentCopy !== "pending",
  );
  expect(sent.sentCopy).toBe("provider");
  expect(await messagesOf(api, from, "&folder=sent")).toHaveLength(1);
});
