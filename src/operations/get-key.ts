import { Failure } from "../errors.ts";
import type { ApiKey } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { viewKey } from "./view-tenant.ts";

/** One key of an app, without the key itself. Fails `not-found`. */
export const getKey =
  (needs: { keys: Pick<Store["keys"], "get"> }) =>
  async (appId: string, keyId: string): Promise<ApiKey> => {
    const row = await needs.keys.get(appId, keyId);
    if (row === null) throw new Failure("not-found", "The app has no such key.");
    return viewKey({ ...row, appId });
  };
