import { createFront } from "./http/front.ts";
import type { Front, FrontNeeds } from "./http/env.ts";
import { createAccount as createAccountRoute } from "./http/accounts/create-account.ts";
import { deleteAccount as deleteAccountRoute } from "./http/accounts/delete-account.ts";
import { getAccount as getAccountRoute } from "./http/accounts/get-account.ts";
import { getAccountStatus as getAccountStatusRoute } from "./http/accounts/get-account-status.ts";
import { listAccounts as listAccountsRoute } from "./http/accounts/list-accounts.ts";
import { updateAccount as updateAccountRoute } from "./http/accounts/update-account.ts";
import { verifyAccount as verifyAccountRoute } from "./http/accounts/verify-account.ts";
import { createApp as createAppRoute } from "./http/apps/create-app.ts";
import { listApps as listAppsRoute } from "./http/apps/list-apps.ts";
import { listFolders as listFoldersRoute } from "./http/folders/list-folders.ts";
import { createKey as createKeyRoute } from "./http/keys/create-key.ts";
import { deleteKey as deleteKeyRoute } from "./http/keys/delete-key.ts";
import { getKey as getKeyRoute } from "./http/keys/get-key.ts";
import { listKeys as listKeysRoute } from "./http/keys/list-keys.ts";
import { getMe as getMeRoute } from "./http/me/get-me.ts";
import { deleteMessage as deleteMessageRoute } from "./http/messages/delete-message.ts";
import { downloadAttachment } from "./http/messages/download-attachment.ts";
import { downloadRaw } from "./http/messages/download-raw.ts";
import { getMessage as getMessageRoute } from "./http/messages/get-message.ts";
import { listMessages as listMessagesRoute } from "./http/messages/list-messages.ts";
import { updateMessage as updateMessageRoute } from "./http/messages/update-message.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import type { Guard } from "./mail/server.ts";
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
import { openSubmitter } from "./protocols/smtp/open-submitter.ts";
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
    return openSubmitter({ guard }, loginOf(vault, account, "outgoing"));
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
  createAppRoute(app, createApp({ apps, clock }));
  listAppsRoute(app, listApps({ apps, cursorKey }));
  createKeyRoute(app, createKey({ apps, accounts, keys, clock }));
  listKeysRoute(app, listKeys({ apps, keys, cursorKey }));
  getKeyRoute(app, getKey({ keys }));
  deleteKeyRoute(app, deleteKey({ keys }));
  getMeRoute(app, getMe({ apps, keys }));

  createAccountRoute(app, createAccount(needs));
  listAccountsRoute(app, listAccounts(needs));
  getAccountRoute(app, getAccount(needs));
  updateAccountRoute(app, updateAccount(needs));
  deleteAccountRoute(app, deleteAccount(needs));
  verifyAccountRoute(app, verifyAccount(needs));
  getAccountStatusRoute(app, getAccountStatus(needs));

  listFoldersRoute(app, listFolders(needs));
  listMessagesRoute(app, listMessages(needs));
  getMessageRoute(app, getMessage(needs));
  downloadRaw(app, openRaw(needs));
  downloadAttachment(app, openAttachment(needs));
  updateMessageRoute(app, updateMessage(needs));
  deleteMessageRoute(app, deleteMessage(needs));

  return { app, close: () => mailboxes.close() };
}
