import type { ApiKey } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { findApp } from "./find-app.ts";
import { viewKey } from "./view-tenant.ts";

/** The keys of an app, ascending by id, without the keys themselves. Fails `not-found`, `invalid-cursor`. */
export const listKeys =
  (needs: { apps: Pick<Store["apps"], "get">; keys: Pick<Store["keys"], "list">; cursorKey: Uint8Array }) =>
  async (appId: string, { limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<ApiKey>> => {
    await findApp(needs.apps, appId);
    const filter = ["keys", appId];
    const after = startOf(needs.cursorKey, filter, cursor);
    const rows = await needs.keys.list(appId, { after, limit: limit + 1 });
    return pageOfRows(needs.cursorKey, filter, rows, limit, (row) => viewKey({ ...row, appId }));
  };
