import { invalid } from "../errors.ts";
import { randomId } from "../mail/id.ts";
import type { ApiKey, Scope } from "../mail/tenant.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { hashKey, hintOf, mintKey } from "./api-key.ts";
import { findApp } from "./find-app.ts";
import { requireAccounts } from "./require-accounts.ts";
import { viewKey } from "./view-tenant.ts";

export type KeyInput = {
  name: string;
  scopes: Scope[];
  /** Null: every account of the app, later ones too. */
  accountIds: string[] | null;
  /** RFC 3339; null: never. */
  expiresAt: string | null;
};

type Needs = {
  apps: Pick<Store["apps"], "get">;
  accounts: Pick<Store["accounts"], "get">;
  keys: Pick<Store["keys"], "insert">;
  clock: Pick<Clock, "now">;
};

/**
 * Makes a key of an app. The answer's `key` is the only time that the key itself is told. Fails `not-found` without such
 * an app, `validation-failed` when an account is not the app's or the expiry has passed.
 */
export const createKey =
  (needs: Needs) =>
  async (appId: string, input: KeyInput): Promise<ApiKey & { key: string }> => {
    await findApp(needs.apps, appId);
    const now = needs.clock.now();
    const expiresAt = input.expiresAt === null ? null : Date.parse(input.expiresAt);
    if (expiresAt !== null && expiresAt <= now) throw invalid("/expiresAt", "past", "The time has passed already.");
    await requireAccounts(needs.accounts, { appId, accountIds: null }, input.accountIds);
    const key = mintKey();
    const row = {
      id: randomId("key"),
      appId,
      name: input.name,
      hash: hashKey(key),
      hint: hintOf(key),
      scopes: input.scopes,
      accountIds: input.accountIds,
      expiresAt,
      createdAt: now,
    };
    await needs.keys.insert(row);
    return { ...viewKey(row), key };
  };
