import type { Event, EventType } from "../../mail/event.ts";

/** An example of each event's data. */

const accountId = "acc_0c8jv4h2m9q6s1t7r3n5k8p0ba";

const attachment = {
  id: "att_2",
  filename: "invoice.pdf",
  contentType: "application/pdf",
  encodedSize: 51_234,
  contentId: null,
  inline: false,
};

const inbox = "fld_0c8jv4h2m9q6s1t7r3n5k8p0ba";
const archive = "fld_4t9d2u6b1v7e3q8h5m0r6k2sca";

const message = {
  id: "msg_BQAAAAEAAAABAAAAKk3vXb8Yk2Qf7w",
  accountId,
  threadId: "thr_uaqi6avdliree8o96lph7p51r0",
  folderIds: [inbox],
  messageId: "<20261122.4711@example.org>",
  inReplyTo: null,
  subject: "Your invoice",
  from: { name: "Bob", email: "bob@example.org" },
  sender: null,
  replyTo: [],
  to: [{ name: "Ada Lovelace", email: "ada@example.org" }],
  cc: [],
  bcc: [],
  date: "2026-11-22T09:29:58.000Z",
  receivedAt: "2026-11-22T09:30:00.000Z",
  size: 53_120,
  flags: { seen: false, flagged: false, answered: false, draft: false },
  keywords: [],
  hasAttachment: true,
  attachments: [attachment],
  warnings: [],
};

const seen = { ...message, flags: { ...message.flags, seen: true } };

const folder = {
  id: archive,
  name: "Receipts 2026",
  parentId: null,
  role: null,
  selectable: true,
  actor: "external",
};

const accepted = {
  email: "bob@example.org",
  state: "accepted",
  code: 250,
  enhancedCode: "2.0.0",
  text: "Ok: queued as 4C1",
};
const put = (state: string, code: number | null, enhancedCode: string | null, text: string) => ({
  email: "eve@example.org",
  state,
  code,
  enhancedCode,
  text,
});

const submission = {
  id: "sub_0c8jv4h2m9q6s1t7r3n5k8p0ba",
  accountId,
  state: "sent",
  messageId: "<0c8jv4h2m9q6s1t7r3n5k8p0ba@example.org>",
  subject: "Your invoice",
  envelope: { from: "ada@example.org", to: ["bob@example.org", "eve@example.org"] },
  recipients: [accepted, put("accepted", 250, "2.0.0", "Ok: queued as 4C2")],
  size: 53_120,
  attempts: 1,
  nextAttemptAt: null,
  lastError: null,
  sendAt: null,
  deliverBefore: "2026-11-25T09:30:00.000Z",
  inReplyTo: null,
  action: null,
  saveToSent: "auto",
  sentCopy: "pending",
  metadata: { ticket: "4711" },
  warnings: [],
  createdAt: "2026-11-22T09:29:58.000Z",
  updatedAt: "2026-11-22T09:30:00.000Z",
};
const open = { ...submission, sentCopy: null };

const since = "2026-11-22T09:30:00.000Z";
const failing = (code: string, detail: string) => ({ side: "incoming", code, detail, at: since });
const refused = failing("account-authentication-failed", "The mail server refused the login.");
const silent = failing("upstream-timeout", "The mail server did not answer in time.");

export const dataExamples: Record<EventType, Record<string, unknown>> = {
  "account.connected": { state: "connected", since, lastError: null },
  "account.authenticationFailed": { state: "authenticationFailed", since, lastError: refused },
  "account.unreachable": { state: "unreachable", since, lastError: silent },
  "account.recovered": { state: "connected", since, lastError: null },
  "account.degraded": { state: "degraded", since, lastError: refused },
  "account.paused": { state: "paused", since, lastError: null },
  "account.alert": { text: "Your mailbox is 98 % full." },
  "account.deleted": { externalId: "user-4711" },
  "folder.created": folder,
  "folder.renamed": { ...folder, from: { name: "Receipts", parentId: null } },
  "folder.deleted": folder,
  "folder.reset": folder,
  "message.created": { ...message, actor: "external", historical: false },
  "message.updated": { ...seen, changes: ["flags"], actor: "external" },
  "message.moved": { ...seen, folderIds: [archive], fromFolderId: inbox, toFolderId: archive, actor: "api" },
  "message.deleted": { id: message.id, folderIds: [archive], actor: "external" },
  "message.bounced": {
    id: message.id,
    folderIds: [inbox],
    submissionId: submission.id,
    originalMessageId: submission.messageId,
    kind: "failed",
    recipients: [
      {
        email: "eve@example.org",
        action: "failed",
        status: "5.1.1",
        code: 550,
        text: "550 5.1.1 <eve@example.org>: User unknown",
      },
    ],
    actor: "external",
  },
  "submission.sent": submission,
  "submission.deferred": {
    ...open,
    state: "queued",
    recipients: [accepted, put("deferred", 451, "4.7.1", "Greylisted, try again later")],
    nextAttemptAt: "2026-11-22T09:35:00.000Z",
  },
  "submission.failed": {
    ...open,
    state: "failed",
    envelope: { from: "ada@example.org", to: ["eve@example.org"] },
    recipients: [put("rejected", 550, "5.1.1", "User unknown")],
  },
  "submission.canceled": {
    ...open,
    state: "canceled",
    recipients: [accepted, put("deferred", 451, "4.7.1", "Greylisted, try again later")],
  },
  "submission.uncertain": {
    ...open,
    state: "uncertain",
    recipients: [accepted, put("uncertain", null, null, "The line was lost before the server's answer.")],
  },
  "webhook.disabled": {
    webhookId: "whk_0c8jv4h2m9q6s1t7r3n5k8p0ba",
    url: "https://crm.example.org/hooks/postern",
    reason: "failing",
    failingSince: since,
  },
};

/** A whole event of a type, for the reference and for tests of webhooks. */
export function exampleOf(type: EventType): Event {
  const isOfAccount = type !== "webhook.disabled";
  return {
    id: "evt_0c8jv4h2m9q6s1t7r3n5k8p0ba",
    type,
    createdAt: "2026-11-22T09:30:00.000Z",
    accountId: isOfAccount ? accountId : null,
    externalId: isOfAccount ? "user-4711" : null,
    sequence: 4711,
    data: dataExamples[type],
  };
}
