import type { EventType } from "../mail/event.ts";
import { timestampOrNull } from "../mail/time.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock, Log } from "../observe.ts";
import { newEvent } from "../store/new-event.ts";
import type { DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";
import type { WebhookStore } from "../store/webhook-store.ts";
import { nothingFound, type Found, type Receiver } from "./receivers.ts";

export type NoteNeeds = {
  webhooks: Pick<WebhookStore, "byId" | "note" | "disable">;
  wake: Pick<Wake, "wake">;
  clock: Pick<Clock, "now">;
  log: Log;
};

/** A webhook that has only failed for so long is disabled, milliseconds. */
const failingMs = 5 * 86_400_000;
/** How long a delivery has been failing that shows that it is not one bad moment, and the longest between two of its tries, milliseconds. */
const lasts = { longerThan: 86_400_000, apart: 27 * 3_600_000 };

/**
 * Whether a delivery whose next try began at `at` had been failing for a day by then, without a longer break: of a webhook to which
 * nothing was sent for days, a single failure says little.
 */
export function hasLasted({ tries, attempts }: Pick<DeliveryRow, "tries" | "attempts">, at: number): boolean {
  const before = tries === 0 ? [] : attempts.slice(-tries);
  const first = before[0]?.at ?? Infinity;
  const last = before.at(-1)?.at ?? -Infinity;
  return at - first >= lasts.longerThan && at - last <= lasts.apart;
}

/**
 * Gathers receivers of whom there is something to write, and writes it, one `write` at a time: a call while it goes on waits for it. What
 * fails is logged and kept for the next. `noted` is told of each.
 */
export function noteReceivers(needs: NoteNeeds, noted: (receiver: Receiver) => void) {
  const news = new Set<Receiver>();
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    const found = [...news];
    news.clear();
    await Promise.all(
      found.map(async (receiver) => {
        try {
          await noteReceiver(needs, receiver);
        } catch (error) {
          news.add(receiver);
          needs.log.write("error", "webhook.not-noted", { webhookId: receiver.webhook.id, error });
        }
        noted(receiver);
      }),
    );
  }

  return {
    add: (receiver: Receiver) => void news.add(receiver),
    write: (): Promise<void> => (writing ??= writeAll().finally(() => (writing = null))),
  };
}

/**
 * Writes what attempts have shown of a receiver, and disables its webhook where that is due: it answered 410, or has failed for five
 * days, and one delivery throughout the last of them. What could not be written is kept for the next time; fails with `storage-unavailable`.
 */
async function noteReceiver(needs: NoteNeeds, receiver: Receiver): Promise<void> {
  const { found, webhook } = receiver;
  receiver.found = nothingFound;
  try {
    await note(needs, receiver, found);
    if (found.goneFrom !== null) await disable(needs, receiver, found.goneFrom, "gone");
    else if (found.lasting) await disableFailing(needs, receiver);
  } catch (error) {
    if (receiver.webhook.version === webhook.version) receiver.found = joined(found, receiver.found);
    throw error;
  } finally {
    receiver.noted += 1;
  }
}

async function note({ webhooks }: NoteNeeds, receiver: Receiver, found: Found): Promise<void> {
  const { webhook } = receiver;
  let { failingSince, holdUntil } = webhook;
  if (found.good && failingSince !== null) {
    await webhooks.note(webhook, { failingSince: null });
    failingSince = null;
  }
  const isFirst = failingSince === null && found.failingSince !== null;
  const isHeld = found.holdUntil > holdUntil;
  if (isFirst || isHeld)
    await webhooks.note(webhook, {
      ...(isFirst && { failingSince: found.failingSince }),
      ...(isHeld && { holdUntil: found.holdUntil }),
    });
  failingSince ??= found.failingSince;
  holdUntil = Math.max(holdUntil, found.holdUntil);
  if (receiver.webhook.version === webhook.version) receiver.webhook = { ...receiver.webhook, failingSince, holdUntil };
}

async function disableFailing(needs: NoteNeeds, receiver: Receiver): Promise<void> {
  const before = needs.clock.now() - failingMs;
  if ((receiver.webhook.failingSince ?? Infinity) > before) return;
  // Another process may have delivered, and then it is not so long; and what was changed is begun anew when it is read.
  const row = await needs.webhooks.byId(receiver.webhook.id);
  if (row === null || row.version !== receiver.webhook.version) return;
  receiver.webhook = row;
  if ((row.failingSince ?? Infinity) <= before) await disable(needs, receiver, row, "failing");
}

async function disable(
  { webhooks, wake, clock, log }: NoteNeeds,
  receiver: Receiver,
  webhook: WebhookRow,
  reason: "gone" | "failing",
): Promise<void> {
  if (webhook.disabledBecause !== null) return;
  const { id, appId, failingSince } = webhook;
  const now = clock.now();
  const data = {
    webhookId: id,
    url: withoutQuery(webhook.url),
    reason,
    failingSince: timestampOrNull(receiver.webhook.failingSince ?? failingSince),
  };
  const type: EventType = "webhook.disabled";
  const event = newEvent({ id: "", appId, externalId: null }, type, now, data);
  if (!(await webhooks.disable(webhook, reason, now, event))) return;
  receiver.webhook = { ...receiver.webhook, disabledBecause: reason, disabledAt: now };
  wake.wake("events", appId);
  log.write("warn", "webhook.disabled", { webhookId: id, appId, reason });
}

/** A query may hold what is nobody else's business. */
function withoutQuery(url: string): string {
  const told = new URL(url);
  told.search = "";
  return told.href;
}

function joined(before: Found, after: Found): Found {
  return {
    good: before.good || after.good,
    failingSince: after.good ? after.failingSince : (before.failingSince ?? after.failingSince),
    holdUntil: Math.max(before.holdUntil, after.holdUntil),
    goneFrom: after.goneFrom ?? before.goneFrom,
    lasting: !after.good && (before.lasting || after.lasting),
  };
}
