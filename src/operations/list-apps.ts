import { z } from "zod";
import type { App } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { decodeCursor, encodeCursor, type Page } from "./cursor.ts";
import { viewApp } from "./view-tenant.ts";

const filter = ["apps"];

/** All apps, ascending by id. Fails `invalid-cursor`. */
export const listApps =
  (needs: { apps: Pick<Store["apps"], "list">; cursorKey: Uint8Array }) =>
  async (input: { limit: number; cursor?: string | undefined }): Promise<Page<App>> => {
    const after = input.cursor === undefined ? null : decodeCursor(needs.cursorKey, filter, input.cursor, z.string());
    const rows = await needs.apps.list({ after, limit: input.limit + 1 });
    const data = rows.slice(0, input.limit);
    const last = data.at(-1);
    const more = rows.length > data.length && last !== undefined;
    return { data: data.map(viewApp), nextCursor: more ? encodeCursor(needs.cursorKey, filter, last.id) : null };
  };
