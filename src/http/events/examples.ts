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
