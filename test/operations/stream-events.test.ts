import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { openEventLog } from "../../src/operations/event-log.ts";
import { listEvents } from "../../src/operations/list-events.ts";
import { type EventStream, streamEvents } from "../../src/operations/stream-events.ts";
import { type EventHouse, openEventHouse, type Tenant } from "./event-house.ts";

let house: EventHouse;
let ours: Tenant;
let open: ReturnType<typeof streamEvents>;
beforeEach(async () => {
  house = await openEventHouse();
  ours = await house.tenant();
  open = streamEvents(house.needs);
});
afterEach(() => house.close());

const idsOf = (news: Awaited<ReturnType<EventStream["next"]>>) => news?.events.map(({ id }) => id);

/** Lets what is under way come to the database and back. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

test("tells from now on, at once when woken", async () => {
  const { caller, account } = ours;
  await house.tell(account, ["message.created"]);
  const stream = await open(caller, {});
  const next = stream.next(15_000);
  await settle();
  const ids = await house.tell(account, ["message.updated", "message.deleted"]);
  expect(idsOf(await next)).toEqual(ids);
  // The clock has not moved: it was the wake, not the poll.
  stream.close("left");
});

test("streams that are woken together and want the same look once", async () => {
  let looks = 0;
  const { events } = house.needs;
  house.needs.events = {
    ...events,
    list(appId, page) {
      looks += 1;
      return events.list(appId, page);
    },
  };
  const kinds = [{}, {}, {}, { type: ["message.created" as const] }, { account: [ours.account.id] }, {}];
  const streams = await Promise.all(kinds.map((filter) => open(ours.caller, filter)));
  const all = streams.map((stream) => stream.next(15_000));
  await settle();
  looks = 0;
  const ids = await house.tell(ours.account, ["message.created"]);
  expect((await Promise.all(all)).map(idsOf)).toEqual(kinds.map(() => ids));
  expect(looks).toBe(3);
  for (const stream of streams) stream.close("left");
});

test("looks by itself when nobody wakes it", async () => {
  const stream = await open(ours.caller, {});
  const next = stream.next(15_000);
  await settle();
  Object.assign(house.wake, { wake: () => {} });
  const ids = await house.tell(ours.account, ["message.created"]);
  await settle();
  await house.clock.advance(5_000);
  expect(idsOf(await next)).toEqual(ids);
  stream.close("left");
});

test("a look when nothing has happened is one query, whatever is filtered", async () => {
  const { caller, account } = ours;
  const { events } = house.store;
  let listed = 0;
  const list: typeof events.list = (...asked) => ((listed += 1), events.list(...asked));
  const log = openEventLog({ ...house.needs, events: { ...events, list } }, caller, { account: [account.id] });
  await house.tell(account, ["message.created"]);
  const { rows, next } = await log.read(0, 10);
  expect([rows.length, listed]).toEqual([1, 1]);
  expect(await log.read(next, 10)).toEqual({ rows: [], next, hasMore: false });
  expect(listed).toBe(1);
});

test("nothing for the time asked is no news, and where it is has moved on behind what the filter leaves out", async () => {
  const { caller, account } = ours;
  const stream = await open(caller, { type: ["folder.reset"] });
  const next = stream.next(15_000);
  await house.tell(account, ["message.created"]);
  for (let second = 0; second < 15; second += 5) {
    await settle();
    await house.clock.advance(5_000);
  }
  const news = await next;
  expect(news?.events).toEqual([]);
  expect(news?.resume).not.toBe(stream.resume);
  stream.close("left");
  const [id] = await house.tell(account, ["folder.reset"]);
  const resumed = await open(caller, { type: ["folder.reset"], from: news?.resume });
  expect(idsOf(await resumed.next(1000))).toEqual([id]);
  resumed.close("left");
});

test("goes on behind an event, or from where a list has ended", async () => {
  const { caller, account } = ours;
  const ids = await house.tell(account, ["message.created", "message.updated", "message.deleted"]);
  const behind = await open(caller, { from: ids[0] });
  expect(idsOf(await behind.next(1000))).toEqual(ids.slice(1));
  const { nextCursor } = await listEvents(house.needs)(caller, { limit: 1 });
  const onward = await open(caller, { from: nextCursor });
  expect(idsOf(await onward.next(1000))).toEqual(ids.slice(1));
  await expect(open(caller, { from: `evt_${"0".repeat(26)}` })).rejects.toMatchObject({ code: "changes-expired" });
  await expect(open(caller, { from: "nonsense" })).rejects.toMatchObject({ code: "invalid-cursor" });
  for (const stream of [behind, onward]) stream.close("left");
  expect(house.openStreams()).toBe(0);
});

test("more than a batch comes in order, none left out and none twice, with writers at work", async () => {
  const { caller, account } = ours;
  const accounts = [account, await house.newAccount(caller.appId), await house.newAccount(caller.appId)];
  const stream = await open(caller, {});
  const written: string[] = [];
  const writing = Promise.all(
    accounts.map(async (one) => {
      for (let round = 0; round < 60; round += 1)
        written.push(...(await house.tell(one, ["message.created", "message.updated"])));
    }),
  );
  const sequences: number[] = [];
  const told = new Set<string>();
  while (sequences.length < 360) {
    const news = await stream.next(15_000);
    for (const event of news?.events ?? []) {
      sequences.push(event.sequence);
      told.add(event.id);
    }
  }
  await writing;
  expect(sequences).toEqual(Array.from({ length: 360 }, (_, at) => at + 1));
  expect(told).toEqual(new Set(written));
  stream.close("left");
});

test("a key that is deleted ends its streams within the minute", async () => {
  const stream = await open(ours.caller, {});
  const next = stream.next(600_000);
  await settle();
  await house.store.keys.remove(ours.caller.appId, ours.caller.keyId);
  for (let second = 0; second < 60; second += 5) {
    await settle();
    await house.clock.advance(5_000);
  }
  expect(await next).toBeNull();
  expect(house.ends).toEqual(["revoked"]);
  expect(house.openStreams()).toBe(0);
});

test("a key that has expired, or may see other events by now, ends its streams", async () => {
  const { caller } = ours;
  const key = await house.store.keys.get(caller.appId, caller.keyId);
  if (key === null) throw new Error("there is no key");
  const changed = [
    { expiresAt: house.clock.now() },
    { scopes: ["messages:read"] },
    { accountIds: [ours.account.id] },
    { expiresAt: house.clock.now() + 600_000 },
  ];
  const streams = await Promise.all(
    changed.map((change) =>
      streamEvents({ ...house.needs, keys: { get: async () => ({ ...key, ...change }) } })(caller, {}),
    ),
  );
  await house.clock.advance(60_000);
  expect(await Promise.all(streams.slice(0, 3).map((stream) => stream.next(1000)))).toEqual([null, null, null]);
  const last = streams[3]?.next(0);
  await settle();
  await house.clock.advance(0);
  expect(await last).toMatchObject({ events: [] });
  streams[3]?.close("left");
});

test("closing frees a stream that waits, at once", async () => {
  const stream = await open(ours.caller, {});
  const next = stream.next(15_000);
  await settle();
  expect(house.openStreams()).toBe(1);
  stream.close("left");
  expect(await next).toBeNull();
  expect(house.openStreams()).toBe(0);
  expect(stream.ended.aborted).toBe(true);
});

test("an app has so many streams at once, and another app its own", async () => {
  const streams = await Promise.all(Array.from({ length: 100 }, () => open(ours.caller, {})));
  await expect(open(ours.caller, {})).rejects.toMatchObject({
    code: "rate-limited",
    details: { fix: expect.any(String), retryAfter: 30 },
  });
  const stranger = await house.tenant();
  (await open(stranger.caller, {})).close("left");
  streams[0]?.close("left");
  streams[0]?.close("left");
  streams[0] = await open(ours.caller, {});
  await expect(open(ours.caller, {})).rejects.toMatchObject({ code: "rate-limited" });
  for (const stream of streams) stream.close("left");
  expect(house.openStreams()).toBe(0);
});

test("a stream lasts as long as the runtime lets it", async () => {
  const stream = await streamEvents({ ...house.needs, maxStreamMs: 7_000 })(ours.caller, {});
  const next = stream.next(15_000);
  await settle();
  await house.clock.advance(5_000);
  await settle();
  await house.clock.advance(2_000);
  expect(await next).toBeNull();
  expect(house.ends).toEqual(["over"]);
});

test("streams end when the server stops, those too that come then", async () => {
  const stream = await open(ours.caller, {});
  const next = stream.next(15_000);
  await settle();
  house.stopping.abort();
  expect(await next).toBeNull();
  expect(await (await open(ours.caller, {})).next(15_000)).toBeNull();
  expect(house.ends).toEqual(["stopping", "stopping"]);
  expect(house.openStreams()).toBe(0);
});

test("a database that is away does not end the stream: it is quiet, tries at ease and then tells all", async () => {
  const { caller, account } = ours;
  const { events } = house.needs;
  let tries = 0;
  let isAway = false;
  house.needs.events = {
    ...events,
    bounds(appId) {
      tries += 1;
      if (isAway) throw new Failure("storage-unavailable", "The database can't be used at the moment.");
      return events.bounds(appId);
    },
  };
  const stream = await open(caller, {});
  isAway = true;
  tries = 0;
  const quiet = stream.next(15_000);
  for (let second = 0; second < 15; second += 1) {
    house.wake.wake("events", caller.appId);
    await settle();
    await house.clock.advance(1_000);
  }
  expect(await quiet).toEqual({ events: [], resume: stream.resume });
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThanOrEqual(16);
  const next = stream.next(15_000);
  const ids = await house.tell(account, ["message.created"]);
  isAway = false;
  await settle();
  await house.clock.advance(1_000);
  expect(idsOf(await next)).toEqual(ids);
  stream.close("left");
});
