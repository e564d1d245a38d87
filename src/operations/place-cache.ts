import type { ImapPlace } from "../mail/message.ts";

/**
 * Where permanent ids were last seen, filled by listings, least recently used out first. A place is (UIDVALIDITY, UID), which
 * never comes to mean another message, so a stale entry costs one failed FETCH and no more.
 */
export type PlaceCache = {
  get(accountId: string, id: string): ImapPlace | null;
  put(accountId: string, id: string, place: ImapPlace): void;
  /** A message that is at this place no more; an entry that names another one stays. */
  forget(accountId: string, id: string, stale: ImapPlace): void;
  /** A move of ours has ended, at a place that is known or not. */
  moved(accountId: string, id: string, place: ImapPlace | null): void;
  /** Grows with every move in the account: who searched while it grew may have searched past the message. */
  moves(accountId: string): number;
};

export function createPlaceCache(capacity: number): PlaceCache {
  const places = recent<ImapPlace>(capacity);
  const moves = recent<number>(capacity);
  let ended = 0;
  const keyOf = (accountId: string, id: string): string => `${accountId} ${id}`;
  return {
    get: (accountId, id) => places.get(keyOf(accountId, id)) ?? null,
    put: (accountId, id, place) => places.set(keyOf(accountId, id), place),
    forget(accountId, id, stale) {
      const key = keyOf(accountId, id);
      const place = places.get(key);
      if (place?.path === stale.path && place.uidValidity === stale.uidValidity && place.uid === stale.uid)
        places.delete(key);
    },
    moved(accountId, id, place) {
      ended += 1;
      moves.set(accountId, ended);
      if (place === null) places.delete(keyOf(accountId, id));
      else places.set(keyOf(accountId, id), place);
    },
    moves: (accountId) => moves.get(accountId) ?? 0,
  };
}

/** A map of so many entries; the one that was asked for longest ago makes room. */
function recent<T>(capacity: number): Pick<Map<string, T>, "get" | "delete"> & { set(key: string, value: T): void } {
  const entries = new Map<string, T>();
  const touch = (key: string, value: T): void => {
    entries.delete(key);
    entries.set(key, value);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) touch(key, value);
      return value;
    },
    set(key, value) {
      touch(key, value);
      if (entries.size <= capacity) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    delete: (key) => entries.delete(key),
  };
}
