import type { DeliveryAttempt, DeliveryState } from "../../src/mail/webhook.ts";
import { scopes } from "../../src/mail/tenant.ts";
import type { Endpoint } from "../servers/receiver.ts";
import type { Answer, Api } from "./start.ts";
import { until } from "./watching.ts";

/** An app of its own in a Postern that others use too. */
export type App = {
  id: string;
  key: string;
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, key?: string): Promise<Answer<T>>;
  /** A key of the app with all scopes, bound to these accounts. */
  keyFor(accountIds: string[]): Promise<string>;
};

export type Webhook = {
  id: string;
  url: string;
  state: "enabled" | "disabled";
  disabledBecause: string | null;
  failingSince: string | null;
  accountIds: string[] | null;
  headerNames: string[];
  previousSecretUntil: string | null;
  secret?: string;
};

export type Delivery = {
  id: string;
  eventId: string;
  type: string;
  state: DeliveryState;
  attempts: (Omit<DeliveryAttempt, "at"> & { at: string })[];
  attemptCount: number;
  nextAttemptAt: string | null;
};

export async function newApp(api: Api): Promise<App> {
  const operator = { key: api.keys.operatorKey };
  const { body: app } = await api.call<{ id: string }>("POST", "/v1/apps", { name: "an app" }, operator);
  const newKey = async (accountIds: string[] | null): Promise<string> => {
    const input = { name: "a key", scopes, accountIds };
    return (await api.call<{ key: string }>("POST", `/v1/apps/${app.id}/keys`, input, operator)).body.key;
  };
  const key = await newKey(null);
  return {
    id: app.id,
    key,
    call: (method, path, body, other = key) => api.call(method, path, body, { key: other }),
    keyFor: newKey,
  };
}

/** The body of an answer of 2xx; fails with anything else. */
export async function good<T>(answering: Promise<Answer<T>>): Promise<T> {
  const { status, body, text } = await answering;
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`);
  return body;
}

/** A webhook of the app at the endpoint, signed by its secret. */
export function webhookAt(app: App, endpoint: Endpoint, change: Record<string, unknown> = {}): Promise<Webhook> {
  const { url, secret } = endpoint;
  return good(app.call<Webhook>("POST", "/v1/webhooks", { url, secret, ...change }));
}

export type Teller = {
  id: string;
  path: string;
  /** Makes one event of the account, `account.paused`. */
  tell: () => Promise<void>;
};

/** An account that nobody watches and that no server stands behind: good for events at will. */
export async function tellerOf(app: App): Promise<Teller> {
  const auth = { type: "password", username: "someone", password: "a-password" };
  const incoming = { protocol: "imap", host: "127.0.0.1", port: 1, security: "tls", auth };
  const watch = { mode: "off", folders: "all" };
  const account = { email: "someone@postern.test", incoming, watch, verify: false };
  const { id } = await good(app.call<{ id: string }>("POST", "/v1/accounts", account));
  const path = `/v1/accounts/${id}`;
  return {
    id,
    path,
    tell: async () => {
      // Resuming tells nothing by itself.
      await good(app.call("POST", `${path}/resume`));
      await good(app.call("POST", `${path}/pause`));
    },
  };
}

/** The last 200 deliveries of a webhook, newest first. */
export async function deliveriesOf(app: App, webhook: Webhook, query = ""): Promise<Delivery[]> {
  const path = `/v1/webhooks/${webhook.id}/deliveries?limit=200${query}`;
  return (await good(app.call<{ data: Delivery[] }>("GET", path))).data;
}

/** The only delivery of a webhook, once it is as it should be. */
export async function delivery(app: App, webhook: Webhook, isGood: (one: Delivery) => boolean): Promise<Delivery> {
  const all = await until(
    () => deliveriesOf(app, webhook),
    ([one]) => one !== undefined && isGood(one),
  );
  const [one] = all;
  if (one === undefined || all.length !== 1) throw new Error(`${all.length} deliveries`);
  return one;
}

/** What the endpoint has got, once it is as many. */
export function arrived(endpoint: Endpoint, count: number, timeout?: number): Promise<Endpoint["got"]> {
  return until(
    async () => endpoint.got,
    (got) => got.length >= count,
    timeout,
  );
}
