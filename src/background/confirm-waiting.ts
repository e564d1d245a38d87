import type { Clock } from "../observe.ts";
import type { DeliveryStore } from "../store/webhook-store.ts";
import type { Held, Receivers } from "./receivers.ts";

export type ConfirmNeeds = {
  deliveries: Pick<DeliveryStore, "confirm">;
  clock: Pick<Clock, "now">;
};

/**
 * Asks of what has waited a while whether it may still begin: its webhook may have been changed or removed since, or its
 * account. What may is fresh again; what may not is handed to `giveBack`. `begin` is called when answers are here. One asking at a time:
 * a call while it goes on waits for it. Fails with `storage-unavailable`.
 */
export function confirmWaiting(
  { deliveries, clock }: ConfirmNeeds,
  receivers: Pick<Receivers, "unconfirmed" | "take">,
  { giveBack, begin }: { giveBack: (lost: Held) => void; begin: () => void },
): () => Promise<void> {
  let asking: Promise<void> | null = null;

  async function ask(): Promise<void> {
    for (let asked = receivers.unconfirmed(clock.now()); asked.length > 0; asked = receivers.unconfirmed(clock.now())) {
      const claims = asked.map(({ delivery: { id }, epoch, receiver }) => {
        return { id, epoch, version: receiver.webhook.version };
      });
      const standing = new Set(await deliveries.confirm(claims));
      // As of the answer: a database that is slow, and no more, must not have all asked again.
      const at = clock.now();
      for (const one of asked) if (standing.has(one.delivery.id)) one.confirmedAt = at;
      const lost = new Set(asked.filter((one) => !standing.has(one.delivery.id)));
      for (const one of receivers.take(lost)) giveBack(one);
      begin();
    }
  }

  return () => (asking ??= ask().finally(() => (asking = null)));
}
