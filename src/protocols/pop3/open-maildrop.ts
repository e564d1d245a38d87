import { Failure } from "../../errors.ts";
import { type Capabilities, type Lacking, unsupportedByProtocol } from "../../mail/capabilities.ts";
import { assertFlagChange } from "../../mail/flags.ts";
import type { Mailbox, Page, Search } from "../../mail/mailbox.ts";
import type { KeptMaildrop } from "../../mail/maildrop.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import type { Log } from "../../observe.ts";
import { beginnings } from "./beginnings.ts";
import { assertInbox, type Call } from "./call.ts";
import { deadlines } from "./deadline.ts";
import { folderStatus, listFolders } from "./folder-status.ts";
import { getHeaders } from "./get-headers.ts";
import { getMessage } from "./get-message.ts";
import { getParts } from "./get-parts.ts";
import { identities } from "./identities.ts";
import { keepHeaders } from "./keep-headers.ts";
import { keys } from "./keys.ts";
import { listMessages } from "./list-messages.ts";
import { type Maildrop, readMaildrop } from "./maildrop.ts";
import { openAttachment } from "./open-attachment.ts";
import { type OpenPop3, openPop3 } from "./open-pop3.ts";
import { openRaw } from "./open-raw.ts";
import { assertPage } from "./position.ts";
import { removeMessages } from "./remove-messages.ts";
import { heads, search } from "./search.ts";
import { assertAnswerable } from "./search-facts.ts";
import { setFlags } from "./set-flags.ts";
import { summaries } from "./summaries.ts";

export type OpenMaildrop = OpenPop3 & {
  /** What Postern keeps of this account's maildrop. */
  kept: KeptMaildrop;
  log: Log;
};

const capabilities: Capabilities = {
  folders: false,
  move: false,
  keywords: true,
  append: false,
  search: "headers",
  push: "poll",
  flagStorage: "gateway",
};

/**
 * Logs in to a maildrop and shows it as a mailbox with one folder, INBOX. It is the maildrop as it was at the login: what
 * comes later is seen by the next one, so that a mailbox is for one piece of work and not to be kept. A stream holds the
 * session until it ends or is left, and calls wait for that. After a removal the session is over, and `dead`. Fails with what
 * `openPop3` fails with.
 */
export async function openMaildrop({ kept, log, ...options }: OpenMaildrop): Promise<Mailbox<MaildropPlace>> {
  const { clock } = options;
  const session = await openPop3(options);
  // Some let everybody in whose password is right, and say only now that POP3 is switched off for him.
  const { count } = await session.stat().catch(async (error: unknown) => {
    await session.close();
    throw error;
  });
  let maildrop: Maildrop | null = null;
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  /** One call at a time, in their order, each within `ms` as far as it reads headers. */
  async function inTurn<T>(work: (call: Call) => Promise<T>, ms = deadlines.list): Promise<T> {
    waiting++;
    const turn = tail.then(async () => {
      // What it fails with is what has ended the session.
      if (session.dead) await session.noop();
      maildrop ??= await readMaildrop(session, { count, clock, duplicates: kept.duplicates });
      return work({ session, maildrop, kept, clock, log, until: clock.now() + ms });
    });
    tail = turn.catch(() => {});
    return turn.finally(() => waiting--);
  }

  async function searched<T>(
    by: (call: Call, page: Page<MaildropPlace>, wanted: Search) => Promise<T>,
    path: string,
    page: Page<MaildropPlace>,
    wanted: Search,
  ): Promise<T> {
    assertInbox(path);
    assertPage(page);
    assertAnswerable(wanted.expression);
    return inTurn((call) => by(call, page, wanted));
  }

  return {
    capabilities: () => capabilities,
    folders: () => inTurn(listFolders, deadlines.search),
    async status(path) {
      assertInbox(path);
      return inTurn(folderStatus);
    },
    async list(path, page) {
      assertInbox(path);
      assertPage(page);
      return inTurn((call) => listMessages(call, page));
    },
    search: (path, page, wanted) => searched(search, path, page, wanted),
    heads: (path, page, wanted) => searched(heads, path, page, wanted),
    summaries: (places) => inTurn((call) => summaries(call, places)),
    watching: {
      kind: "maildrop",
      loginDelay: session.loginDelay,
      get bodiesOnly() {
        return session.hasTop === "no";
      },
      keys: () => inTurn(keys, deadlines.keys),
      keepHeaders: (some) => inTurn((call) => keepHeaders(call, some)),
    },
    get: (place, wanted) => inTurn((call) => getMessage(call, place, wanted)),
    beginnings: (messages, octets) => inTurn((call) => beginnings(call, messages, octets), deadlines.search),
    headers: (places, octets) => inTurn((call) => getHeaders(call, places, octets), deadlines.search),
    parts: (place, wanted) => inTurn((call) => getParts(call, place, wanted)),
    openRaw: (place, range) => inTurn((call) => openRaw(call, place, range)),
    openAttachment: (place, section, choose) => inTurn((call) => openAttachment(call, place, section, choose)),
    async setFlags(places, change) {
      assertFlagChange(change);
      return inTurn((call) => setFlags(call, places, change));
    },
    remove: (places) => inTurn((call) => removeMessages(call, places)),
    move: async () => lacks("move"),
    append: async () => lacks("append"),
    createFolder: async () => lacks("folders"),
    renameFolder: async () => lacks("folders"),
    deleteFolder: async () => lacks("folders"),
    subscribeFolder: async () => lacks("folders"),
    identities: (places) => inTurn((call) => identities(call, places)),
    async locate() {
      throw new Failure(
        "unsupported-by-protocol",
        "POP3 gives messages no key that another folder could know them by.",
      );
    },
    withMessageId: async () => [],
    get unfinished() {
      return waiting === 0 ? session.unfinished : tail.then(() => session.unfinished);
    },
    alerts: () => [],
    close: () => session.close(),
    get dead() {
      return session.dead;
    },
  };
}

function lacks(capability: Lacking): never {
  throw unsupportedByProtocol(capability);
}
