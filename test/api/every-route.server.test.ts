import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDocument } from "../../src/http/document.ts";
import { randomId } from "../../src/mail/id.ts";
import { scopes } from "../../src/mail/tenant.ts";
import { checkEveryRoute, type Document, type Tenant } from "../http/every-route.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { accountOn, type Api, startApi } from "./start.ts";

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

const none = (prefix: string): string => `${prefix}_${"0".repeat(26)}`;

async function newKey(
  appId: string,
  granted: readonly string[],
  accountIds: string[] | null = null,
): Promise<{ id: string; key: string }> {
  const input = { name: "Secret key name", scopes: granted, accountIds };
  const options = { key: api.keys.operatorKey };
  return (await api.call<{ id: string; key: string }>("POST", `/v1/apps/${appId}/keys`, input, options)).body;
}

/**
 * An app with one of everything that a path can name. An attachment id is a place in its message, so the two apps' messages
 * differ in how many they have.
 */
async function newTenant(name: string, attachments: number): Promise<Tenant & { words: string[] }> {
  const { body: app } = await api.call<{ id: string }>("POST", "/v1/apps", { name }, { key: api.keys.operatorKey });
  const { id: keyId, key } = await newKey(app.id, scopes);
  const user = stack.dovecot.user();
  fillMaildir(stack.dovecot.maildir(user), 20, { to: user.username });
  const call = async <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> =>
    (await api.call<T>(method, path, body, { key, ...(headers && { headers }) })).body;

  const { id: accountId } = await call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user));
  const path = `/v1/accounts/${accountId}`;
  const { data: folders } = await call<{ data: { id: string }[] }>("GET", `${path}/folders`);
  const { data: messages } = await call<{
    data: { id: string; subject: string; attachments: { id: string }[] }[];
  }>("GET", `${path}/messages`);
  const message = messages.find((one) => one.attachments.length === attachments);
  const threadId = await threadIn(app.id, accountId);
  const submission = await call<{ id: string }>(
    "POST",
    `${path}/submissions`,
    { to: [{ name: "", email: user.username }], subject: "Secret subject", text: "Secret words" },
    { "Idempotency-Key": "one" },
  );
  const { id: webhookId } = await call<{ id: string }>("POST", "/v1/webhooks", {
    url: "https://127.0.0.1:1/secret-path",
    description: "Secret description",
    headers: { "X-Secret": "secret-header" },
  });
  const delivery = await call<{ id: string }>("POST", `/v1/webhooks/${webhookId}/test`, { type: "message.created" });
  return {
    key,
    things: {
      appId: app.id,
      keyId,
      accountId,
      folderId: folders[0]?.id ?? "",
      messageId: message?.id ?? "",
      threadId,
      attachmentId: message?.attachments[0]?.id ?? "att_77",
      submissionId: submission.id,
      webhookId,
      deliveryId: delivery.id,
    },
    words: [
      name,
      "secret-path",
      "Secret description",
      "secret-header",
      "Secret key name",
      user.username,
      message?.subject ?? "",
      "Secret subject",
      "Secret words",
    ],
  };
}

/** A thread of the first message in the inbox, as a watcher would write it. */
async function threadIn(appId: string, accountId: string): Promise<string> {
  const inbox = (await api.store.folders.list(accountId)).find(({ role }) => role === "inbox");
  const thread = randomId("thr");
  const { number: folder = 0, uidValidity = 0 } = inbox ?? {};
  const put = [{ folder, uidValidity, uid: 1, key: null, own: thread, thread, at: Date.now() }];
  const threads = { remove: [], merges: [], links: [{ node: thread, thread }], put };
  expect(await api.store.watches.write({ id: accountId, appId, epoch: 0 }, { threads })).toBe(true);
  return thread;
}

test("every route of the product keeps what the document promises", async () => {
  const owner = await newTenant("Owner of secrets", 1);
  const stranger = await newTenant("Stranger", 0);
  const appId = owner.things["appId"] ?? "";
  const other = { ...accountOn(stack, stack.dovecot.user()), verify: false };
  const { body: beside } = await api.call<{ id: string }>("POST", "/v1/accounts", other, { key: owner.key });
  const complaints = await checkEveryRoute({
    fetch: (request) => api.postern.app.fetch(request),
    document: buildDocument(api.postern.app, null) as unknown as Document,
    operatorKey: api.keys.operatorKey,
    owner,
    stranger,
    keyWithout: async (scope) =>
      (
        await newKey(
          appId,
          scopes.filter((name) => name !== scope),
        )
      ).key,
    boundKey: (await newKey(appId, scopes, [beside.id])).key,
    missing: {
      appId: none("app"),
      keyId: none("key"),
      accountId: none("acc"),
      folderId: none("fld"),
      messageId: `msg_${"A".repeat(40)}`,
      threadId: none("thr"),
      attachmentId: "att_999",
      submissionId: none("sub"),
      webhookId: none("whk"),
      deliveryId: none("dlv"),
    },
    foreignWords: owner.words,
    bodies: {
      "accounts.create": { ...accountOn(stack, stack.dovecot.user()), verify: false },
      "accounts.update": { name: "Changed" },
      "messages.update": { flags: { seen: true } },
      "submissions.create": {
        to: [{ name: "", email: stack.dovecot.user().username }],
        subject: "hello",
        text: "hello",
      },
    },
  });
  expect(complaints).toEqual([]);
});
