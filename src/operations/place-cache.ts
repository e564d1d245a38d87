import type { ImapPlace } from "../mail/message.ts";

/**
 * Where permanent ids were last seen, filled by listings, least recently used out first. A place is (UIDVALIDITY, UID), which
 * never comes to mean another message, so a stale entry costs one failed FETCH and no more.
 */
export type PlaceCache = {
  get(accountId: string, id: string): ImapPlace | null;
  put(accountId: string, id: string, place: ImapPlace): void;
  forget(accountId: string, id: string): void;
};

export function createPlaceCache(capacity: number): PlaceCache {
  const places = new Map<string, ImapPlace>();
  const keyOf = (accountId: string, id: string): string => `${accountId} ${id}`;
  return {
    get(accountId, id) {
      const key = keyOf(accountId, id);
      const place = places.get(key);
      if (place === undefined) return null;
      places.delete(key);
      places.set(key, place);
      return place;
    },
    put(accountId, id, place) {
      const key = keyOf(accountId, id);
      places.delete(key);
      places.set(key, place);
      if (places.size <= capacity) return;
      const [oldest] = places.keys();
      if (oldest !== undefined) places.delete(oldest);
    },
    forget(accountId, id) {
      places.delete(keyOf(accountId, id));
    },
  };
}
