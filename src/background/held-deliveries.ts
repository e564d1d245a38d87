import type { Clock } from "../observe.ts";
import type { DeliveryStore } from "../store/webhook-store.ts";
import type { Held, Receivers } from "./receivers.ts";

export type HoldNeeds = {
  deliveries: Pick<DeliveryStore, "renew">;
  clock: Pick<Clock, "now">;
  /** How long a claim holds without being renewed, beyond the time that an attempt may take, milliseconds. */
  leaseMs: number;
  /** How long an attempt may take, milliseconds. */
  timeoutMs: number;
};

export type HeldDeliveries = ReturnType<typeof holdDeliveries>;

/** All that this process has claimed, from the claim until its outcome is written; by delivery. */
export function holdDeliveries({ deliveries, clock, leaseMs, timeoutMs }: HoldNeeds, receivers: Receivers) {
  const held = new Map<string, Held>();

  /** Early enough that an attempt may yet begin. */
  const renewalOf = ({ leaseUntil }: Held) => leaseUntil - timeoutMs - leaseMs / 2;

  function letGo(mine: Held | undefined): void {
    if (mine === undefined || held.get(mine.delivery.id) !== mine) return;
    held.delete(mine.delivery.id);
    receivers.hold(mine.receiver, -1);
  }

  return {
    leaseMs: leaseMs + timeoutMs,

    take(claim: Omit<Held, "confirmedAt">): Held {
      const mine = { ...claim, confirmedAt: clock.now() };
      letGo(held.get(claim.delivery.id));
      held.set(claim.delivery.id, mine);
      receivers.hold(claim.receiver, 1);
      return mine;
    },

    /** The claim of a delivery, if it is still this one. */
    find(id: string, epoch: number): Held | null {
      const mine = held.get(id);
      return mine?.epoch === epoch ? mine : null;
    },

    letGo,

    /** It may run out while an attempt is under way, and may be another's by now. */
    isLate: ({ leaseUntil }: Held): boolean => leaseUntil - clock.now() <= timeoutMs,

    /** Extends claims in time, and those that ran out and are nobody else's yet. Lets go of all others: what waits is not begun. */
    async renew(): Promise<void> {
      const now = clock.now();
      const old: Held[] = [];
      for (const one of held.values()) if (renewalOf(one) <= now) old.push(one);
      if (old.length === 0) return;
      const leaseUntil = now + leaseMs + timeoutMs;
      const claims = old.map(({ delivery, epoch }) => ({ id: delivery.id, epoch }));
      const standing = new Set(await deliveries.renew(claims, leaseUntil));
      for (const one of old) if (standing.has(one.delivery.id)) one.leaseUntil = leaseUntil;
      const lost = old.filter((one) => !standing.has(one.delivery.id));
      receivers.take(new Set(lost));
      for (const one of lost) letGo(one);
    },

    /** When the first of the claims has to be renewed; Infinity without any. */
    renewal(): number {
      let first = Infinity;
      for (const one of held.values()) first = Math.min(first, renewalOf(one));
      return first;
    },
  };
}
