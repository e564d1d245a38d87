import { deliverWebhooks } from "./background/deliver-webhooks.ts";
import { followUp } from "./background/follow-up.ts";
import { createInProcessWake } from "./background/in-process-wake.ts";
import { sendSubmissions } from "./background/send-submissions.ts";
import { sweep } from "./background/sweep.ts";
import { watchAccounts } from "./background/watch-accounts.ts";
import { createFront } from "./http/front.ts";
import { registerRoutes } from "./http/routes.ts";
import { alone } from "./mail/fleet.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import type { ServerLogin } from "./mail/server.ts";
import type { Submitter } from "./mail/submitter.ts";
import { appendMessage } from "./operations/append-message.ts";
import { authenticate } from "./operations/authenticate.ts";
import { createByteBudget } from "./operations/byte-budget.ts";
import { cancelSubmission } from "./operations/cancel-submission.ts";
import { createAccount } from "./operations/create-account.ts";
import { createApp } from "./operations/create-app.ts";
import { createFolder } from "./operations/create-folder.ts";
import { createKey } from "./operations/create-key.ts";
import { createRawSubmission } from "./operations/create-raw-submission.ts";
import { createSubmission } from "./operations/create-submission.ts";
import { createUpload } from "./operations/create-upload.ts";
import { createWebhook } from "./operations/create-webhook.ts";
import { deleteAccount } from "./operations/delete-account.ts";
import { deleteFolder } from "./operations/delete-folder.ts";
import { deleteKey } from "./operations/delete-key.ts";
import { batchMessages } from "./operations/batch-messages.ts";
import { deleteMessage } from "./operations/delete-message.ts";
import { deleteWebhook } from "./operations/delete-webhook.ts";
import { fileSentCopy } from "./operations/file-sent-copy.ts";
import { flagOriginal } from "./operations/flag-original.ts";
import { getAccountStatus } from "./operations/get-account-status.ts";
import { getAccount } from "./operations/get-account.ts";
import { getDelivery } from "./operations/get-delivery.ts";
import { getFolder } from "./operations/get-folder.ts";
import { getKey } from "./operations/get-key.ts";
import { getMe } from "./operations/get-me.ts";
import { getHtml } from "./operations/get-html.ts";
import { getMessage } from "./operations/get-message.ts";
import { getSubmission } from "./operations/get-submission.ts";
import { getText } from "./operations/get-text.ts";
import { getThread } from "./operations/get-thread.ts";
import { getWebhook } from "./operations/get-webhook.ts";
import { listAccounts } from "./operations/list-accounts.ts";
import { listApps } from "./operations/list-apps.ts";
import { listDeliveries } from "./operations/list-deliveries.ts";
import { listEvents } from "./operations/list-events.ts";
import { listFolders } from "./operations/list-folders.ts";
import { listKeys } from "./operations/list-keys.ts";
import { listMessages } from "./operations/list-messages.ts";
import { listSubmissions } from "./operations/list-submissions.ts";
import { listThreads } from "./operations/list-threads.ts";
import { listWebhooks } from "./operations/list-webhooks.ts";
import { createMessageTurns } from "./operations/message-turns.ts";
import { lookInSent } from "./operations/look-in-sent.ts";
import { openAttachment } from "./operations/open-attachment.ts";
import { openRaw } from "./operations/open-raw.ts";
import { pauseAccount } from "./operations/pause-account.ts";
import { createPlaceCache } from "./operations/place-cache.ts";
import { redeliver } from "./operations/redeliver.ts";
import { resumeAccount } from "./operations/resume-account.ts";
import { rotateWebhookSecret } from "./operations/rotate-webhook-secret.ts";
import { rewrapKeys } from "./operations/settle-secrets.ts";
import { streamEvents } from "./operations/stream-events.ts";
import { testWebhook } from "./operations/test-webhook.ts";
import { threadIdsOf } from "./operations/thread-of.ts";
import { updateAccount } from "./operations/update-account.ts";
import { updateFolder } from "./operations/update-folder.ts";
import { updateMessage } from "./operations/update-message.ts";
import { updateSubmission } from "./operations/update-submission.ts";
import { updateWebhook } from "./operations/update-webhook.ts";
import { verifyAccount } from "./operations/verify-account.ts";
import { createKnownMessages } from "./protocols/imap/known-messages.ts";
import { openImap } from "./protocols/imap/open-imap.ts";
import { openMaildrop } from "./protocols/pop3/open-maildrop.ts";
import { keptMaildrop } from "./sessions/kept-maildrop.ts";
import { createMailboxes } from "./sessions/lend-mailbox.ts";
import { createSubmitters } from "./sessions/lend-submitter.ts";
import { loginKey } from "./sessions/login-key.ts";
import { loginOf } from "./sessions/login-of.ts";
import { createLoginPace } from "./sessions/login-pace.ts";
import { untilFree } from "./sessions/until-free.ts";
import type { AccountRow } from "./store/rows.ts";
import { createIdKeys } from "./vault/id-keys.ts";
import { lookOnce } from "./watching/look-once.ts";
import { watchAccount } from "./watching/watch-account.ts";
import { attemptDelivery } from "./webhooks/attempt-delivery.ts";
import type { Postern, World } from "./world.ts";

/** Message places remembered, about 200 octets each. */
const placesKept = 50_000;
/** What is remembered of listed messages, of all accounts together, octets. */
const knownOctets = 16 * 1024 * 1024;
/** What of messages to be stored is held at once, octets, and how long one waits for its share, milliseconds. */
const heldAtOnce = { total: 128 * 1024 * 1024, waitMs: 10_000 };
/** Accounts' id keys kept open. */
const idKeysKept = 2_000;
/** Logins of watchers at one host in a second: begun so, they end as 20 at most. */
const loginsPerSecond = 18;

/** Builds everything once: the only file that knows every room. */
export function compose(world: World): Postern {
  const { store, vault, guard, log, metrics, clock, imapTransport, cursorKey, maxMessage, leaseMs, owner } = world;
  const { webhookPoster: poster, webhookTimeoutMs: timeoutMs } = world;
  const webhookHands = world.webhookHands === undefined ? {} : { webhookHands: world.webhookHands };
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
  const connectOutgoing = (login: ServerLogin): Submitter => world.openSubmitter({ guard }, login);

  const fleet = world.fleet ?? alone;
  const wake = world.wake ?? createInProcessWake(clock);
  const mailboxes = createMailboxes({
    open: openMailbox,
    forget: (accountId) => knownMessages.forget(accountId),
    accounts,
    wake,
    clock,
    log,
    fleet,
  });
  const submitters = createSubmitters({ clock, fleet });
  const stopping = new AbortController();
  const idKey = createIdKeys(vault, idKeysKept);
  const needs = {
    ...store,
    vault,
    guard,
    clock,
    cursorKey,
    mailboxes,
    submitters,
    idKey,
    threadIdsOf: threadIdsOf({ ...store, idKey }),
    wake,
    maxMessage,
    leaseMs,
    log,
    metrics,
    fleet,
    owner,
    watchWindow: world.watchWindow,
    eventDays: world.eventDays,
    maxStreamMs: world.maxStreamMs,
    stopping: stopping.signal,
    openMailbox: (account: AccountRow) => untilFree(clock, () => openMailbox(account)),
    openSubmitter: async (account: AccountRow) =>
      submitters.noted(loginKey(account, "outgoing"), connectOutgoing(loginOf(vault, account, "outgoing"))),
    places: createPlaceCache(placesKept),
    messageTurns: createMessageTurns(),
    memory: createByteBudget(clock, { ...heldAtOnce, total: world.heldAtOnce ?? heldAtOnce.total }),
  };

  const attempt = attemptDelivery({ ...needs, poster, timeoutMs });

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
    batchMessages: batchMessages(needs),
    getHtml: getHtml(needs),
    getText: getText(needs),
    openRaw: openRaw(needs),
    openAttachment: openAttachment(needs),
    listThreads: listThreads(needs),
    getThread: getThread(needs),
    createSubmission: createSubmission(needs),
    createRawSubmission: createRawSubmission(needs),
    createUpload: createUpload(needs),
    listSubmissions: listSubmissions(needs),
    getSubmission: getSubmission(needs),
    updateSubmission: updateSubmission(needs),
    cancelSubmission: cancelSubmission(needs),
    listEvents: listEvents(needs),
    streamEvents: streamEvents(needs),
    createWebhook: createWebhook(needs),
    listWebhooks: listWebhooks(needs),
    getWebhook: getWebhook(needs),
    updateWebhook: updateWebhook(needs),
    deleteWebhook: deleteWebhook(needs),
    testWebhook: testWebhook({ ...needs, attemptDelivery: attempt }),
    rotateWebhookSecret: rotateWebhookSecret(needs),
    listDeliveries: listDeliveries(needs),
    getDelivery: getDelivery(needs),
    redeliver: redeliver(needs),
  });
  const outbox = { ...needs, openSubmitter: connectOutgoing, random: Math.random };
  const looks = {
    ...needs,
    window: world.watchWindow,
    every: world.watchEvery,
    pace: createLoginPace(clock, loginsPerSecond, fleet),
    random: Math.random,
  };
  const { lookMemory: memory = null } = world;
  return {
    app,
    dispatcher: sendSubmissions(outbox),
    follower: followUp({
      ...needs,
      lookInSent: lookInSent(needs),
      fileSentCopy: fileSentCopy(needs),
      flagOriginal: flagOriginal(needs),
      random: Math.random,
    }),
    sweep: sweep({ ...needs, rewrapKeys: rewrapKeys(needs) }),
    watchers: watchAccounts({
      ...needs,
      watch: (watched) => (memory === null ? watchAccount(looks, watched) : lookOnce({ ...looks, memory }, watched)),
    }),
    deliverer: deliverWebhooks({ ...needs, ...webhookHands, attempt, timeoutMs, random: Math.random }),
    wake,
    clock,
    endStreams: () => stopping.abort(),
    close() {
      mailboxes.close();
      submitters.close();
      poster.close();
    },
  };
}
