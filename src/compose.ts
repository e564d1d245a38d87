import { Failure } from "./errors.ts";
import { createFront } from "./http/front.ts";
import type { Front, FrontNeeds } from "./http/env.ts";
import { registerRoutes } from "./http/routes.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import type { Guard, ServerLogin } from "./mail/server.ts";
import type { Submitter } from "./mail/submitter.ts";
import { authenticate } from "./operations/authenticate.ts";
import { createAccount } from "./operations/create-account.ts";
import { createApp } from "./operations/create-app.ts";
import { createKey } from "./operations/create-key.ts";
import { deleteAccount } from "./operations/delete-account.ts";
import { deleteKey } from "./operations/delete-key.ts";
import { deleteMessage } from "./operations/delete-message.ts";
import { getAccount } from "./operations/get-account.ts";
import { getAccountStatus } from "./operations/get-account-status.ts";
import { getKey } from "./operations/get-key.ts";
import { getMe } from "./operations/get-me.ts";
import { getMessage } from "./operations/get-message.ts";
import { listAccounts } from "./operations/list-accounts.ts";
import { listApps } from "./operations/list-apps.ts";
import { listFolders } from "./operations/list-folders.ts";
import { listKeys } from "./operations/list-keys.ts";
import { listMessages } from "./operations/list-messages.ts";
import { openAttachment } from "./operations/open-attachment.ts";
import { openRaw } from "./operations/open-raw.ts";
import { createPlaceCache } from "./operations/place-cache.ts";
import { updateAccount } from "./operations/update-account.ts";
import { updateMessage } from "./operations/update-message.ts";
import { verifyAccount } from "./operations/verify-account.ts";
import { openImap, type ImapTransport } from "./protocols/imap/open-imap.ts";
import { createMailboxes } from "./sessions/lend-mailbox.ts";
import { loginOf } from "./sessions/login-of.ts";
import type { AccountRow } from "./store/rows.ts";
import type { Store } from "./store/store.ts";
import type { Vault } from "./vault/vault.ts";

/** What the entry has opened: the parts that differ between a process and a Worker. */
export type World = Omit<FrontNeeds, "authenticate" | "ready"> & {
  store: Store;
  vault: Vault;
  guard: Guard;
  adminKey: string | null;
  /** Authenticates cursors; the same on every replica. */
  cursorKey: Uint8Array;
  /** Opens the sockets where node:net can't; absent on Node. */
  imapTransport?: ImapTransport;
  /** Makes a submitter on a checked outgoing server; null where the runtime can't send mail. */
  openSubmitter: ((needs: { guard: Guard }, login: ServerLogin) => Submitter) | null;
};

export type Postern = { app: Front; close(): void };

/** Message places remembered, about 200 octets each. */
const placesKept = 50_000;

/** Builds everything once: the only file that knows every room. */
export function compose(world: World): Postern {
  const { store, vault, guard, log, clock, imapTransport, cursorKey } = world;
  const { accounts, apps, keys } = store;

  async function openMailbox(account: AccountRow): Promise<Mailbox> {
    const login = loginOf(vault, account, "incoming");
    const admitted = await guard.admit({ protocol: "imap", server: login });
    return openImap({ login, admitted, log, clock, transport: imapTransport });
  }
  async function openOutgoing(account: AccountRow): Promise<Submitter> {
    if (world.openSubmitter === null) return sendsNothing();
    return world.openSubmitter({ guard }, loginOf(vault, account, "outgoing"));
  }

  const mailboxes = createMailboxes({ open: openMailbox, accounts, clock });
  const idKey = (account: AccountRow): Uint8Array => vault.open(account, "idKey", account.sealedIdKey);
  const needs = {
    ...store,
    ...{ vault, guard, clock, cursorKey, mailboxes, submitters: { drop() {} }, idKey },
    openMailbox,
    openSubmitter: openOutgoing,
    places: createPlaceCache(placesKept),
  };

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
    listFolders: listFolders(needs),
    listMessages: listMessages(needs),
    getMessage: getMessage(needs),
    updateMessage: updateMessage(needs),
    deleteMessage: deleteMessage(needs),
    openRaw: openRaw(needs),
    openAttachment: openAttachment(needs),
  });
  return { app, close: () => mailboxes.close() };
}

/** In the place of whatever sends, where the runtime can't: mail that nobody sends is not accepted either. */
function sendsNothing(): never {
  throw new Failure("unsupported-by-runtime", "Where this Postern runs it can't send mail.", {
    fix: "Run Postern on Node to send mail.",
  });
}
