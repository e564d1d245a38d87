import { messageNumber } from "./argument.ts";
import type { Dialog } from "./dialog.ts";
import { Failure } from "../../errors.ts";
import { closed, failure, messageRefusal } from "./failures.ts";
import { makePipeline } from "./pipeline.ts";
import type { Session } from "./session.ts";
import type { Status } from "./status.ts";

/**
 * Deletes messages for good: DELE each and QUIT, as one (RFC 1939 §6). The session is over then. What was not there any more is
 * `missing`; a refusal of any other kind deletes nothing and fails. Once QUIT is sent, anything but its +OK is
 * `delete-unconfirmed`: some or all may be deleted. Fails otherwise with nothing deleted.
 */
export async function remove(session: Session, numbers: readonly number[]): Promise<{ missing: number[] }> {
  const checked = numbers.map(messageNumber);
  const { dialog } = session;
  return session.inTurn(async () => {
    const answers = makePipeline(session, "DELE", checked.length, (index) => `DELE ${checked[index]}`);
    const missing: number[] = [];
    let refused: Failure | null = null;
    for (const number of numbers) {
      if (refused && answers.outstanding === 0) break;
      const status = await answers.next();
      if (status.ok) continue;
      const why = messageRefusal(status, dialog.where);
      if (why.code === "message-gone") missing.push(number);
      else refused ??= why;
      if (refused) answers.stop();
    }
    if (refused) {
      await unmark(dialog);
      throw refused;
    }
    await quit(dialog);
    return { missing };
  });
}

/** RSET; a line that is dropped without QUIT deletes nothing either (RFC 1939 §6). */
async function unmark(dialog: Dialog): Promise<void> {
  const status = await dialog.ask("RSET", "RSET");
  if (!status.ok) dialog.kill(closed(dialog.host));
}

async function quit(dialog: Dialog): Promise<void> {
  // A line that is gone by now is noticed, where it can be, before QUIT is said to nobody.
  dialog.idle();
  await new Promise<void>((resolve) => setImmediate(resolve));
  const status = await dialog.ask("QUIT", "QUIT").catch((error: unknown) => {
    const isSent = dialog.where.phase === "QUIT";
    throw isSent ? unconfirmed(dialog, null, error) : error;
  });
  dialog.kill(closed(dialog.host));
  if (!status.ok) throw unconfirmed(dialog, status);
}

function unconfirmed(dialog: Dialog, said: Status | null, cause?: unknown): Failure {
  const detail = "The mail server did not confirm that the messages are deleted; some or all of them may be.";
  const why = cause instanceof Failure ? { cause } : {};
  return failure("delete-unconfirmed", detail, { host: dialog.host, phase: "QUIT" }, said, why);
}
