import type { SendingInput } from "../mail/submission.ts";
import type { Reason } from "../mime/check-header.ts";

const day = 86_400_000;
const maxDelay = 366 * day;
const defaultLifetime = 3 * day;
const maxLifetime = 30 * day;

/** Told of each field that was looked at; null where nothing is wrong with it. */
export type Note = (pointer: string, reason: Reason | null) => void;

/** When a message goes out (null: at once) and until when it is tried, milliseconds. */
export type SendingTimes = { sendAt: number | null; deliverBefore: number };

/** Checks when a message is to go out; all that is wrong is told to `note`, and what is returned then is of no use. */
export function checkSending(input: SendingInput, note: Note, now: number): SendingTimes {
  if (input.sendAt !== undefined && input.undoSeconds !== undefined) {
    note("/undoSeconds", { code: "not-both", detail: "undoSeconds does not stand beside sendAt." });
  }
  const undoUntil = input.undoSeconds === undefined ? null : now + input.undoSeconds * 1000;
  const sendAt = input.sendAt === undefined ? undoUntil : Date.parse(input.sendAt);
  if (sendAt !== null) note("/sendAt", checkSendAt(sendAt, now));
  const begin = sendAt ?? now;
  const deliverBefore = input.deliverBefore === undefined ? begin + defaultLifetime : Date.parse(input.deliverBefore);
  if (!(deliverBefore > begin)) {
    note("/deliverBefore", { code: "in-the-past", detail: "deliverBefore comes after now and after sendAt." });
  }
  if (deliverBefore > begin + maxLifetime) {
    note("/deliverBefore", { code: "too-far", detail: "deliverBefore is at most 30 days after the message is due." });
  }
  return { sendAt, deliverBefore };
}

/** Whether a message may be sent at that time, milliseconds. */
export function checkSendAt(sendAt: number, now: number): Reason | null {
  if (!(sendAt > now)) return { code: "in-the-past", detail: "sendAt is in the future." };
  if (sendAt > now + maxDelay) return { code: "too-far", detail: "sendAt is at most a year ahead." };
  return null;
}
