import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import type { EventType } from "../../src/mail/event.ts";
import { orderedId, randomId } from "../../src/mail/id.ts";
import { type AppCaller, scopes } from "../../src/mail/tenant.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, appRow, keyRow } from "../store/rows.ts";

export type Tenant = { caller: AppCaller; account: AccountRow };

export type EventHouse = Awaited<ReturnType<typeof openEventHouse>>;

/** What the operations on events need, on a real SQLite file, with a clock that stands still. */
export async function openEventHouse() {
  const folder = mkdtempSync(join(tmpdir(), "postern-events-"));
  const store = createStore(openSqlite(join(folder, "postern.db")));
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  const gauges = new Map<string, number>();
  const ends: string[] = [];
  const stopping = new AbortController();
  const metrics = {
    gauge: (name: string, value: number) => void gauges.set(name, value),
    count: (_: string, labels: Record<string, string>) => void ends.push(labels["why"] ?? ""),
  };
  const dropped: string[] = [];
  const drop = (accountId: string) => void dropped.push(accountId);

  async function newAccount(appId: string, change: Partial<AccountRow> = {}): Promise<AccountRow> {
    const account = accountRow({ appId, ...change });
    await store.accounts.insert(account);
    return account;
  }

  return {
    store,
    clock,
    wake,
    stopping,
    /** Why streams have ended, in order. */
    ends,
    dropped,
    openStreams: () => gauges.get("postern_event_streams") ?? 0,
    needs: {
      ...store,
      clock,
      wake,
      metrics,
      cursorKey: new Uint8Array(32).fill(3),
      stopping: stopping.signal,
      maxStreamMs: null as number | null,
      watchWindow: 10_000,
      mailboxes: { drop },
      submitters: { drop },
    },
    newAccount,
    /** An app with a key and an account. */
    async tenant(change: Partial<Pick<AppCaller, "accountIds">> = {}): Promise<Tenant> {
      const app = appRow();
      await store.apps.insert(app);
      const key = keyRow({ appId: app.id, scopes: [...scopes], accountIds: null });
      await store.keys.insert(key);
      const caller: AppCaller = {
        kind: "app",
        appId: app.id,
        keyId: key.id,
        scopes: [...scopes],
        accountIds: null,
        ...change,
      };
      return { caller, account: await newAccount(app.id, { externalId: randomId("req") }) };
    },
    /** Appends events to the log of the account's app, in one write; their ids. */
    async tell(account: AccountRow, types: EventType[], data: Record<string, unknown> = {}): Promise<string[]> {
      const { id: accountId, appId, externalId } = account;
      const now = clock.now();
      const events = types.map((type) => ({
        id: orderedId("evt", now),
        appId,
        accountId,
        externalId,
        type,
        createdAt: now,
        folderRoles: null,
        data: { text: type, ...data },
      }));
      const epoch = (await store.watches.get(accountId))?.epoch ?? 0;
      if (!(await store.watches.write({ id: accountId, appId, epoch }, { events }))) throw new Error("not written");
      wake.wake("events", appId);
      return events.map(({ id }) => id);
    },
    async close() {
      stopping.abort();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
