import { accountsRepository } from "./accounts.ts";
import { appsRepository } from "./apps.ts";
import { blobsRepository } from "./blobs.ts";
import { deliveriesRepository } from "./deliveries.ts";
import { eventsRepository } from "./events.ts";
import { foldersRepository } from "./folders.ts";
import type { Handle } from "./handle.ts";
import { intentsRepository } from "./intents.ts";
import { keysRepository } from "./keys.ts";
import { maildropsRepository } from "./maildrops.ts";
import { nodesRepository } from "./nodes.ts";
import { placementsRepository } from "./placements.ts";
import { settingsRepository } from "./settings.ts";
import { splitKeysRepository } from "./split-keys.ts";
import type { Store } from "./store.ts";
import { submissionsRepository } from "./submissions.ts";
import { threadsRepository } from "./threads.ts";
import { uploadsRepository } from "./uploads.ts";
import { watchesRepository } from "./watches.ts";
import { webhooksRepository } from "./webhooks.ts";

/** The repositories over an open database. The store closes the database with itself. */
export function createStore(handle: Handle): Store {
  const settings = settingsRepository(handle);
  return {
    settings,
    apps: appsRepository(handle),
    keys: keysRepository(handle),
    accounts: accountsRepository(handle),
    folders: foldersRepository(handle),
    placements: placementsRepository(handle),
    splitKeys: splitKeysRepository(handle),
    intents: intentsRepository(handle),
    events: eventsRepository(handle),
    nodes: nodesRepository(handle),
    watches: watchesRepository(handle),
    threads: threadsRepository(handle),
    maildrops: maildropsRepository(handle),
    blobs: blobsRepository(handle),
    submissions: submissionsRepository(handle),
    uploads: uploadsRepository(handle),
    webhooks: webhooksRepository(handle),
    deliveries: deliveriesRepository(handle),
    now: handle.now ?? null,
    async ping() {
      await settings.get("ping");
    },
    close: () => handle.close(),
  };
}
