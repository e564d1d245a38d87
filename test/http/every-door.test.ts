import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { buildDocument } from "../../src/http/document.ts";
import { createFront } from "../../src/http/front.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { registerRoutes, type Operations } from "../../src/http/routes.ts";
import { type AppCaller, type Caller, scopes } from "../../src/mail/tenant.ts";
import { checkEveryRoute, type Document } from "./every-route.ts";

const caller = (appId: string, lacking?: string): AppCaller => ({
  kind: "app",
  appId,
  keyId: "key_x",
  scopes: scopes.filter((scope) => scope !== lacking),
  accountIds: null,
});

function callerOf(token: string): Caller | null {
  if (token === "operator") return { kind: "operator", keyId: null };
  if (token.startsWith("without-")) return caller("app_owner", token.slice("without-".length));
  if (token === "bound") return { ...caller("app_owner"), accountIds: [`acc_${"4".repeat(26)}`] };
  return token === "owner" || token === "stranger" ? caller(`app_${token}`) : null;
}

/** Ids of the right shape that name nothing. */
function things(digit: string): Record<string, string> {
  const id = (prefix: string) => `${prefix}_${digit.repeat(26)}`;
  return {
    appId: id("app"),
    keyId: id("key"),
    accountId: id("acc"),
    folderId: id("fld"),
    submissionId: id("sub"),
    messageId: `msg_${digit.repeat(30)}`,
    threadId: `thr_${digit.repeat(26)}`,
    attachmentId: `att_${digit}`,
    webhookId: id("whk"),
    deliveryId: id("dlv"),
  };
}

/** Behind every door there is nothing: what asks for one thing is not found, what lists is empty. */
const nothing: Partial<Operations> = {
  getMe: () => Promise.resolve({ kind: "operator", keyId: null }),
  listApps: () => Promise.resolve({ data: [], nextCursor: null }),
  listAccounts: () => Promise.resolve({ data: [], nextCursor: null }),
  listWebhooks: () => Promise.resolve({ data: [], nextCursor: null }),
  listEvents: () => Promise.resolve({ data: [], nextCursor: "x", hasMore: false }),
  streamEvents: () =>
    Promise.resolve({ resume: "x", next: () => Promise.resolve(null), ended: AbortSignal.abort(), close: () => {} }),
};

test("every route that there is keeps the common rules, whatever stands behind it", async () => {
  const app = createFront({
    config: { maxBody: 1024 * 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log: { write: () => {} },
    metrics: createMetrics(),
    clock: { now: Date.now, sleep: () => Promise.resolve() },
    authenticate: (token) => Promise.resolve(callerOf(token)),
    ready: () => Promise.resolve(),
    docsScript: null,
  });
  const absent = () => Promise.reject(new Failure("not-found", "There is no such thing."));
  registerRoutes(app, new Proxy({} as Operations, { get: (_, name) => Reflect.get(nothing, name) ?? absent }));
  const complaints = await checkEveryRoute({
    fetch: (request) => app.fetch(request),
    document: buildDocument(app, null) as unknown as Document,
    operatorKey: "operator",
    owner: { key: "owner", things: things("1") },
    stranger: { key: "stranger", things: things("2") },
    keyWithout: (scope) => Promise.resolve(`without-${scope}`),
    boundKey: "bound",
    missing: things("3"),
    foreignWords: [],
  });
  expect(complaints).toEqual([]);
});
