import { expect, test } from "vitest";
import { createPlaceCache } from "../../src/operations/place-cache.ts";

const inbox = { path: "INBOX", uidValidity: 7, uid: 1 };
const archive = { path: "Archive", uidValidity: 9, uid: 4 };

test("one who finds an old place empty does not take away the new one that a move has put meanwhile", () => {
  const places = createPlaceCache(10);
  places.put("acc_1", "msg_1", inbox);
  places.moved("acc_1", "msg_1", archive);
  places.forget("acc_1", "msg_1", inbox);
  expect(places.get("acc_1", "msg_1")).toEqual(archive);
  places.forget("acc_1", "msg_1", { ...archive });
  expect(places.get("acc_1", "msg_1")).toBeNull();
});

test("the place that was asked for longest ago makes room, and accounts don't share places", () => {
  const places = createPlaceCache(2);
  places.put("acc_1", "msg_1", inbox);
  places.put("acc_2", "msg_1", archive);
  expect(places.get("acc_1", "msg_1")).toEqual(inbox);
  places.put("acc_1", "msg_2", archive);
  expect([places.get("acc_2", "msg_1"), places.get("acc_1", "msg_1")]).toEqual([null, inbox]);
});

test("a move is counted in its account, with a known place or without one", () => {
  const places = createPlaceCache(10);
  places.put("acc_1", "msg_1", inbox);
  const before = places.moves("acc_1");
  places.moved("acc_1", "msg_1", archive);
  const between = places.moves("acc_1");
  places.moved("acc_1", "msg_1", null);
  expect(new Set([before, between, places.moves("acc_1")]).size).toBe(3);
  expect(places.moves("acc_2")).toBe(0);
  expect(places.get("acc_1", "msg_1")).toBeNull();
});
