import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose } from "../../src/compose.ts";
import { createLog } from "../../src/http/log.ts";
import { createMetrics, type MetricsRegistry } from "../../src/http/metrics.ts";
import { serveNode } from "../../src/http/serve-node.ts";
import { createGuard } from "../../src/net/guard.ts";
import { systemClock } from "../../src/observe.ts";
import { bootstrapKeys, type FirstKeys } from "../../src/operations/bootstrap-keys.ts";
import { dialNode } from "../../src/protocols/pop3/dial-node.ts";
import { openSubmitter } from "../../src/protocols/smtp/open-submitter.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault/vault.ts";
import { createUndiciPoster } from "../../src/webhooks/post-undici.ts";
import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import type { Postern } from "../../src/world.ts";

export type Answer<T = Record<string, unknown>> = { status: number; headers: Headers; body: T; text: string };

export type Api = {
  url: string;
  store: Store;
  keys: FirstKeys;
  postern: Postern;
  metrics: MetricsRegistry;
  /** The folder of the database. */
  folder: string;
  /** Every log line so far. */
  lines: string[];
  /** Calls with the app's key; a body is sent as JSON. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options?: { key?: string; headers?: Record<string, string> },
  ): Promise<Answer<T>>;
  stop(): Promise<void>;
};

export type ApiOptions = {
  /** Accounts are watched, so often. */
  watchEvery?: { folders: number; maildrop: number };
  /** How long a receiver of webhooks may take, milliseconds; default 15,000. */
  webhookTimeoutMs?: number;
  /** The addresses of a name; by default only localhost has one. */
  resolve?: (name: string) => Promise<string[]>;
  /** Default: loopback. */
  allowNetworks?: string[];
};

/**
 * The whole of Postern in this process, on a real SQLite file and a real port; mail servers on loopback are allowed. Accounts are
 * watched where `watchEvery` says how often.
 */
export async function startApi(options: ApiOptions = {}): Promise<Api> {
  const folder = mkdtempSync(join(tmpdir(), "postern-api-"));
  const store = createStore(openSqlite(join(folder, "postern.db")));
  const lines: string[] = [];
  const metrics = createMetrics();
  const log = createLog({ level: "debug", write: (line) => lines.push(line), clock: systemClock, pretty: false });
  const postern = compose({
    config: { maxBody: 1024 * 1024, publicUrl: null },
    adminKey: null,
    maxMessage: 50 * 1024 * 1024,
    leaseMs: 20_000,
    eventDays: 30,
    maxStreamMs: null,
    owner: "test",
    cursorKey: new Uint8Array(32).fill(1),
    store,
    vault: createVault({ secret: "a-sealing-secret-for-the-tests-0123456789" }),
    guard: createGuard({
      resolve: options.resolve ?? (async (name) => (name === "localhost" ? ["127.0.0.1"] : [])),
      allowNetworks: options.allowNetworks ?? ["127.0.0.0/8"],
      allowPorts: "all",
      allowInsecure: false,
      pin: true,
      timeoutMs: 5000,
    }),
    dialPop3: dialNode,
    openSubmitter,
    webhookPoster: createUndiciPoster(),
    webhookTimeoutMs: options.webhookTimeoutMs ?? 15_000,
    log,
    metrics,
    clock: systemClock,
    docsScript: null,
    watchWindow: 10_000,
    watchEvery: options.watchEvery ?? { folders: 60_000, maildrop: 300_000 },
  });
  const stopped = new AbortController();
  const sending = runOutbox(postern, stopped.signal);
  const following = runFollowUps(postern, stopped.signal);
  const delivering = runWebhooks(postern, stopped.signal);
  const watching = options.watchEvery && runWatchers(postern, stopped.signal);
  const keys = await bootstrapKeys({ ...store, clock: systemClock })();
  if (keys === null) throw new Error("the database was not new");
  const served = await serveNode({
    host: "127.0.0.1",
    port: 0,
    fetch: (request) => postern.app.fetch(request),
    log,
  });
  const url = `http://127.0.0.1:${served.port}`;
  return {
    url,
    store,
    keys,
    postern,
    metrics,
    folder,
    lines,
    async call<T>(method: string, path: string, body?: unknown, options: Parameters<Api["call"]>[3] = {}) {
      const response = await fetch(url + path, {
        method,
        headers: {
          Authorization: `Bearer ${options.key ?? keys.appKey}`,
          ...(body !== undefined && { "Content-Type": "application/json" }),
          ...options.headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: (isJson ? JSON.parse(text) : null) as T,
      };
    },
    async stop() {
      postern.endStreams();
      await served.close(1000);
      stopped.abort();
      await Promise.all([sending, following, delivering, watching]);
      postern.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** What the entry's loop does, without its patience for a database that is away. */
async function runOutbox({ dispatcher, wake }: Postern, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const step = await dispatcher.step();
    const wait = Math.min(Math.max((step.nextAt ?? Infinity) - Date.now(), 10), 200);
    await wake.wait("submissions", null, wait, signal);
  }
  await dispatcher.stop();
}

async function runFollowUps({ follower, wake }: Postern, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await follower.step();
    await wake.wait("follow-ups", null, 200, signal);
  }
  await follower.stop();
}

async function runWatchers({ watchers, wake }: Postern, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await watchers.step();
    await wake.wait("watch", null, 200, signal);
  }
  await watchers.stop();
}

async function runWebhooks({ deliverer, wake }: Postern, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const step = await deliverer.step();
    const wait = Math.min(Math.max((step.nextAt ?? Infinity) - Date.now(), 10), 200);
    await wake.wait(["deliveries", "events"], null, wait, signal);
  }
  await deliverer.stop();
}

/** An account as the API takes it, on the test's own servers. */
export function accountOn(stack: MailStack, user: User, change: { imapsPort?: number } = {}) {
  const auth = { type: "password", username: user.username, password: user.password };
  const tls = { ca: stack.dovecot.ca };
  return {
    email: user.username,
    name: "Test User",
    incoming: {
      protocol: "imap",
      host: "localhost",
      port: change.imapsPort ?? stack.dovecot.ports.imaps,
      security: "tls",
      auth,
      tls,
    },
    outgoing: { protocol: "smtp", host: "localhost", port: stack.postfix.ports.smtps, security: "tls", auth, tls },
  };
}

/** The same account, whose mail is read by POP3. */
export function maildropOn(stack: MailStack, user: User, change: { pop3sPort?: number } = {}) {
  const account = accountOn(stack, user);
  const port = change.pop3sPort ?? stack.dovecot.ports.pop3s;
  return { ...account, incoming: { ...account.incoming, protocol: "pop3", port } };
}

/** Stores an account and gives its path. */
export async function storeAccount(api: Api, account: unknown): Promise<string> {
  const { status, body, text } = await api.call<{ id: string }>("POST", "/v1/accounts", account);
  if (status !== 201) throw new Error(`the account was not stored: ${text}`);
  return `/v1/accounts/${body.id}`;
}
