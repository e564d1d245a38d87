import { type Deliverer, deliverWebhooks } from "./background/deliver-webhooks.ts";
import { flushSubmissions, type Flushed } from "./background/flush-submissions.ts";
import { createInProcessWake } from "./background/in-process-wake.ts";
import { sweep } from "./background/sweep.ts";
import { watchAccounts, type Watchers } from "./background/watch-accounts.ts";
import { Failure } from "./errors.ts";
import { createFront } from "./http/front.ts";
import type { Front, FrontNeeds } from "./http/env.ts";
import { registerRoutes } from "./http/routes.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import type { Guard, ServerLogin } from "./mail/server.ts";
import type { Submitter } from "./mail/submitter.ts";
import type { Wake } from "./mail/wake.ts";
import type { WebhookPoster } from "./mail/webhook.ts";
import { appendMessage } from "./operations/append-message.ts";
import { authenticate } from "./operations/authenticate.ts";
import { createByteBudget } from "./operations/byte-budget.ts";
import { createAccount } from "./operations/create-account.ts";
import { createApp } from "./operations/create-app.ts";
import { createFolder } from "./operations/create-folder.ts";
import { createKey } from "./operations/create-key.ts";
import { createSubmission } from "./operations/create-submission.ts";
import { createWebhook } from "./operations/create-webhook.ts";
import { deleteAccount } from "./operations/delete-account.ts";
import { deleteFolder } from "./operations/delete-folder.ts";
import { deleteKey } from "./operations/delete-key.ts";
import { deleteMessage } from "./operations/delete-message.ts";
import { deleteWebhook } from "./operations/delete-webhook.ts";
import { getAccountStatus } from "./operations/get-account-status.ts";
import { getAccount } from "./operations/get-account.ts";
import { getDelivery } from "./operations/get-delivery.ts";
import { getFolder } from "./operations/get-folder.ts";
import { getKey } from "./operations/get-key.ts";
import { getMe } from "./operations/get-me.ts";
import { getMessage } from "./operations/get-message.ts";
import { getSubmission } from "./operations/get-submission.ts";
import { getWebhook } from "./operations/get-webhook.ts";
import { listAccounts } from "./operations/list-accounts.ts";
import { listApps } from "./operations/list-apps.ts";
import { listDeliveries } from "./operations/list-deliveries.ts";
import { listEvents } from "./operations/list-events.ts";
import { listFolders } from "./operations/list-folders.ts";
import { listKeys } from "./operations/list-keys.ts";
import { listMessages } from "./operations/list-messages.ts";
import { listSubmissions } from "./operations/list-submissions.ts";
import { listWebhooks } from "./operations/list-webhooks.ts";
import { openAttachment } from "./operations/open-attachment.ts";
import { openRaw } from "./operations/open-raw.ts";
import { pauseAccount } from "./operations/pause-account.ts";
import { createPlaceCache } from "./operations/place-cache.ts";
import { redeliver } from "./operations/redeliver.ts";
import { resumeAccount } from "./operations/resume-account.ts";
import { rotateWebhookSecret } from "./operations/rotate-webhook-secret.ts";
import { streamEvents } from "./operations/stream-events.ts";
import { testWebhook } from "./operations/test-webhook.ts";
import { updateAccount } from "./operations/update-account.ts";
import { updateFolder } from "./operations/update-folder.ts";
import { updateMessage } from "./operations/update-message.ts";
import { updateWebhook } from "./operations/update-webhook.ts";
import { verifyAccount } from "./operations/verify-account.ts";
import { createKnownMessages } from "./protocols/imap/known-messages.ts";
import { openImap, type ImapTransport } from "./protocols/imap/open-imap.ts";
import type { Dial } from "./protocols/pop3/connection.ts";
import { openMaildrop } from "./protocols/pop3/open-maildrop.ts";
import { keptMaildrop } from "./sessions/kept-maildrop.ts";
import { createMailboxes } from "./sessions/lend-mailbox.ts";
import { createSubmitters } from "./sessions/lend-submitter.ts";
import { loginOf } from "./sessions/login-of.ts";
import { createLoginPace } from "./sessions/login-pace.ts";
import { untilFree } from "./sessions/until-free.ts";
import type { AccountRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";
import { createIdKeys } from "./vault/id-keys.ts";
import type { Vault } from "./vault/vault.ts";
import { attemptDelivery } from "./webhooks/attempt-delivery.ts";

/** What the entry has opened: the parts that differ between a process and a Worker. */
export type World = Omit<FrontNeeds, "authenticate" | "ready"> & {
  store: Store;
  vault: Vault;
  guard: Guard;
  adminKey: string | null;
  /** Octets of a message that a caller sends, at most. */
  maxMessage: number;
  /** How long a stream of events lasts at most, milliseconds; null: as long as its reader stays. */
  maxStreamMs: number | null;
  /** How long claimed work is another's before it may be taken over, milliseconds. */
  leaseMs: number;
  /** Names this process in claims. */
  owner: string;
  /** Authenticates cursors; the same on every replica. */
  cursorKey: Uint8Array;
  /** Opens the sockets where node:net can't; absent on Node. */
  imapTransport?: ImapTransport;
  /** Opens the connections of POP3. */
  dialPop3: Dial;
  /** How many days events are kept. */
  eventDays: number;
  /** Of how many of a folder's newest messages changes are told. */
  watchWindow: number;
  /** How often watchers look at all folders, and at a maildrop, milliseconds. */
  watchEvery: { folders: number; maildrop: number };
  /** Makes a submitter on a checked outgoing server; null where the runtime can't send mail. */
  openSubmitter: ((needs: { guard: Guard }, login: ServerLogin) => Submitter) | null;
  /** Posts to receivers of webhooks; null where the runtime can't. */
  webhookPoster: WebhookPoster | null;
  /** How long a receiver may take, milliseconds. */
  webhookTimeoutMs: number;
};

/** The two doors, and what the entry's loops call. */
export type Postern = {
  app: Front;
  /** One step of the outbox; null where the runtime can't send mail. */
  flush: (() => Promise<Flushed>) | null;
  sweep: () => Promise<void>;
  /** What watches the accounts that this process claims. */
  watchers: Watchers;
  /** What delivers events to webhooks; null where the runtime can't. */
  deliverer: Deliverer | null;
  wake: Wake;
  /** Ends the streams of events, those too that are yet to come: nobody is to wait for their ends. */
  endStreams(): void;
  /** Closes all sessions. */
  close(): void;
};

/** Message places remembered, about 200 octets each. */
const placesKept = 50_000;
/** What is remembered of listed messages, of all accounts together, octets. */
const knownOctets = 16 * 1024 * 1024;
/** What of messages to be stored is held at once, and how long one waits for its share, milliseconds. */
const uploads = { total: 128 * 1024 * 1024, waitMs: 10_000 };
/** Accounts' id keys kept open. */
const idKeysKept = 2_000;
/** Logins of watchers at one host in a second: begun so, they end as 20 at most. */
const loginsPerSecond = 18;
/** Submissions under way at once, each of another account. */
const sendingAtOnce = 16;

/** Builds everything once: the only file that knows every room. */
export function compose(world: World): Postern {
  const { store, vault, guard, log, metrics, clock, imapTransport, cursorKey, maxMessage, leaseMs, owner } = world;
  const { webhookPoster: poster, webhookTimeoutMs: timeoutMs } = world;
  const { accounts, keys } = store;

  const knownMessages = createKnownMessages(knownOctets);
  async function openMailbox(account: AccountRow, { watch } = { watch: false }): Promise<Mailbox> {
    const login = loginOf(vault, account, "incoming");
    const isMaildrop = account.incoming?.protocol === "pop3";
    const admitted = await guard.admit({ protocol: isMaildrop ? "pop3" : "imap", server: login });
    if (isMaildrop) {
      const kept = keptMaildrop(store, account);
      const expectsUidl = account.idStability === "uidl";
      return openMaildrop({ login, admitted, dial: world.dialPop3, clock, kept, log, expectsUidl });
    }
    const known = knownMessages.of(account.id, JSON.stringify([login.host, login.port, login.username]));
    return openImap({ login, admitted, log, clock, known, transport: imapTransport, watch });
  }
  const connectOutgoing = (login: ServerLogin): Submitter => (world.openSubmitter ?? sendsNothing)({ guard }, login);

  const wake = createInProcessWake(clock);
  const mailboxes = createMailboxes({
    open: openMailbox,
    forget: (accountId) => knownMessages.forget(accountId),
    accounts,
    wake,
    clock,
    log,
  });
  const submitters = createSubmitters({ clock });
  const stopping = new AbortController();
  const needs = {
    ...store,
    vault,
    guard,
    clock,
    cursorKey,
    mailboxes,
    submitters,
    idKey: createIdKeys(vault, idKeysKept),
    wake,
    maxMessage,
    leaseMs,
    log,
    metrics,
    owner,
    watchWindow: world.watchWindow,
    eventDays: world.eventDays,
    maxStreamMs: world.maxStreamMs,
    stopping: stopping.signal,
    openMailbox: (account: AccountRow) => untilFree(clock, () => openMailbox(account)),
    openSubmitter: async (account: AccountRow) => connectOutgoing(loginOf(vault, account, "outgoing")),
    places: createPlaceCache(placesKept),
    uploads: createByteBudget(clock, uploads),
  };

  const attempt = poster === null ? null : attemptDelivery({ ...needs, poster, timeoutMs });

  const app = createFront({
    ...world,
    authenticate: authenticate({ keys, clock, adminKey: world.adminKey }),
    ready: () => store.ping(),
  });
  registerRoutes(app, {
    getMe: getMe(needs),
    createApp: createApp(needs),
    listApps: listApps(needs),
    createKey: createKey(needs),
    listKeys: listKeys(needs),
    getKey: getKey(needs),
    deleteKey: deleteKey(needs),
    createAccount: createAccount(needs),
    listAccounts: listAccounts(needs),
    getAccount: getAccount(needs),
    updateAccount: updateAccount(needs),
    deleteAccount: deleteAccount(needs),
    verifyAccount: verifyAccount(needs),
    getAccountStatus: getAccountStatus(needs),
    pauseAccount: pauseAccount(needs),
    resumeAccount: resumeAccount(needs),
    listFolders: listFolders(needs),
    createFolder: createFolder(needs),
    getFolder: getFolder(needs),
    updateFolder: updateFolder(needs),
    deleteFolder: deleteFolder(needs),
    listMessages: listMessages(needs),
    appendMessage: appendMessage(needs),
    getMessage: getMessage(needs),
    updateMessage: updateMessage(needs),
    deleteMessage: deleteMessage(needs),
    openRaw: openRaw(needs),
    openAttachment: openAttachment(needs),
    createSubmission: world.openSubmitter === null ? sendsNothing : createSubmission(needs),
    listSubmissions: listSubmissions(needs),
    getSubmission: getSubmission(needs),
    listEvents: listEvents(needs),
    streamEvents: streamEvents(needs),
    createWebhook: poster === null ? postsNothing : createWebhook(needs),
    listWebhooks: listWebhooks(needs),
    getWebhook: getWebhook(needs),
    updateWebhook: updateWebhook(needs),
    deleteWebhook: deleteWebhook(needs),
    testWebhook: attempt === null ? postsNothing : testWebhook({ ...needs, attemptDelivery: attempt }),
    rotateWebhookSecret: rotateWebhookSecret(needs),
    listDeliveries: listDeliveries(needs),
    getDelivery: getDelivery(needs),
    redeliver: redeliver(needs),
  });
  const outbox = { ...needs, openSubmitter: connectOutgoing, random: Math.random, concurrency: sendingAtOnce };
  return {
    app,
    flush: world.openSubmitter === null ? null : flushSubmissions(outbox),
    sweep: sweep(needs),
    watchers: watchAccounts({
      ...needs,
      window: world.watchWindow,
      every: world.watchEvery,
      pace: createLoginPace(clock, loginsPerSecond),
      random: Math.random,
    }),
    deliverer: attempt === null ? null : deliverWebhooks({ ...needs, attempt, timeoutMs, random: Math.random }),
    wake,
    endStreams: () => stopping.abort(),
    close() {
      mailboxes.close();
      submitters.close();
      poster?.close();
    },
  };
}

/** In the place of whatever sends, where the runtime can't: mail that nobody sends is not accepted either. */
function sendsNothing(): never {
  throw new Failure("unsupported-by-runtime", "Where this Postern runs it can't send mail.", {
    fix: "Run Postern on Node to send mail.",
  });
}

/** The same for webhooks: one that nothing would ever be posted to is not made. */
function postsNothing(): never {
  throw new Failure("unsupported-by-runtime", "Where this Postern runs it can't deliver to webhooks.", {
    fix: "Run Postern on Node to deliver to webhooks; GET /v1/events tells the same events.",
  });
}
