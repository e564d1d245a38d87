import { Failure } from "../errors.ts";
import type { AppendWith, Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { beginPlacing, endPlacing, uidsAt } from "./our-doing.ts";
import { requireCapability } from "./require-capability.ts";
import { onFolder, resolveTarget } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";

export type StoreMessage = SyncFolders & {
  intents: Pick<Store["intents"], "insert" | "settle" | "remove">;
  placements: Pick<Store["placements"], "save">;
};

/** Octets of one message: it is held whole, because APPEND announces its length first. */
export const maxAppended = 32 * 1024 * 1024;

/**
 * How long the watcher holds new messages of the folder back, milliseconds: longer than any APPEND of so many octets takes,
 * and what goes with it. No session waits for a line that carries less than 32 octets per millisecond.
 */
const intentLife = (octets: number): number => 180_000 + Math.ceil(octets / 24);

/**
 * Stores a message (CRLF line ends, no NUL) in the folder that `wanted` names, an id or a role, told to the watcher as our doing. The folder, and
 * where the message lies there; null where nobody can tell. `intent` is the id to tell it by; a new one by default. Fails: `unsupported-by-protocol`,
 * `not-found`, `message-too-large`, `refused-by-server`, `unsupported-by-server`. A failure with `stored: "unknown"` may have stored it.
 */
export async function storeMessage(
  needs: StoreMessage,
  mailbox: Mailbox,
  account: AccountRow,
  message: Uint8Array,
  asked: AppendWith & { folder: string; intent?: string },
): Promise<{ folder: FolderRow; place: Place | null }> {
  const { folder: wanted, intent: known, ...options } = asked;
  requireCapability(mailbox, "append");
  const named = await resolveTarget(needs, mailbox, account, wanted);
  const { folder, uidNext } = await onFolder(needs, mailbox, account, named, async (current) => ({
    folder: current,
    uidNext: (await mailbox.status(current.path)).uidNext,
  }));
  const life = intentLife(message.byteLength);
  const intent = await beginPlacing(needs, account, { folder, uidNext, source: null, life, id: known });
  const place = await mailbox.append(folder.path, message, options, uidNext).catch(async (error: unknown) => {
    const isRefused = error instanceof Failure && error.details.extra?.["stored"] === undefined;
    if (isRefused) await needs.intents.remove([intent]);
    throw error;
  });
  await endPlacing(needs, account, intent, { placed: place && uidsAt(folder, place), placements: [] });
  return { folder, place };
}
