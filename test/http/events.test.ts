import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Front } from "../../src/http/env.ts";
import { exampleOf } from "../../src/http/events/examples.ts";
import { event } from "../../src/http/events/schema.ts";
import { eventTypes } from "../../src/mail/event.ts";
import { type EventHouse, openEventHouse, type Tenant } from "../operations/event-house.ts";
import { newEvent, webhookRow } from "../store/rows.ts";
import { type Block, blocksOf, eventFront, type Reader } from "./event-front.ts";

let house: EventHouse;
let ours: Tenant;
let app: Front;
beforeEach(async () => {
  house = await openEventHouse();
  ours = await house.tenant();
  app = eventFront(house, ours.caller);
});
afterEach(() => house.close());

const headers = { Authorization: "Bearer pst_x" };
const get = (path: string, more: Record<string, string> = {}, method = "GET") =>
  Promise.resolve(app.request(path, { method, headers: { ...headers, ...more } }));
const json = async (path: string) => {
  const response = await get(path);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

async function listen(path: string, more: Record<string, string> = {}): Promise<Reader> {
  const response = await get(path, more);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  return blocksOf(response);
}

/** Moves the clock on while the stream looks at its log. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 5) {
    await settle();
    await house.clock.advance(5_000);
  }
}

test("the document's events are those that there are, and their examples are right", () => {
  expect(event.options.map((option) => option.shape.type.value)).toEqual(eventTypes);
  for (const type of eventTypes) {
    const whole = exampleOf(type);
    expect(event.parse(whole)).toEqual(whole);
  }
});

test("an event of no account is told with a null, and not to keys that are bound to accounts", async () => {
  const { appId } = ours.caller;
  const webhook = webhookRow(appId);
  await house.store.webhooks.insert(webhook);
  const { data } = exampleOf("webhook.disabled");
  const told = { ...newEvent("", { appId, data, createdAt: house.clock.now() }), type: "webhook.disabled" as const };
  expect(await house.store.webhooks.disable(webhook, "failing", house.clock.now(), told)).toBe(true);
  const [one] = (await json("/v1/events?type=webhook.disabled")).body["data"] as unknown[];
  expect(event.parse(one)).toEqual(one);
  expect(one).toMatchObject({ type: "webhook.disabled", accountId: null, externalId: null, data });

  await house.tell(ours.account, ["account.paused"]);
  app = eventFront(house, { ...ours.caller, accountIds: [ours.account.id] });
  const types = ((await json("/v1/events")).body["data"] as { type: string }[]).map(({ type }) => type);
  expect(types).toEqual(["account.paused"]);
  const stream = await listen("/v1/events/stream", { "Last-Event-ID": told.id });
  await stream.next();
  expect((await stream.next()).event).toBe("account.paused");
  await stream.cancel();
});

describe("GET /v1/events", () => {
  test("takes types and accounts, repeated or with commas", async () => {
    const { account } = ours;
    await house.tell(account, ["message.created", "message.moved", "folder.reset"]);
    const found = async (query: string) =>
      ((await json(`/v1/events?${query}`)).body["data"] as { type: string }[]).map(({ type }) => type);
    expect(await found("")).toEqual(["message.created", "message.moved", "folder.reset"]);
    expect(await found("type=message.created,folder.reset")).toEqual(["message.created", "folder.reset"]);
    expect(await found("type=message.created&type=folder.reset")).toEqual(["message.created", "folder.reset"]);
    expect(await found(`type=message.created&account=${account.id}`)).toEqual(["message.created"]);
    expect(await found(`account=acc_${"0".repeat(26)}`)).toEqual([]);
  });

  test("refuses types that there are not, and what may stand only once", async () => {
    for (const [query, pointer] of [
      ["type=message.exploded", "?type"],
      ["type=", "?type"],
      ["account=me", "?account"],
      ["after=5", "?after"],
      ["limit=201", "?limit"],
      ["limit=1&limit=2", "?limit"],
    ])
      expect(await json(`/v1/events?${query}`)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect(await json("/v1/events?cursor=AAAA")).toMatchObject({ status: 400, body: { code: "invalid-cursor" } });
    expect(await json(`/v1/events?after=evt_${"0".repeat(26)}`)).toMatchObject({
      status: 410,
      body: { code: "changes-expired", fix: expect.any(String) },
    });
  });

  test("answers a cursor at the end", async () => {
    const { body } = await json("/v1/events");
    expect(body).toEqual({ data: [], nextCursor: expect.any(String), hasMore: false });
  });
});

describe("GET /v1/events/stream", () => {
  test("gives a resume point first, then each event as it comes", async () => {
    const stream = await listen("/v1/events/stream");
    const first = await stream.next();
    expect(first).toEqual({ id: expect.stringMatching(/^(?!evt_)/) });
    const ids = await house.tell(ours.account, ["message.created", "message.deleted"]);
    const told = [await stream.next(), await stream.next()];
    expect(told).toMatchObject([
      { id: ids[0], event: "message.created", data: { id: ids[0], sequence: 1, data: { text: "message.created" } } },
      { id: ids[1], event: "message.deleted", data: { id: ids[1], sequence: 2 } },
    ]);
    await stream.cancel();
    expect(house.openStreams()).toBe(0);

    const again = await listen("/v1/events/stream", { "Last-Event-ID": first.id ?? "" });
    await again.next();
    expect([await again.next(), await again.next()]).toEqual(told);
    await again.cancel();
  });

  test("goes on behind the header, before the query's", async () => {
    const ids = await house.tell(ours.account, ["message.created", "message.updated", "message.deleted"]);
    const idsFrom = async (path: string, more: Record<string, string>, count: number) => {
      const stream = await listen(path, more);
      const found: Block[] = [];
      for (let at = 0; at <= count; at += 1) found.push(await stream.next());
      await stream.cancel();
      return found.slice(1).map(({ id }) => id);
    };
    const query = `/v1/events/stream?lastEventId=${ids[0]}`;
    expect(await idsFrom(query, {}, 2)).toEqual([ids[1], ids[2]]);
    expect(await idsFrom(query, { "Last-Event-ID": "" }, 2)).toEqual([ids[1], ids[2]]);
    expect(await idsFrom(query, { "Last-Event-ID": ids[1] ?? "" }, 1)).toEqual([ids[2]]);
  });

  test("a comment comes every 15 s, with a resume point where the filter has left something out", async () => {
    const stream = await listen("/v1/events/stream?type=folder.reset");
    await stream.next();
    const quiet = stream.next();
    await pass(15);
    expect(await quiet).toEqual({ comment: "still here" });
    await house.tell(ours.account, ["message.created"]);
    const moved = stream.next();
    await pass(15);
    expect(await moved).toEqual({ comment: "still here", id: expect.any(String) });
    await stream.cancel();
  });

  test("a resume point that is not kept is a problem before the stream begins", async () => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await get("/v1/events/stream", { "Last-Event-ID": `evt_${"0".repeat(26)}` }, method);
      expect(answer.status).toBe(410);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
    expect((await get("/v1/events/stream?lastEventId=nonsense")).status).toBe(400);
    expect(house.openStreams()).toBe(0);
  });

  test("HEAD opens nothing that stays", async () => {
    const answer = await get("/v1/events/stream", {}, "HEAD");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(await answer.text()).toBe("");
    expect(house.openStreams()).toBe(0);
  });

  test("who takes nothing for 30 s is cut, who only hears nothing is not", async () => {
    const reading = await listen("/v1/events/stream");
    const stalled = await listen("/v1/events/stream");
    await stalled.next();
    const heard: Block[] = [];
    const listening = (async () => {
      for (;;) heard.push(await reading.next());
    })().catch(() => {});
    await pass(35);
    expect(house.openStreams()).toBe(1);
    expect(house.ends).toEqual(["stalled"]);
    await expect(stalled.next()).rejects.toThrow("The reader takes too long.");
    expect(heard.map(({ comment }) => comment)).toEqual([undefined, "still here", "still here"]);
    await reading.cancel();
    await listening;
  });

  test("ends when the server stops", async () => {
    const stream = await listen("/v1/events/stream");
    await stream.next();
    const ended = stream.ended();
    await settle();
    house.stopping.abort();
    expect(await ended).toBe(true);
  });
});
