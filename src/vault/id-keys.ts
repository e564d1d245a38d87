import { createSecretKey, type KeyObject } from "node:crypto";
import type { KeyHolder, Vault } from "./vault.ts";

type Holder = KeyHolder & { sealedIdKey: string };

/**
 * Opens accounts' id keys and keeps up to `capacity` of them open, least recently used out first: each id that is made or
 * checked needs one. An open key serves only the account, app and sealed text that it was opened for. It is a KeyObject,
 * because Node makes an HMAC with one six times as fast as with octets, and because nothing prints its octets.
 */
export function createIdKeys(vault: Pick<Vault, "open">, capacity: number): (account: Holder) => KeyObject {
  const open = new Map<string, KeyObject>();
  return (account) => {
    const name = JSON.stringify([account.appId, account.id, account.sealedIdKey]);
    const key = open.get(name) ?? createSecretKey(vault.open(account, "idKey", account.sealedIdKey));
    open.delete(name);
    open.set(name, key);
    const [oldest] = open.keys();
    if (open.size > capacity && oldest !== undefined) open.delete(oldest);
    return key;
  };
}
