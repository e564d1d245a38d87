import type { createApp as CreateApp } from "../operations/create-app.ts";
import type { createKey as CreateKey } from "../operations/create-key.ts";
import type { deleteKey as DeleteKey } from "../operations/delete-key.ts";
import type { getKey as GetKey } from "../operations/get-key.ts";
import type { getMe as GetMe } from "../operations/get-me.ts";
import type { listApps as ListApps } from "../operations/list-apps.ts";
import type { listKeys as ListKeys } from "../operations/list-keys.ts";
import { createApp } from "./apps/create-app.ts";
import { listApps } from "./apps/list-apps.ts";
import type { Front } from "./env.ts";
import { createKey } from "./keys/create-key.ts";
import { deleteKey } from "./keys/delete-key.ts";
import { getKey } from "./keys/get-key.ts";
import { listKeys } from "./keys/list-keys.ts";
import { getMe } from "./me/get-me.ts";

/** What the routes run, each with its needs already given. */
export type Operations = {
  createApp: ReturnType<typeof CreateApp>;
  listApps: ReturnType<typeof ListApps>;
  createKey: ReturnType<typeof CreateKey>;
  listKeys: ReturnType<typeof ListKeys>;
  getKey: ReturnType<typeof GetKey>;
  deleteKey: ReturnType<typeof DeleteKey>;
  getMe: ReturnType<typeof GetMe>;
};

/** Every route behind a key, in the order of the reference. A literal path stands before a parameter in its place. */
export function registerRoutes(app: Front, run: Operations): void {
  getMe(app, run.getMe);
  createApp(app, run.createApp);
  listApps(app, run.listApps);
  createKey(app, run.createKey);
  listKeys(app, run.listKeys);
  getKey(app, run.getKey);
  deleteKey(app, run.deleteKey);
}
