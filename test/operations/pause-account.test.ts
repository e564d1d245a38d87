import { afterEach, beforeEach, expect, test } from "vitest";
import { getAccountStatus } from "../../src/operations/get-account-status.ts";
import { listEvents } from "../../src/operations/list-events.ts";
import { pauseAccount } from "../../src/operations/pause-account.ts";
import { resumeAccount } from "../../src/operations/resume-account.ts";
import { mayLogIn, notePassed } from "../../src/sessions/note-login.ts";
import { folderRow } from "../store/rows.ts";
import { type EventHouse, openEventHouse, type Tenant } from "./event-house.ts";

let house: EventHouse;
let ours: Tenant;
let pause: ReturnType<typeof pauseAccount>;
let resume: ReturnType<typeof resumeAccount>;
beforeEach(async () => {
  house = await openEventHouse();
  ours = await house.tenant();
  pause = pauseAccount(house.needs);
  resume = resumeAccount(house.needs);
});
afterEach(() => house.close());

const rowOf = async () => {
  const row = await house.store.accounts.byId(ours.account.id);
  if (row === null) throw new Error("the account is gone");
  return row;
};

test("pausing drops the sessions, ends the watching, wakes who listens, and is told once", async () => {
  const { caller, account } = ours;
  const waits = [house.wake.wait("watch", account.id, 1000), house.wake.wait("events", caller.appId, 1000)];
  const status = await pause(caller, account.id);
  expect(status).toEqual({ state: "paused", since: "2026-11-22T12:00:00.000Z", folders: [] });
  expect(await Promise.all(waits)).toEqual([true, true]);
  expect(house.dropped).toEqual([account.id, account.id]);
  expect(await house.store.watches.claim("me", house.clock.now(), 1000, 10)).toEqual([]);

  await house.clock.advance(1000);
  expect(await pause(caller, account.id)).toEqual(status);
  const { data } = await listEvents(house.needs)(caller, { limit: 50 });
  expect(data).toMatchObject([
    {
      type: "account.paused",
      accountId: account.id,
      externalId: account.externalId,
      data: { state: "paused", since: "2026-11-22T12:00:00.000Z", lastError: null },
    },
  ]);
  const paused = await rowOf();
  expect(() => mayLogIn(paused, "incoming")).toThrow("This account is paused.");
});

test("two who pause at once are told the same, and the log is told once", async () => {
  const { caller, account } = ours;
  const answers = await Promise.all([1, 2, 3, 4].map(() => pause(caller, account.id)));
  expect(new Set(answers.map(({ state }) => state))).toEqual(new Set(["paused"]));
  expect((await listEvents(house.needs)(caller, { limit: 50 })).data).toHaveLength(1);
});

test("a login that was under way while the account was paused does not end the pause", async () => {
  const { caller, account } = ours;
  const before = await rowOf();
  await pause(caller, account.id);
  const { store, clock } = house;
  await notePassed({ ...house.needs, accounts: store.accounts, clock, log: { write: () => {} } }, before, "incoming");
  expect((await rowOf()).state).toBe("paused");
});

test("resuming makes the account due at once, and leaves one alone that is not paused", async () => {
  const { caller, account } = ours;
  await pause(caller, account.id);
  await house.clock.advance(1000);
  const woken = house.wake.wait("watch", account.id, 1000);
  expect(await resume(caller, account.id)).toMatchObject({ state: "connecting", since: "2026-11-22T12:00:01.000Z" });
  expect(await woken).toBe(true);
  const claimed = await house.store.watches.claim("me", house.clock.now(), 1000, 10);
  expect(claimed.map(({ accountId }) => accountId)).toEqual([account.id]);

  await house.clock.advance(1000);
  expect(await resume(caller, account.id)).toMatchObject({ state: "connecting", since: "2026-11-22T12:00:01.000Z" });
  expect(await house.store.watches.renew("me", house.clock.now(), 1000)).toHaveLength(1);
});

test("another app's account can be neither paused nor resumed", async () => {
  const stranger = await house.tenant();
  for (const verb of [pause, resume])
    await expect(verb(stranger.caller, ours.account.id)).rejects.toMatchObject({ code: "not-found" });
});

test("the status tells of each watched folder how and when it was looked at", async () => {
  const { caller, account } = ours;
  const { store, clock } = house;
  await store.folders.save(account.id, {
    added: [folderRow(account.id, "INBOX", { role: "inbox" }), folderRow(account.id, "Sent", { role: "sent" })],
    changed: [],
  });
  const [inbox, sent] = await store.folders.list(account.id);
  const [claim] = await store.watches.claim("me", clock.now(), 60_000, 1);
  if (inbox === undefined || sent === undefined || claim === undefined) throw new Error("nothing to watch");
  const now = clock.now();
  const row = {
    accountId: account.id,
    uidValidity: 1,
    uidNext: 10,
    modSeq: null,
    exists: 9,
    version: 1,
    historicalBelow: 0,
    flagsReadAt: now,
    threadsBelow: 10,
    threadsLeft: 0,
  };
  await store.watches.write(
    { id: account.id, appId: caller.appId, epoch: claim.epoch },
    {
      folders: [
        { ...row, folder: inbox.number, lastCheckedAt: now + 5000, lastChangedAt: now + 1000 },
        { ...row, folder: sent.number, lastCheckedAt: now, lastChangedAt: null },
      ],
    },
  );
  const look = { accountId: account.id, epoch: claim.epoch, lookedAt: now + 2000, mode: "idle" as const };
  await store.watches.noteLooks([look]);
  const status = getAccountStatus(house.needs);
  expect((await status(caller, account.id)).folders).toEqual([
    {
      folderId: inbox.id,
      mode: "idle",
      window: 10_000,
      lastCheckedAt: "2026-11-22T12:00:05.000Z",
      lastChangedAt: "2026-11-22T12:00:01.000Z",
    },
    {
      folderId: sent.id,
      mode: "poll",
      window: 10_000,
      lastCheckedAt: "2026-11-22T12:00:02.000Z",
      lastChangedAt: null,
    },
  ]);
  const off = await house.newAccount(caller.appId, { watch: { mode: "off", folders: "all", notifySince: null } });
  expect((await status(caller, off.id)).folders).toEqual([]);
});
