import { afterAll, beforeAll, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { recipients } from "../servers/postfix-config.ts";
import { ok, type Receiver, startReceiver } from "../servers/receiver.ts";
import { deliver } from "../servers/maildir.ts";
import { type Api, startApi } from "./start.ts";
import { correspondents, messagesOf, type Submission, submitted, to, untilSubmission } from "./submissions.ts";
import { eventsOf, type Told, until, untilLooked } from "./watching.ts";

let stack: MailStack;
let api: Api;
let receiver: Receiver;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 500, maildrop: 500 } });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await api.stop();
  await stack.stop();
});

type Bounce = Omit<Told, "data"> & {
  data: {
    id: string;
    folderIds: string[];
    submissionId: string;
    kind: string;
    recipients: { email: string; action: string; status: string | null; code: number | null; text: string | null }[];
    originalMessageId: string;
    actor: string;
  };
};

async function eventsFrom(path: string, types: string[], count: number): Promise<Bounce[]> {
  const all = await until(
    async () => (await eventsOf(api, path)).filter(({ type }) => types.includes(type)),
    (events) => events.length >= count,
    30_000,
  );
  return all as unknown as Bounce[];
}

test("a bounce that Postfix makes of a message that it had accepted is told with whom it is about", async () => {
  const endpoint = receiver.endpoint(ok);
  const { url, secret } = endpoint;
  await api.call("POST", "/v1/webhooks", { url, secret, types: ["message.bounced", "submission.sent"] });
  const { from, recipient } = await correspondents(api, stack);
  await untilLooked(api, from);
  const message = { to: to(recipient.username, recipients.bouncing), subject: "bounces", text: "x" };
  const sent = await submitted(api, from, message);
  expect(sent).toMatchObject({ state: "sent", recipients: [{ state: "accepted" }, { state: "accepted" }] });

  const [bounced, ...more] = await eventsFrom(from, ["message.bounced"], 1);
  expect(more).toEqual([]);
  expect(bounced?.data).toMatchObject({
    submissionId: sent.id,
    originalMessageId: sent.messageId,
    kind: "failed",
    recipients: [{ email: recipients.bouncing, action: "failed", status: "5.1.1", code: 550 }],
    actor: "external",
  });
  const [created] = await eventsFrom(from, ["message.created"], 1);
  expect([bounced?.data.id, bounced?.data.folderIds]).toEqual([created?.data.id, created?.data.folderIds]);
  expect(await messagesOf(api, from)).toHaveLength(1);
  const got = await until(
    async () => endpoint.got,
    (all) => all.length === 2,
  );
  expect(new Set(got.map(({ event }) => event?.type))).toEqual(new Set(["message.bounced", "submission.sent"]));
  expect(got.find(({ event }) => event?.type === "message.bounced")?.event).toEqual(bounced);
});

/** A report about a message, as another mail system writes it (RFC 3464). */
function report(
  about: Submission,
  { action = "failed", status = "5.2.2", email = about.envelope.to[0] ?? "" },
): string {
  return [
    "Return-Path: <>",
    "From: Mail Delivery System <MAILER-DAEMON@far.example>",
    `To: ${about.envelope.from}`,
    "Subject: Delivery report",
    `Message-ID: <${action}.${Date.now()}@far.example>`,
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="r"',
    "",
    "--r",
    "Content-Type: text/plain",
    "",
    "This is the mail system.",
    "--r",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; far.example",
    "",
    `Final-Recipient: rfc822; ${email}`,
    `Action: ${action}`,
    `Status: ${status}`,
    "Diagnostic-Code: smtp; 552 5.2.2 mailbox full",
    "",
    "--r",
    "Content-Type: message/rfc822",
    "",
    `From: ${about.envelope.from}`,
    `Message-ID: ${about.messageId}`,
    "Subject: x",
    "",
    "x",
    "--r--",
    "",
  ].join("\n");
}

test("reports by others are told too; about messages that are not ours, nothing but their arrival", async () => {
  const { from, sender, recipient } = await correspondents(api, stack);
  await untilLooked(api, from);
  const sent = await submitted(api, from, { to: to(recipient.username), subject: "x", text: "x" });
  const inbox = stack.dovecot.maildir(sender);
  deliver(inbox, report(sent, { action: "delayed", status: "4.4.1" }));
  await eventsFrom(from, ["message.bounced"], 1);
  deliver(inbox, report(sent, { email: recipient.username.toUpperCase() }));
  const both = await eventsFrom(from, ["message.bounced"], 2);
  expect(both.map(({ data }) => [data.kind, data.submissionId, data.recipients[0]?.status])).toEqual([
    ["delayed", sent.id, "4.4.1"],
    ["failed", sent.id, "5.2.2"],
  ]);
  deliver(inbox, report({ ...sent, messageId: "<nobody.knows@postern.test>" }, {}));
  deliver(inbox, report(sent, { email: "somebody.else@postern.test" }));
  await eventsFrom(from, ["message.created"], 4);
  expect(await eventsFrom(from, ["message.bounced"], 2)).toHaveLength(2);
  expect((await untilSubmission(api, sent, () => true)).state).toBe("sent");
});

test("somebody else's bounce of our message says nothing in his mailbox", async () => {
  const [mine, his] = [await correspondents(api, stack), await correspondents(api, stack)];
  await untilLooked(api, his.from);
  const sent = await submitted(api, mine.from, { to: to(mine.recipient.username), subject: "x", text: "x" });
  deliver(stack.dovecot.maildir(his.sender), report(sent, {}));
  await eventsFrom(his.from, ["message.created"], 1);
  await untilLooked(api, his.from);
  expect((await eventsOf(api, his.from)).some(({ type }) => type === "message.bounced")).toBe(false);
});
