import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flushSubmissions, type FlushNeeds } from "../../src/background/flush-submissions.ts";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { randomId } from "../../src/mail/id.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { createSubmission } from "../../src/operations/create-submission.ts";
import { type SmtpDeadlines, smtpDeadlines } from "../../src/protocols/smtp/deadlines.ts";
import { openSubmitter } from "../../src/protocols/smtp/open-submitter.ts";
import { createSubmitters } from "../../src/sessions/lend-submitter.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow, ServerSettings } from "../../src/store/rows.ts";
import { createVault } from "../../src/vault/vault.ts";
import { createFakeClock } from "../fake-clock.ts";
import { localGuard } from "../protocols/smtp/scripted.ts";

export type Outbox = Awaited<ReturnType<typeof openOutbox>>;

export type OutboxOptions = { deadlines?: Partial<SmtpDeadlines>; maxMessage?: number; needs?: Partial<FlushNeeds> };

export const hello: SubmissionInput = {
  to: [{ name: "Bob", email: "bob@example.org" }],
  cc: [],
  bcc: [],
  replyTo: [],
  subject: "Hello",
  text: "Hello, Bob\n",
  attachments: [],
  headers: [],
  metadata: {},
};

export const leaseMs = 20_000;

export async function octetsIn(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** All of sending on a real SQLite file: an app, its accounts on the given SMTP servers, accepting and flushing. */
export async function openOutbox(options: OutboxOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), "postern-outbox-"));
  const path = join(directory, "postern.db");
  let store = createStore(openSqlite(path));
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  const vault = createVault({ secret: "a-long-random-sealing-secret-0001" });
  const logged: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const appId = randomId("app");
  await store.apps.insert({ id: appId, name: "test", createdAt: clock.now() });
  const submitters = createSubmitters({ clock });
  const caller: AppCaller = { kind: "app", appId, keyId: randomId("key"), scopes: ["messages:send"], accountIds: null };
  const deadlines = { ...smtpDeadlines, ...options.deadlines };

  const accepting = () =>
    createSubmission({ ...store, wake, clock, maxMessage: options.maxMessage ?? 50 * 1024 * 1024 });
  const flushing = (change: Partial<FlushNeeds> = {}) =>
    flushSubmissions({
      ...store,
      vault,
      submitters,
      openSubmitter: (server) => openSubmitter({ guard: localGuard, deadlines }, server),
      wake,
      clock,
      log: { write: (_, event, fields) => void logged.push({ event, fields }) },
      metrics: { count: () => {}, observe: () => {} },
      leaseMs,
      random: () => 0.5,
      owner: "worker-1",
      concurrency: 16,
      ...options.needs,
      ...change,
    });
  let create = accepting();
  let flush = flushing();
  let keys = 0;

  return {
    clock,
    wake,
    caller,
    logged,
    directory,
    accepting,
    flushing,
    store: () => store,
    async account(outgoing: Partial<ServerSettings> | null, change: Partial<AccountRow> = {}): Promise<AccountRow> {
      const id = randomId("acc");
      const holder = { id, appId, sealedKey: vault.newKey({ id, appId }) };
      const now = clock.now();
      const row: AccountRow = {
        ...holder,
        email: "alice@example.org",
        name: "Alice",
        externalId: null,
        metadata: {},
        incoming: null,
        outgoing: outgoing && {
          protocol: "smtp",
          host: "127.0.0.1",
          port: 1,
          security: "none",
          auth: { type: "password", username: "alice" },
          tls: { ca: null, servername: null },
          ...outgoing,
        },
        sealedIncomingPassword: null,
        sealedOutgoingPassword: vault.seal(holder, "outgoingPassword", "canary-password"),
        sealedIdKey: vault.seal(holder, "idKey", "x"),
        watch: { mode: "off", folders: "all", notifySince: null },
        onUncertain: "hold",
        saveToSent: "never",
        capabilities: null,
        idStability: null,
        state: "connected",
        stateSince: now,
        lastError: null,
        createdAt: now,
        updatedAt: now,
        version: 1,
        ...change,
      };
      await store.accounts.insert(row);
      return row;
    },
    sealed: (account: AccountRow, password: string) => vault.seal(account, "outgoingPassword", password),
    create: (...given: Parameters<typeof create>) => create(...given),
    /** Accepts a message under a new key; its id. */
    async accept(account: AccountRow, change: Partial<SubmissionInput> = {}): Promise<string> {
      const options = { idempotencyKey: `key-${++keys}`, waitSeconds: 0 };
      return (await create(caller, account.id, { ...hello, ...change }, options)).submission.id;
    },
    /** One step, and everything that it began. */
    async flush() {
      const { worked, nextAt, done } = await flush();
      await done;
      return { worked, nextAt };
    },
    async row(account: AccountRow, id: string) {
      const row = await store.submissions.get(account.id, id);
      if (row === null) throw new Error(`no submission ${id}`);
      return row;
    },
    /** As after a restart of the process: nothing in memory is left. */
    async restart(): Promise<void> {
      await store.close();
      store = createStore(openSqlite(path));
      create = accepting();
      flush = flushing();
    },
    async close(): Promise<void> {
      submitters.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
