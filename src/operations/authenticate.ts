import { createHash, timingSafeEqual } from "node:crypto";
import { Failure } from "../errors.ts";
import type { Caller } from "../mail/tenant.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { hashKey, isWellFormedKey } from "./api-key.ts";
import { knownScopes } from "./view-tenant.ts";

/** The one answer to every key that is no good. */
export function unauthorized(): Failure {
  return new Failure("unauthorized", "The request carries no valid API key.", {
    fix: "Send an API key that is neither revoked nor expired: Authorization: Bearer pst_…",
  });
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Who a bearer token is: null when it is unknown, revoked, expired or no key at all, and nothing tells which. A token that
 * is no well-formed key costs no database call. `adminKey` null: the operator has set none. Nothing is cached, so that
 * a revoked key is refused from the next request on, in every process.
 */
export const authenticate = (needs: {
  keys: Pick<Store["keys"], "byHash">;
  clock: Pick<Clock, "now">;
  adminKey: string | null;
}) => {
  const admin = needs.adminKey === null ? null : digest(needs.adminKey);
  return async (token: string): Promise<Caller | null> => {
    if (admin !== null && timingSafeEqual(digest(token), admin)) return { kind: "operator", keyId: null };
    if (!isWellFormedKey(token)) return null;
    const row = await needs.keys.byHash(hashKey(token));
    if (row === null || (row.expiresAt !== null && row.expiresAt <= needs.clock.now())) return null;
    if (row.appId === null) return { kind: "operator", keyId: row.id };
    return {
      kind: "app",
      appId: row.appId,
      keyId: row.id,
      scopes: knownScopes(row.scopes),
      accountIds: row.accountIds,
    };
  };
};
