import { afterEach, beforeEach, expect, test } from "vitest";
import { listEvents } from "../../src/operations/list-events.ts";
import { type EventHouse, openEventHouse, type Tenant } from "./event-house.ts";

let house: EventHouse;
let ours: Tenant;
let list: ReturnType<typeof listEvents>;
beforeEach(async () => {
  house = await openEventHouse();
  ours = await house.tenant();
  list = listEvents(house.needs);
});
afterEach(() => house.close());

const gone = { code: "changes-expired", details: { fix: expect.stringContaining("anew") } };

test("pages go up by sequence, and the cursor at the end takes up what comes later", async () => {
  const { caller, account } = ours;
  const ids = await house.tell(account, ["message.created", "message.updated", "message.deleted"]);
  const first = await list(caller, { limit: 2 });
  expect(first).toMatchObject({ hasMore: true });
  expect(first.data.map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(first.data[0]).toEqual({
    id: ids[0],
    type: "message.created",
    createdAt: "2026-11-22T12:00:00.000Z",
    accountId: account.id,
    externalId: account.externalId,
    sequence: 1,
    data: { text: "message.created" },
  });
  const second = await list(caller, { limit: 2, cursor: first.nextCursor });
  expect(second).toMatchObject({ hasMore: false, data: [{ id: ids[2] }] });

  const atEnd = await list(caller, { limit: 2, cursor: second.nextCursor });
  expect(atEnd).toMatchObject({ hasMore: false, data: [] });
  const [later] = await house.tell(account, ["folder.reset"]);
  expect((await list(caller, { limit: 2, cursor: atEnd.nextCursor })).data.map(({ id }) => id)).toEqual([later]);
  expect((await list(caller, { limit: 9, after: ids[1] })).data.map(({ id }) => id)).toEqual([ids[2], later]);
});

test("a log without events gives a cursor that what comes first is found by", async () => {
  const { caller, account } = ours;
  const { nextCursor } = await list(caller, { limit: 50 });
  const ids = await house.tell(account, ["message.created"]);
  expect((await list(caller, { limit: 50, cursor: nextCursor })).data.map(({ id }) => id)).toEqual(ids);
});

test("a cursor belongs to its filter, in whatever order that is written, and to its app", async () => {
  const { caller, account } = ours;
  await house.tell(account, ["message.created", "message.moved", "folder.created"]);
  const { data, nextCursor } = await list(caller, { limit: 1, type: ["message.moved", "message.created"] });
  expect(data.map(({ type }) => type)).toEqual(["message.created"]);
  const again = await list(caller, { limit: 1, cursor: nextCursor, type: ["message.created", "message.moved"] });
  expect(again).toMatchObject({ data: [{ type: "message.moved" }], hasMore: false });
  const foreign = { code: "invalid-cursor" };
  await expect(list(caller, { limit: 1, cursor: nextCursor })).rejects.toMatchObject(foreign);
  await expect(list(caller, { limit: 1, cursor: `${nextCursor}A` })).rejects.toMatchObject(foreign);
  const stranger = await house.tenant();
  const asStranger = list(stranger.caller, {
    limit: 1,
    cursor: nextCursor,
    type: ["message.created", "message.moved"],
  });
  await expect(asStranger).rejects.toMatchObject(foreign);
});

test("either a cursor or an event says where to go on", async () => {
  const [id] = await house.tell(ours.account, ["message.created"]);
  const { nextCursor } = await list(ours.caller, { limit: 1 });
  await expect(list(ours.caller, { limit: 1, cursor: nextCursor, after: id })).rejects.toMatchObject({
    code: "validation-failed",
  });
});

test("another app's events are not there, and a key sees its own accounts' only", async () => {
  const stranger = await house.tenant();
  const other = await house.newAccount(ours.caller.appId, { externalId: "other" });
  await house.tell(stranger.account, ["message.created"]);
  await house.tell(other, ["message.created"]);
  const mine = await house.tell(ours.account, ["message.deleted"]);
  const idsOf = async (...given: Parameters<typeof list>) => (await list(...given)).data.map(({ id }) => id);

  expect((await list(ours.caller, { limit: 50 })).data.map(({ sequence }) => sequence)).toEqual([1, 2]);
  const bound = { ...ours.caller, accountIds: [ours.account.id] };
  expect(await idsOf(bound, { limit: 50 })).toEqual(mine);
  expect(await idsOf(bound, { limit: 50, account: [other.id, ours.account.id] })).toEqual(mine);
  expect(await idsOf(bound, { limit: 50, account: [other.id] })).toEqual([]);
  expect(await idsOf(ours.caller, { limit: 50, account: [stranger.account.id] })).toEqual([]);
  expect(await idsOf(ours.caller, { limit: 50, account: [ours.account.id] })).toEqual(mine);
});

test("what is no longer kept, or another's, can't be gone on from", async () => {
  const stranger = await house.tenant();
  const [foreign] = await house.tell(stranger.account, ["message.created"]);
  const before = await list(ours.caller, { limit: 50 });
  const [old] = await house.tell(ours.account, ["message.created"]);
  const behindOld = await list(ours.caller, { limit: 50 });
  await house.clock.advance(1000);
  const [kept] = await house.tell(ours.account, ["message.deleted"]);
  await house.store.events.sweep(house.clock.now());

  for (const after of [old, foreign, `evt_${"0".repeat(26)}`])
    await expect(list(ours.caller, { limit: 50, after })).rejects.toMatchObject(gone);
  await expect(list(ours.caller, { limit: 50, cursor: before.nextCursor })).rejects.toMatchObject(gone);
  const { data } = await list(ours.caller, { limit: 50, cursor: behindOld.nextCursor });
  expect(data.map(({ id }) => id)).toEqual([kept]);

  await house.store.events.sweep(house.clock.now() + 1);
  await expect(list(ours.caller, { limit: 50, cursor: behindOld.nextCursor })).rejects.toMatchObject(gone);
  const { data: none, nextCursor } = await list(ours.caller, { limit: 50 });
  expect(none).toEqual([]);
  expect(await list(ours.caller, { limit: 50, cursor: nextCursor })).toMatchObject({ data: [] });
});

test("a cursor from beyond the end, as after a restored backup, can't be gone on from", async () => {
  await house.tell(ours.account, ["message.created"]);
  const { events } = house.needs;
  const ahead = { ...events, bounds: async () => ({ newest: 7, oldest: 1 }) };
  const { nextCursor } = await listEvents({ ...house.needs, events: ahead })(ours.caller, { limit: 50 });
  await expect(list(ours.caller, { limit: 50, cursor: nextCursor })).rejects.toMatchObject(gone);
});

test("events of a deleted account are told no more, and are gone on from all the same", async () => {
  const { caller, account } = ours;
  const other = await house.newAccount(caller.appId, { externalId: "other" });
  const [first, second] = await house.tell(account, ["message.created", "message.deleted"]);
  const [third] = await house.tell(other, ["message.created"]);
  const deleted = { id: `evt_${"1".repeat(26)}`, appId: caller.appId, accountId: account.id, externalId: "mine" };
  const event = {
    ...deleted,
    type: "account.deleted" as const,
    createdAt: house.clock.now(),
    folderRoles: null,
    data: { externalId: "mine" },
  };
  await house.store.accounts.remove(caller.appId, account.id, event);
  expect((await list(caller, { limit: 50 })).data.map(({ id }) => id)).toEqual([third, deleted.id]);
  for (const after of [first, second])
    expect((await list(caller, { limit: 50, after })).data.map(({ sequence }) => sequence)).toEqual([3, 4]);
});

test("a rare filter's cursor moves on with the log, so that it is not pruned away under who looks often", async () => {
  const { caller, account } = ours;
  await house.tell(account, ["message.created", "message.created"]);
  const { nextCursor } = await list(caller, { limit: 50, type: ["folder.reset"] });
  await house.clock.advance(1000);
  await house.tell(account, ["message.created"]);
  await house.store.events.sweep(house.clock.now());
  const [id] = await house.tell(account, ["folder.reset"]);
  const { data } = await list(caller, { limit: 50, type: ["folder.reset"], cursor: nextCursor });
  expect(data.map((event) => event.id)).toEqual([id]);
});
