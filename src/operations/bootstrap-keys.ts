import { randomId } from "../mail/id.ts";
import { scopes } from "../mail/tenant.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { hashKey, hintOf, mintKey } from "./api-key.ts";

/** The setting that says that it has been done, and when. */
const setting = "bootstrap-keys";

export type FirstKeys = { operatorKey: string; appId: string; appKey: string };

/**
 * On the very first start: an operator key, an app "Default" and its key with every scope, told this once. Null on every
 * later start. The setting is written first, by one process only: dying in between leaves a server without keys, which
 * POSTERN_ADMIN_KEY opens, and never two sets of keys.
 */
export const bootstrapKeys =
  (needs: {
    settings: Pick<Store["settings"], "putOnce">;
    apps: Pick<Store["apps"], "insert">;
    keys: Pick<Store["keys"], "insert">;
    clock: Pick<Clock, "now">;
  }) =>
  async (): Promise<FirstKeys | null> => {
    const now = needs.clock.now();
    const claim = `${now} ${randomId("req")}`;
    if ((await needs.settings.putOnce(setting, claim)) !== claim) return null;
    const app = { id: randomId("app"), name: "Default", createdAt: now };
    await needs.apps.insert(app);
    const operatorKey = mintKey();
    const appKey = mintKey();
    const common = { accountIds: null, expiresAt: null, createdAt: now };
    await needs.keys.insert({
      ...common,
      id: randomId("key"),
      appId: null,
      name: "First operator key",
      hash: hashKey(operatorKey),
      hint: hintOf(operatorKey),
      scopes: [],
    });
    await needs.keys.insert({
      ...common,
      id: randomId("key"),
      appId: app.id,
      name: "First app key",
      hash: hashKey(appKey),
      hint: hintOf(appKey),
      scopes: [...scopes],
    });
    return { operatorKey, appId: app.id, appKey };
  };
