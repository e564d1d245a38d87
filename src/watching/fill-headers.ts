import { Failure } from "../errors.ts";
import type { MaildropWatching } from "../mail/watch.ts";
import type { AccountRow } from "../store/rows.ts";
import type { WatchNeeds } from "./round.ts";

/** Headers that are read ahead after one look at most, and how long, milliseconds: the maildrop is locked meanwhile (RFC 1939 §4). */
const atOnce = { headers: 500, ms: 4_000 };

/** How long a server is spared that has failed or refused, milliseconds. */
const sparedMs = 6 * 3_600_000;

/**
 * Has some more headers of a maildrop kept after a look at it, so that a search soon finds them all. Whoever waits for the
 * maildrop ends it. Fails with nothing that the server does: all there was to tell was told.
 */
export async function fillHeaders(
  { clock, log, every, mailboxes }: Pick<WatchNeeds, "clock" | "log" | "every" | "mailboxes">,
  account: AccountRow,
  watching: MaildropWatching,
  signal: AbortSignal,
): Promise<void> {
  if (clock.now() < (every.headersFrom ?? 0)) return;
  const until = clock.now() + atOnce.ms;
  const goOn = (): boolean => clock.now() < until && !signal.aborted && !mailboxes.awaited(account);
  try {
    await watching.keepHeaders({ most: atOnce.headers, goOn });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code !== "storage-unavailable") every.headersFrom = clock.now() + sparedMs;
    log.write("info", "maildrop.not_filled", { accountId: account.id, code: error.code });
  }
}
