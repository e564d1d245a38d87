import { alone, type Fleet, partOfRate } from "../mail/fleet.ts";
import { profileOf } from "../mail/provider-profile.ts";
import type { AccountRow } from "../store/rows.ts";

/**
 * An account whose messages a rate may hold back: `beginsFrom` is when it lets the next one begin, milliseconds since the epoch. Its `fleet` keeps the rate
 * together; absent: this process is the only one.
 */
export type Paced = { account: Pick<AccountRow, "outgoing">; beginsFrom: number; fleet?: Fleet };

/** How many may begin at once, and how far apart the others are, milliseconds. */
type Rate = { atOnce: number; apart: number };

/** The longest that a rate of one process makes the next message wait, milliseconds. */
const longest = 60_000;

/** A twentieth of the rate may come at once; no minute, wherever it begins, has more than the rate. Null where there is none. */
function rateOf({ account: { outgoing }, fleet = alone }: Paced): Rate | null {
  if (outgoing === null) return null;
  const ofAll = outgoing.maxPerMinute ?? profileOf(outgoing.host)?.maxPerMinute ?? null;
  if (ofAll === null) return null;
  const perMinute = partOfRate(fleet, ofAll);
  const atOnce = Math.ceil(perMinute / 20);
  return { atOnce, apart: 60_000 / (perMinute - atOnce + 1) };
}

/** From when on the rate counts. */
const earliest = ({ beginsFrom }: Paced, { atOnce, apart }: Rate, now: number): number =>
  Math.max(beginsFrom, now - (atOnce - 1) * apart);

/** Its rate lets nothing begin yet. A clock that was set back makes nobody wait longer for it. */
export function mustWait(sender: Paced, now: number): boolean {
  if (sender.beginsFrom > now + longest * (sender.fleet ?? alone).live()) sender.beginsFrom = now;
  return sender.beginsFrom > now;
}

/** A message begins. */
export function pace(sender: Paced, now: number): void {
  const rate = rateOf(sender);
  sender.beginsFrom = rate === null ? 0 : earliest(sender, rate, now) + rate.apart;
}

/** How many may begin now. */
export function inRate(sender: Paced, now: number): number {
  const rate = rateOf(sender);
  return rate === null ? Infinity : Math.floor((now - earliest(sender, rate, now)) / rate.apart) + 1;
}
