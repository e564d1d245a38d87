import { Failure } from "../errors.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionRow } from "../store/submission-rows.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type LookInSent, lookInSent } from "./look-in-sent.ts";
import { endPlacing, uidsAt } from "./our-doing.ts";
import { maxAppended, storeMessage, type StoreMessage } from "./store-message.ts";
import { writing } from "./with-mailbox.ts";

export type FileSentCopy = LookInSent &
  StoreMessage & {
    intents: Pick<Store["intents"], "list">;
    blobs: Pick<Store["blobs"], "read">;
    memory: ByteBudget;
  };

/** `there`: somebody else has; `absent`: it is not, and was not to be stored; `no-folder`: there is no sent folder. */
export type FiledSentCopy = "stored" | "there" | "absent" | "no-folder";

/**
 * Puts a copy of what was sent into the sent folder, marked as read, unless one with its Message-ID is there: so it can be done again however
 * an earlier try ended. `mayStore` is asked right before it is stored; null: it is only looked for. Fails `message-too-large` for more than 32 MiB, or than the server
 * takes, `not-found` where the message's octets are gone, as lending a session does, or with what the server or the line failed with.
 */
export const fileSentCopy = (needs: FileSentCopy) => {
  const look = lookInSent(needs);
  return async (
    account: AccountRow,
    row: SubmissionRow,
    mayStore: (() => Promise<boolean>) | null,
  ): Promise<FiledSentCopy> => {
    const { folder, place } = await look(account, row.messageId, null);
    if (folder === null) return "no-folder";
    const intent = intentOf(row);
    if (place !== null) {
      const known = await needs.intents.list(account.id, needs.clock.now());
      if (!known.some(({ id }) => id === intent)) return "there";
      // It is of a try that was cut off: the watcher is told so.
      await endPlacing(needs, account, intent, { placed: uidsAt(folder, place), placements: [] });
      return "stored";
    }
    if (mayStore === null) return "absent";
    if (row.size > maxAppended)
      throw new Failure("message-too-large", `No copy of more than ${maxAppended} octets is put into the sent folder.`);
    return needs.memory.spend(account.appId, row.size, async () => {
      const message = await octetsOf(needs, row);
      const asked = { folder: folder.id, intent, flags: ["seen" as const], keywords: [], receivedAt: row.finishedAt };
      if (!(await mayStore())) return "absent";
      const { signal } = new AbortController();
      await writing(needs, account, (mailbox) => storeMessage(needs, mailbox, account, message, asked), signal);
      return "stored";
    });
  };
};

/** The same in each try. */
const intentOf = ({ id }: SubmissionRow): string => id.replace(/^sub_/, "int_");

async function octetsOf({ blobs }: Pick<FileSentCopy, "blobs">, { blobId }: SubmissionRow): Promise<Uint8Array> {
  if (blobId === null) throw new Failure("not-found", "The message's octets are gone.");
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.read(blobId)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
