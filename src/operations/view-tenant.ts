import { scopes, type ApiKey, type App, type Scope } from "../mail/tenant.ts";
import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { AppRow, KeyRow } from "../store/rows.ts";

/** An app as the API tells it. */
export function viewApp(row: AppRow): App {
  return { id: row.id, name: row.name, createdAt: timestamp(row.createdAt) };
}

/** The scopes of a row that this version knows, in the order of the list. */
export function knownScopes(names: string[]): Scope[] {
  return scopes.filter((scope) => names.includes(scope));
}

/** A key as the API tells it: never the key itself. */
export function viewKey(row: KeyRow & { appId: string }): ApiKey {
  return {
    id: row.id,
    appId: row.appId,
    name: row.name,
    hint: row.hint,
    scopes: knownScopes(row.scopes),
    accountIds: row.accountIds,
    expiresAt: timestampOrNull(row.expiresAt),
    createdAt: timestamp(row.createdAt),
  };
}
