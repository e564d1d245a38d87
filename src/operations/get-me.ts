import type { App, Caller, Scope } from "../mail/tenant.ts";
import { timestampOrNull } from "../mail/time.ts";
import type { Store } from "../store/store.ts";
import { unauthorized } from "./authenticate.ts";
import { viewApp } from "./view-tenant.ts";

export type Me =
  | { kind: "operator"; keyId: string | null }
  | {
      kind: "app";
      keyId: string;
      app: App;
      scopes: Scope[];
      accountIds: string[] | null;
      expiresAt: string | null;
    };

/** What the caller's key is. An app or key that went away meanwhile is `unauthorized`. */
export const getMe =
  (needs: { apps: Pick<Store["apps"], "get">; keys: Pick<Store["keys"], "get"> }) =>
  async (caller: Caller): Promise<Me> => {
    if (caller.kind === "operator") return caller;
    const [app, key] = await Promise.all([needs.apps.get(caller.appId), needs.keys.get(caller.appId, caller.keyId)]);
    if (app === null || key === null) throw unauthorized();
    const { keyId, scopes, accountIds } = caller;
    return { kind: "app", keyId, app: viewApp(app), scopes, accountIds, expiresAt: timestampOrNull(key.expiresAt) };
  };
