import { Failure } from "../errors.ts";
import type { Store } from "../store/store.ts";

/** Revokes a key: refused from the next request on. Fails `not-found`. */
export const deleteKey =
  (needs: { keys: Pick<Store["keys"], "remove"> }) =>
  async (appId: string, keyId: string): Promise<void> => {
    if (!(await needs.keys.remove(appId, keyId))) throw new Failure("not-found", "The app has no such key.");
  };
