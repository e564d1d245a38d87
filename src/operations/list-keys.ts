import { z } from "zod";
import type { ApiKey } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { findApp } from "./find-app.ts";
import { viewKey } from "./view-tenant.ts";

/** The keys of an app, ascending by id, without the keys themselves. Fails `not-found`, `invalid-cursor`. */
export const listKeys =
  (needs: { apps: Pick<Store["apps"], "get">; keys: Pick<Store["keys"], "list">; cursorKey: Uint8Array }) =>
  async (appId: string, input: { limit: number; cursor?: string | undefined }): Promise<Page<ApiKey>> => {
    await findApp(needs.apps, appId);
    const filter = ["keys", appId];
    const after = input.cursor === undefined ? null : decodeCursor(needs.cursorKey, filter, input.cursor, z.string());
    const rows = await needs.keys.list(appId, { after, limit: input.limit + 1 });
    const data = rows.slice(0, input.limit);
    const last = data.at(-1);
    const more = rows.length > data.length && last !== undefined;
    return {
      data: data.map((row) => viewKey({ ...row, appId })),
      nextCursor: more ? encodeCursor(needs.cursorKey, filter, last.id) : null,
    };
  };
