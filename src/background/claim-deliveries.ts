import type { Clock } from "../observe.ts";
import { viewEnvelope } from "../operations/view-event.ts";
import type { DeliveryClaim } from "../store/webhook-rows.ts";
import type { DeliveryStore, WebhookStore } from "../store/webhook-store.ts";
import { payloadOfWritten } from "../webhooks/payload.ts";
import type { HeldDeliveries } from "./held-deliveries.ts";
import { type Held, isBlocked, isFailing, type Receiver, type Receivers } from "./receivers.ts";
import type { Outcome } from "./settle-deliveries.ts";
import { failedBy, whyNot } from "./unattempted.ts";

type Needs = {
  webhooks: Pick<WebhookStore, "byId">;
  deliveries: Pick<DeliveryStore, "claim">;
  clock: Pick<Clock, "now">;
  owner: string;
};

/** What the deliverer knows and does. */
type House = {
  receivers: Receivers;
  held: HeldDeliveries;
  settle: (mine: Held, outcome: Omit<Outcome, "epoch">) => void;
  giveBack: (mine: Held) => void;
  giveBackAll: (receiver: Receiver) => void;
  maySend: (receiver: Receiver) => boolean;
  keepOnlyWhatMay: (receiver: Receiver) => void;
  begin: () => void;
};

/** Deliveries of a webhook that are claimed in one write: the first requests begin while the next are claimed. */
const rowsAtOnce = 320;

/** Claims what is due for a webhook, as far as there are hands for it, and begins; false when there was nothing. */
export function claimDeliveries(needs: Needs, house: House): (webhookId: string) => Promise<boolean> {
  const { webhooks, deliveries, clock } = needs;
  const { receivers, held, settle, giveBack, giveBackAll, maySend, keepOnlyWhatMay, begin } = house;

  /** Reads a webhook's row again; null when it is gone. */
  async function read(webhookId: string): Promise<Receiver | null> {
    const known = receivers.all.get(webhookId);
    const noted = known?.noted ?? 0;
    const row = await webhooks.byId(webhookId);
    if (row !== null) {
      // What waits was taken in for what the webhook was.
      if (known !== undefined && known.webhook.version !== row.version) giveBackAll(known);
      return receivers.keep(row, noted, clock.now());
    }
    if (known !== undefined) known.webhook = { ...known.webhook, disabledBecause: "caller" };
    return null;
  }

  async function claim(webhookId: string): Promise<boolean> {
    const known = receivers.all.get(webhookId);
    let isFresh = known === undefined || isBlocked(known, clock.now());
    const receiver = isFresh ? await read(webhookId) : (known ?? null);
    if (receiver === null || isBlocked(receiver, clock.now())) return false;
    let wanted = receivers.wanted(receiver);
    if (wanted === 0) return true;
    let [asked, got] = [0, 0];
    receivers.hold(receiver, wanted);
    try {
      const mayGoOn = (): boolean => got === asked && maySend(receiver) && (asked === 0 || !isFailing(receiver));
      while (wanted > 0 && mayGoOn()) {
        const limit = Math.min(wanted, rowsAtOnce);
        wanted -= limit;
        asked += limit;
        got += await claimSome(receiver, limit, isFresh);
        isFresh = false;
      }
    } finally {
      receivers.hold(receiver, -wanted);
    }
    return got > 0;
  }

  /** How many there were. `isFresh`: the row was read just now. */
  async function claimSome(receiver: Receiver, limit: number, isFresh: boolean): Promise<number> {
    const now = clock.now();
    const { leaseMs } = held;
    const { id } = receiver.webhook;
    // What was changed before an event came counts for it: the row is read anew.
    const [claimed, reading] = await Promise.allSettled([
      deliveries.claim(id, { owner: needs.owner, now, leaseMs, limit }),
      isFresh ? receiver : read(id),
    ]);
    receivers.hold(receiver, -limit);
    if (claimed.status === "rejected") throw claimed.reason;
    receiver.more = claimed.value.length === limit;
    takeIn(receiver, claimed.value, now + leaseMs, reading.status === "fulfilled");
    keepOnlyWhatMay(receiver);
    begin();
    if (reading.status === "rejected") throw reading.reason;
    return claimed.value.length;
  }

  /** Where the webhook's row is not known as it is now, all is given back. */
  function takeIn(receiver: Receiver, claims: DeliveryClaim[], leaseUntil: number, isRowKnown: boolean): void {
    for (const claimed of claims) {
      const { delivery, epoch, event } = claimed;
      const error = whyNot(claimed, receiver.webhook);
      const body = error === null && event !== null ? payloadOfWritten(viewEnvelope(event), event.data) : "";
      const mine = held.take({ delivery, epoch, body, receiver, leaseUntil });
      if (!isRowKnown) giveBack(mine);
      else if (error === null) receivers.put(receiver, [mine]);
      else settle(mine, failedBy(delivery, error, clock.now()));
    }
  }

  return claim;
}
