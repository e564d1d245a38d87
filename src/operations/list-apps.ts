import type { App } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { viewApp } from "./view-tenant.ts";

const filter = ["apps"];

/** All apps, ascending by id. Fails `invalid-cursor`. */
export const listApps =
  (needs: { apps: Pick<Store["apps"], "list">; cursorKey: Uint8Array }) =>
  async ({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<App>> => {
    const after = startOf(needs.cursorKey, filter, cursor);
    const rows = await needs.apps.list({ after, limit: limit + 1 });
    return pageOfRows(needs.cursorKey, filter, rows, limit, viewApp);
  };
