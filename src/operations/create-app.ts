import { randomId } from "../mail/id.ts";
import type { App } from "../mail/tenant.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { viewApp } from "./view-tenant.ts";

/** Makes an app: a tenant with nothing in it yet. */
export const createApp =
  (needs: { apps: Pick<Store["apps"], "insert">; clock: Pick<Clock, "now"> }) =>
  async (input: { name: string }): Promise<App> => {
    const app = { id: randomId("app"), name: input.name, createdAt: needs.clock.now() };
    await needs.apps.insert(app);
    return viewApp(app);
  };
