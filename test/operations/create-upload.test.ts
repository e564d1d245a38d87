import { afterEach, beforeEach, expect, test } from "vitest";
import { sweep } from "../../src/background/sweep.ts";
import { Failure } from "../../src/errors.ts";
import { createUpload, type UploadAsked } from "../../src/operations/create-upload.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { collect } from "../mime/random.ts";
import { cut, openSendingHouse, type SendingHouse } from "./sending-house.ts";

let house: SendingHouse;
let account: AccountRow;
beforeEach(async () => {
  house = await openSendingHouse();
  account = await house.account();
});
afterEach(() => house.close());

const everyByte = Buffer.from(Array.from({ length: 1_300_000 }, (_, n) => n % 256));
const file: UploadAsked = { filename: "größe.bin", contentType: "image/png", read: () => cut(everyByte, 70_001) };
const upload = (change: Partial<UploadAsked> = {}, accountId = account.id, caller = house.caller) =>
  createUpload(house.needs)(caller, accountId, { ...file, ...change });

const octetsOf = async (id: string) => {
  const row = await house.store.uploads.get(account.id, id, house.clock.now());
  if (row === null) throw new Error("no upload");
  return collect(house.store.blobs.read(row.blobId));
};

test("keeps the octets as they came, for a day", async () => {
  const { id, ...told } = await upload();
  expect(id).toMatch(/^upl_[0-9a-v]{26}$/);
  expect(told).toEqual({
    accountId: account.id,
    filename: "größe.bin",
    contentType: "image/png",
    size: everyByte.length,
    createdAt: "2026-11-22T12:00:00.000Z",
    expiresAt: "2026-11-23T12:00:00.000Z",
  });
  expect(await house.strays()).toBe(0);
  expect((await octetsOf(id)).equals(everyByte)).toBe(true);
});

test("is swept with its bytes when the day is over, and not found before that", async () => {
  const { id } = await upload();
  const row = await house.store.uploads.get(account.id, id, house.clock.now());
  const broom = sweep({
    ...house.store,
    clock: house.clock,
    eventDays: 30,
    rewrapKeys: async () => 0,
    log: { write: () => {} },
  });
  await house.clock.advance(86_400_000 - 1);
  await broom();
  expect(await octetsOf(id)).toHaveLength(everyByte.length);
  await house.clock.advance(1);
  expect(await house.store.uploads.get(account.id, id, house.clock.now())).toBeNull();
  await broom();
  await expect(collect(house.store.blobs.read(row?.blobId ?? ""))).rejects.toMatchObject({ code: "not-found" });
});

test("is found in its own account only", async () => {
  const { id } = await upload();
  const other = await house.account();
  expect(await house.store.uploads.get(other.id, id, house.clock.now())).toBeNull();
});

test("another's account is not found, and not one octet is read", async () => {
  const read = () => {
    throw new Error("read");
  };
  const bound = { ...house.caller, accountIds: [] };
  await expect(upload({ read }, account.id, bound)).rejects.toMatchObject({ code: "not-found" });
  const stranger = { ...house.caller, appId: "app_2" };
  await expect(upload({ read }, account.id, stranger)).rejects.toMatchObject({ code: "not-found" });
});

test.each([
  ["a line break", "a\r\nb"],
  ["a NUL", "a\0b"],
  ["256 octets", "ü".repeat(128)],
])("a file name with %s is refused", async (_, filename) => {
  await expect(upload({ filename })).rejects.toMatchObject({
    code: "validation-failed",
    details: { errors: [{ pointer: "?filename" }] },
  });
});

test.each([
  [null, "application/octet-stream"],
  ['text/csv; charset="utf-8"', 'text/csv; charset="utf-8"'],
  ["application/json", "application/json"],
  ["message/rfc822", "message/rfc822"],
])("the content type %j is told as %j", async (contentType, told) =>
  expect(await upload({ contentType })).toMatchObject({ contentType: told }),
);

test.each([
  "multipart/form-data; boundary=x",
  "multipart/mixed",
  "message/partial",
  "application/x-www-form-urlencoded",
  "Application/X-WWW-Form-Urlencoded; charset=utf-8",
  "pdf",
  "",
  `text/${"x".repeat(300)}`,
])("the content type %j is refused", async (contentType) => {
  await expect(upload({ contentType })).rejects.toMatchObject({ code: "unsupported-media-type" });
  expect(await house.strays()).toBe(0);
});

test("no octets are no upload", async () => {
  for (const chunks of [[], [new Uint8Array()]]) {
    const read = async function* () {
      yield* chunks;
    };
    await expect(upload({ read })).rejects.toMatchObject({
      code: "validation-failed",
      details: { errors: [{ pointer: "", code: "empty" }] },
    });
  }
  expect(await house.strays()).toBe(0);
});

test.each([10, 600_000, 1_300_000])("one that breaks off after %j octets leaves nothing behind", async (octets) => {
  const broken = new Failure("body-too-large", "too large");
  const read = () =>
    cut(everyByte.subarray(0, octets), 100_000, () => {
      throw broken;
    });
  await expect(upload({ read })).rejects.toBe(broken);
  expect(await house.strays()).toBe(0);
});

test("an account that goes while it comes takes it along", async () => {
  const read = async function* () {
    yield everyByte;
    await house.store.accounts.remove(account.appId, account.id, {
      id: "evt_1",
      appId: account.appId,
      accountId: account.id,
      externalId: null,
      type: "account.deleted",
      createdAt: house.clock.now(),
      folderRoles: null,
      data: {},
    });
    yield everyByte;
  };
  await expect(upload({ read })).rejects.toMatchObject({ code: "not-found" });
  expect(await house.strays()).toBe(0);
});

test("100 MB take no more memory than 40 MB", async () => {
  const [early, all] = [40, 100];
  let [peak, peakEarly] = [0, 0];
  const read = async function* () {
    for (let mebi = 0; mebi < all; mebi += 1) {
      peak = Math.max(peak, process.memoryUsage().rss);
      if (mebi === early) peakEarly = peak;
      for (let n = 0; n < 16; n += 1) yield Buffer.alloc(64 * 1024, mebi);
    }
  };
  expect(await upload({ read })).toMatchObject({ size: all * 1024 * 1024 });
  expect(peak - peakEarly).toBeLessThan(40 * 1024 * 1024);
}, 30_000);
