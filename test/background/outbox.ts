import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/errors.ts";
import { createPlaceCache } from "../../src/operations/place-cache.ts";
import { createIdKeys } from "../../src/vault/id-keys.ts";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { sendSubmissions, type SendNeeds } from "../../src/background/send-submissions.ts";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { SubmissionInput } from "../../src/mail/submission.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { systemClock } from "../../src/observe.ts";
import { createSubmission } from "../../src/operations/create-submission.ts";
import { type SmtpDeadlines, smtpDeadlines } from "../../src/protocols/smtp/deadlines.ts";
import { openSubmitter } from "../../src/protocols/smtp/open-submitter.ts";
import { createSubmitters } from "../../src/sessions/lend-submitter.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow, ServerSettings } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import { createVault } from "../../src/vault/vault.ts";
import { createFakeClock } from "../fake-clock.ts";
import { localGuard } from "../protocols/smtp/scripted.ts";
import { newRow } from "./sending-house.ts";

export type Outbox = Awaited<ReturnType<typeof openOutbox>>;

export type OutboxOptions = { deadlines?: Partial<SmtpDeadlines>; maxMessage?: number; needs?: Partial<SendNeeds> };

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

/** A message that is accepted as it is, past the operation that builds one. */
export type Letter = Partial<Pick<SubmissionRow, "saveToSent" | "deliverBefore" | "sendAt">> & {
  to?: string[];
  /** The body, CRLF line ends. */
  body?: string;
};

async function* oneByOne(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** What is claimed and not settled, and how many claims there were. */
function counted(store: Store) {
  const open = new Set<string>();
  let claims = 0;
  const submissions: Store["submissions"] = {
    ...store.submissions,
    async claim(...given) {
      const claimed = await store.submissions.claim(...given);
      claims += claimed.length;
      for (const { submission } of claimed) open.add(submission.id);
      return claimed;
    },
    async settle(outcomes) {
      const written = await store.submissions.settle(outcomes);
      for (const { id } of outcomes) open.delete(id);
      return written;
    },
    async giveBack(given, now) {
      await store.submissions.giveBack(given, now);
      for (const { id } of given) open.delete(id);
    },
  };
  return { submissions, open, claims: () => claims };
}

/** All of sending on a real SQLite file: an app, its accounts on the given SMTP servers, accepting and flushing. */
export async function openOutbox(options: OutboxOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), "postern-outbox-"));
  const path = join(directory, "postern.db");
  let store = createStore(openSqlite(path));
  const fake = createFakeClock();
  // What is only to gather work passes by itself.
  const clock = {
    ...fake,
    sleep: (ms: number, signal?: AbortSignal) => (ms < 50 ? systemClock : fake).sleep(ms, signal),
  };
  const wake = createInProcessWake(clock);
  const vault = createVault({ secret: "a-long-random-sealing-secret-0001" });
  const logged: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const appId = randomId("app");
  await store.apps.insert({ id: appId, name: "test", createdAt: clock.now() });
  const submitters = createSubmitters({ clock });
  const caller: AppCaller = { kind: "app", appId, keyId: randomId("key"), scopes: ["messages:send"], accountIds: null };
  const deadlines = { ...smtpDeadlines, ...options.deadlines };

  const accepting = () =>
    createSubmission({
      ...store,
      submitters,
      wake,
      clock,
      mailboxes: { lend: () => Promise.reject(new Failure("no-incoming", "There are no mailboxes here.")) },
      idKey: createIdKeys(vault, 10),
      places: createPlaceCache(10),
      maxMessage: options.maxMessage ?? 50 * 1024 * 1024,
    });
  const sending = (change: Partial<SendNeeds> = {}) => {
    const hand = counted(store);
    const dispatcher = sendSubmissions({
      ...store,
      submissions: hand.submissions,
      vault,
      submitters,
      openSubmitter: (server) => openSubmitter({ guard: localGuard, deadlines }, server),
      wake,
      clock,
      log: { write: (_, event, fields) => void logged.push({ event, fields }) },
      metrics: { count: () => {}, observe: () => {}, gauge: () => {} },
      leaseMs,
      random: () => 0.5,
      owner: "worker-1",
      ...options.needs,
      ...change,
    });
    return { ...hand, ...dispatcher };
  };
  let create = accepting();
  let sender = sending();
  let keys = 0;

  return {
    clock,
    wake,
    caller,
    logged,
    directory,
    accepting,
    sending,
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
    /** Accepts a message; its id. */
    async accept(account: AccountRow, letter: Letter = {}): Promise<string> {
      const now = clock.now();
      const id = orderedId("sub", now);
      const { to = ["bob@example.org"], body = "Hello, Bob\r\n", ...others } = letter;
      const messageId = `<${id}@example.org>`;
      const octets = Buffer.from(
        `From: ${account.email}\r\nTo: ${to[0] ?? ""}\r\nSubject: Hello\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: ${messageId}\r\n\r\n${body}`,
      );
      const row: SubmissionRow = {
        ...newRow(id, account.id, now),
        appId,
        idempotencyKey: `key-${++keys}`,
        messageId,
        envelope: { from: account.email, to },
        recipients: to.map((email) => ({ email, state: "pending", code: null, enhancedCode: null, text: null })),
        blobId: `blob_${id}`,
        size: octets.length,
        ...others,
        ...(typeof others.sendAt === "number" && { state: "scheduled", nextAttemptAt: others.sendAt }),
      };
      const isLong = octets.length > 512 * 1024;
      if (isLong) await store.blobs.write(row.blobId ?? "", account.id, oneByOne([octets]), now);
      await store.submissions.accept(row, isLong ? null : octets);
      wake.wake("submissions", account.id);
      return id;
    },
    step: () => sender.step(),
    /** Steps until nothing is due, and everything that they began is over. */
    async flush() {
      const before = sender.claims();
      for (;;) {
        const { nextAt } = await sender.step();
        while (sender.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
        const over = new AbortController();
        const waiting = wake.wait("submissions", null, 1_000, over.signal);
        over.abort();
        if (!(await waiting) && (nextAt === null || nextAt > clock.now()))
          return { worked: sender.claims() - before, nextAt };
      }
    },
    /** Resolves when nothing is under way any more. */
    async quiet(): Promise<void> {
      while (sender.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
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
      sender = sending();
    },
    async close(): Promise<void> {
      submitters.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
