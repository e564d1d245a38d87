import type {
  AccountRow,
  AppRow,
  FolderRow,
  HeldRow,
  IntentRow,
  KeyRow,
  NewEvent,
  WatchFolderRow,
} from "../../src/store/rows.ts";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { SubmissionRow, UploadRow } from "../../src/store/submission-rows.ts";
import type { DeliveryRow, WebhookRow } from "../../src/store/webhook-rows.ts";

/** Whole rows for tests, with what a test wants to be otherwise. */

export function appRow(change: Partial<AppRow> = {}): AppRow {
  return { id: randomId("app"), name: "Grüße 🌍", createdAt: 1_790_000_000_000, ...change };
}

export function keyRow(change: Partial<KeyRow> = {}): KeyRow {
  return {
    id: randomId("key"),
    appId: randomId("app"),
    name: "key",
    hash: randomId("req"),
    hint: "pst_abcd",
    scopes: ["accounts:read", "messages:send"],
    accountIds: null,
    expiresAt: null,
    createdAt: 1_790_000_000_000,
    ...change,
  };
}

export function accountRow(change: Partial<AccountRow> = {}): AccountRow {
  return {
    id: randomId("acc"),
    appId: "app_1",
    email: "zoë@bücher.example",
    name: "Zoë 👩‍🚀 \u2028",
    externalId: null,
    metadata: { "a b": "ü", __proto__x: "\u0000" },
    incoming: {
      protocol: "imap",
      host: "imap.example",
      port: 993,
      security: "tls",
      auth: { type: "password", username: "zoë" },
      tls: { ca: null, servername: null },
    },
    outgoing: null,
    sealedKey: "sealed:key",
    sealedIncomingPassword: "sealed:in",
    sealedOutgoingPassword: null,
    sealedIdKey: "sealed:id",
    watch: { mode: "push", folders: ["inbox", "sent"], notifySince: null },
    onUncertain: "hold",
    saveToSent: "auto",
    capabilities: null,
    idStability: null,
    state: "connecting",
    stateSince: 1_790_000_000_000,
    lastError: null,
    createdAt: 1_790_000_000_000,
    updatedAt: 1_790_000_000_001,
    version: 1,
    ...change,
  };
}

export function folderRow(accountId: string, path: string, change: Partial<FolderRow> = {}) {
  const row: Omit<FolderRow, "number"> = {
    id: randomId("fld"),
    accountId,
    path,
    name: path,
    parentPath: null,
    delimiter: "/",
    role: null,
    selectable: true,
    uidValidity: 4_294_967_295,
    uidNext: 4_294_967_294,
    mailboxId: null,
    missingSince: null,
    firstSeenAt: 1_790_000_000_002,
    ...change,
  };
  return row;
}

/** A move of one message that is not over. */
export function intentRow(accountId: string, change: Partial<IntentRow> = {}): IntentRow {
  return {
    id: randomId("int"),
    accountId,
    kind: "place",
    folder: 3,
    uidNext: 4_294_967_295,
    source: { folder: 1, uidValidity: 4_294_967_295, uids: [7] },
    change: null,
    placed: null,
    settled: false,
    createdAt: 50,
    expiresAt: 100,
    ...change,
  };
}

export function newEvent(accountId: string, change: Partial<NewEvent> = {}): NewEvent {
  const createdAt = change.createdAt ?? 1_790_000_000_000;
  return {
    id: orderedId("evt", createdAt),
    appId: "app_1",
    accountId,
    externalId: null,
    type: "message.created",
    createdAt,
    folderRoles: null,
    data: { subject: "Привет 🌍", flags: { seen: false }, historical: null },
    ...change,
  };
}

export function watchFolderRow(accountId: string, change: Partial<WatchFolderRow> = {}): WatchFolderRow {
  return {
    accountId,
    folder: 1,
    uidValidity: 4_294_967_295,
    uidNext: 4_294_967_296,
    modSeq: "9223372036854775807",
    exists: 4_294_967_295,
    version: 1,
    historicalBelow: 0,
    flagsReadAt: 1_790_000_000_000,
    lastCheckedAt: 1_790_000_000_001,
    lastChangedAt: null,
    threadsBelow: 4_294_967_296,
    threadsLeft: 500,
    ...change,
  };
}

export function heldRow(accountId: string, key: string, change: Partial<HeldRow> = {}): HeldRow {
  return { accountId, key, folder: 1, uidValidity: 7, uid: 9, since: 5, waitsFor: [2, 3], ...change };
}

export function submissionRow(accountId: string, change: Partial<SubmissionRow> = {}): SubmissionRow {
  const now = change.createdAt ?? 1_790_000_000_000;
  return {
    id: orderedId("sub", now),
    appId: "app_1",
    accountId,
    state: "queued",
    route: "submissions.create",
    idempotencyKey: randomId("req"),
    fingerprint: "f".repeat(64),
    firstAnswer: { id: "sub_x", nested: [1, null, "ü"] },
    messageId: "<1@example>",
    envelope: { from: "a@example", to: ["b@example"] },
    needs: { eightBit: true, utf8: false },
    recipients: [{ email: "b@example", state: "pending", code: null, enhancedCode: null, text: null }],
    subject: "Привет 🌍",
    metadata: {},
    original: null,
    saveToSent: "auto",
    sentCopy: null,
    warnings: [],
    lastError: null,
    blobId: null,
    size: 3,
    attempts: 0,
    nextAttemptAt: now,
    sendAt: null,
    deliverBefore: now + 86_400_000,
    followUps: [],
    followUpAt: null,
    followUpTries: 0,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
    ...change,
  };
}

/** Expires an hour after it came. */
export function uploadRow(accountId: string, change: Partial<UploadRow> = {}): UploadRow {
  const createdAt = change.createdAt ?? 1_790_000_000_000;
  return {
    id: orderedId("upl", createdAt),
    appId: "app_1",
    accountId,
    blobId: randomId("blb"),
    filename: "Grüße 🌍.pdf",
    contentType: "application/pdf",
    size: 3,
    createdAt,
    expiresAt: createdAt + 3_600_000,
    ...change,
  };
}

/** Asks for everything. */
export function webhookRow(appId: string, change: Partial<WebhookRow> = {}): WebhookRow {
  const createdAt = change.createdAt ?? 1_790_000_000_000;
  return {
    id: orderedId("whk", createdAt),
    appId,
    url: "https://bücher.example/ü?a=b",
    description: "Grüße 🌍",
    types: null,
    accountIds: null,
    folderRoles: null,
    maxConcurrency: 20,
    maxPerSecond: null,
    sealedKey: "sealed:key",
    sealedSecret: "sealed:secret",
    sealedPreviousSecret: null,
    previousSecretUntil: null,
    headerNames: [],
    sealedHeaders: null,
    disabledBecause: null,
    disabledAt: null,
    failingSince: null,
    holdUntil: 0,
    createdAt,
    updatedAt: createdAt,
    version: 1,
    ...change,
  };
}

/** A test that is under way. */
export function testDeliveryRow(webhook: WebhookRow, change: Partial<DeliveryRow> = {}): DeliveryRow {
  const createdAt = change.createdAt ?? 1_790_000_000_000;
  return {
    id: orderedId("dlv", createdAt),
    appId: webhook.appId,
    webhookId: webhook.id,
    accountId: "",
    eventId: orderedId("evt", createdAt),
    type: "message.created",
    testEvent: '{"id":"evt_1","subject":"Привет \u2028"}',
    state: "delivering",
    tries: 0,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: null,
    createdAt,
    finishedAt: null,
    ...change,
  };
}
