import { maildropKeyText } from "../mail/maildrop.ts";
import type { Place } from "../mail/message.ts";
import type { Found } from "./find-message.ts";

/** Those of the messages that lie at these places, which are the same objects. */
export function withPlaces<F extends Found>(found: F[], places: Place[]): F[] {
  const all = new Set<Place>(places);
  return found.filter(({ place }) => all.has(place));
}

export function without<F extends Found>(found: F[], others: Found[]): F[] {
  const all = new Set(others);
  return found.filter((one) => !all.has(one));
}

/** Messages of one folder, each once: several ids may name one. */
export function eachOnce<F extends Found>(found: F[]): F[] {
  const nameOf = ({ place }: F): string => ("key" in place ? maildropKeyText(place.key) : String(place.uid));
  return [...new Map(found.map((one) => [nameOf(one), one])).values()];
}
