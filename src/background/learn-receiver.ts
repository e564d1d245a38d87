import type { WebhookRow } from "../store/webhook-rows.ts";
import type { Receiver } from "./receivers.ts";

/** The weight of the last request in the smoothed duration. */
const weight = 0.2;

/**
 * Takes in how a request ended, after so many milliseconds. `webhook` is what it was when the request began: of one that was changed
 * since it says nothing, because that may have another receiver.
 */
export function learn(
  receiver: Receiver,
  done: {
    receiver: "good" | "failed" | "gone";
    holdUntil: number | null;
    at: number;
    tookMs: number;
    lasting: boolean;
  },
  webhook: WebhookRow,
): void {
  if (receiver.webhook.version !== webhook.version) return;
  const { found, tookMs } = receiver;
  const isGood = done.receiver === "good";
  receiver.tookMs = tookMs === null ? done.tookMs : tookMs + weight * (done.tookMs - tookMs);
  receiver.failures = isGood ? 0 : receiver.failures + 1;
  receiver.found = {
    good: found.good || isGood,
    failingSince: isGood ? null : (found.failingSince ?? done.at),
    holdUntil: Math.max(found.holdUntil, done.holdUntil ?? 0),
    goneFrom: done.receiver === "gone" ? webhook : found.goneFrom,
    lasting: !isGood && (found.lasting || done.lasting),
  };
}
