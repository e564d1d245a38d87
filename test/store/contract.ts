import { afterAll, beforeAll, describe } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import type { Handle } from "../../src/store/handle.ts";
import type { Store } from "../../src/store/store.ts";
import { accountStatesContract } from "./contract-account-states.ts";
import { accountsContract } from "./contract-accounts.ts";
import { atomicContract } from "./contract-atomic.ts";
import { blobsContract } from "./contract-blobs.ts";
import { claimsContract } from "./contract-claims.ts";
import { deliveriesContract } from "./contract-deliveries.ts";
import { deliveryClaimsContract } from "./contract-delivery-claims.ts";
import { eventsContract } from "./contract-events.ts";
import { foldersContract } from "./contract-folders.ts";
import { maildropPruningContract } from "./contract-maildrop-pruning.ts";
import { maildropsContract } from "./contract-maildrops.ts";
import { messagesContract } from "./contract-messages.ts";
import { nodesContract } from "./contract-nodes.ts";
import { followUpsContract } from "./contract-follow-ups.ts";
import { oneAccountContract } from "./contract-one-account.ts";
import { settlingContract } from "./contract-settling.ts";
import { submissionsContract } from "./contract-submissions.ts";
import { tenantsContract } from "./contract-tenants.ts";
import { threadsContract } from "./contract-threads.ts";
import { uploadsContract } from "./contract-uploads.ts";
import { watchClaimsContract } from "./contract-watch-claims.ts";
import { watchesContract } from "./contract-watches.ts";
import { webhooksContract } from "./contract-webhooks.ts";

/** What a contract runs on: one open database for the whole suite. */
export type Subject = { handle: Handle; store: Store };

/** What every database must do alike. `open` opens a fresh, migrated one and closes it again. */
export function storeContract(name: string, open: () => Promise<{ handle: Handle; close: () => Promise<void> }>): void {
  describe(`store on ${name}`, () => {
    const opened = Promise.withResolvers<Subject>();
    let close = async (): Promise<void> => {};

    beforeAll(async () => {
      const database = await open();
      close = database.close;
      opened.resolve({ handle: database.handle, store: createStore(database.handle) });
    });
    afterAll(() => close());

    const subject = () => opened.promise;
    tenantsContract(subject);
    accountsContract(subject);
    accountStatesContract(subject);
    foldersContract(subject);
    messagesContract(subject);
    maildropsContract(subject);
    maildropPruningContract(subject);
    blobsContract(subject);
    submissionsContract(subject);
    claimsContract(subject);
    settlingContract(subject);
    followUpsContract(subject);
    oneAccountContract(subject);
    uploadsContract(subject);
    eventsContract(subject);
    nodesContract(subject);
    watchClaimsContract(subject);
    watchesContract(subject);
    threadsContract(subject);
    webhooksContract(subject);
    deliveriesContract(subject);
    deliveryClaimsContract(subject);
    atomicContract(subject);
  });
}
