import { Failure, invalid } from "../errors.ts";
import type { AppendWith, Mailbox } from "../mail/mailbox.ts";
import type { Message, Place, StoredMessage } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { readCrlf } from "../mime/crlf.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { findAccount } from "./find-account.ts";
import { identifyMessages, type IdentifyMessages } from "./identify-messages.ts";
import { maxAppended, storeMessage, type StoreMessage } from "./store-message.ts";
import { viewMessage } from "./view-message.ts";
import { writing, type WithMailbox } from "./with-mailbox.ts";

/** `folder` is an id or a role. */
export type AppendAsked = AppendWith & {
  folder: string;
  /** How many octets were announced; null: nobody knows. */
  announced: number | null;
  /** Reads the message as it comes, no more than `limit` octets. */
  read: (limit: number) => AsyncIterable<Uint8Array>;
  /** Aborted when the caller has left: nothing is stored then that was not begun. */
  signal: AbortSignal;
};

type Needs = WithMailbox &
  StoreMessage &
  IdentifyMessages & {
    accounts: Pick<Store["accounts"], "get">;
    /** Octets of a message that a caller sends, at most. */
    maxMessage: number;
    memory: ByteBudget;
  };

/**
 * Stores a raw message in a folder: octet for octet, but for a bare LF, which becomes CRLF. It is read whole before a
 * session is lent, so that a slow upload holds none. Answers the message; without an id where nobody can tell which one of
 * the folder it is. Fails: `body-too-large`, `message-too-large`, `account-busy`, `refused-by-server`, `unsupported-by-server`
 * for flags, `not-found` for the folder, `validation-failed` for a NUL. A failure with `stored: "unknown"` may have stored it.
 */
export const appendMessage =
  (needs: Needs) =>
  async (caller: AppCaller, accountId: string, asked: AppendAsked): Promise<Message | StoredMessage> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const limit = Math.min(maxAppended, needs.maxMessage);
    // A message of bare LFs becomes twice as long.
    const room = Math.min(2 * (asked.announced ?? limit), limit);
    return needs.memory.spend(caller.appId, room, async () => {
      const message = await readCrlf(asked.read(limit), room);
      if (message === null) throw tooLarge(limit);
      if (message.includes(0)) throw invalid("", "nul", "A message has no NUL: mail servers can't store it as it is.");
      return writing(needs, account, (mailbox) => store(needs, mailbox, account, message, asked), asked.signal);
    });
  };

function tooLarge(limit: number): Failure {
  return new Failure("body-too-large", `The message is larger than ${limit} octets with CRLF line ends.`, {
    extra: { limit },
  });
}

async function store(
  needs: Needs,
  mailbox: Mailbox,
  account: AccountRow,
  message: Uint8Array,
  { folder: wanted, flags, keywords, receivedAt }: AppendAsked,
): Promise<Message | StoredMessage> {
  const { folder, place } = await storeMessage(needs, mailbox, account, message, {
    folder: wanted,
    flags,
    keywords,
    receivedAt,
  });
  const stored = place && (await view(needs, mailbox, account, folder, place));
  if (stored !== null) return stored;
  const known = { accountId: account.id, folderIds: [folder.id], size: message.byteLength };
  return { ...known, warnings: ["id-unknown"] };
}

/** Null where it is gone already, or can't be read now: it was stored nevertheless. */
async function view(
  needs: Needs,
  mailbox: Mailbox,
  account: AccountRow,
  folder: FolderRow,
  place: Place,
): Promise<Message | null> {
  try {
    const { summary } = await mailbox.get(place, {});
    const [id = ""] = await identifyMessages(needs, account, folder, [summary]);
    return viewMessage(summary, { id, accountId: account.id, folderIds: [folder.id] });
  } catch (error) {
    if (error instanceof Failure && error.code !== "internal") return null;
    throw error;
  }
}
