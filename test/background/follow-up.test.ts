import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { FolderRow } from "../../src/store/rows.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import { accountRow, folderRow } from "../store/rows.ts";
import { followUpHouse, gmailAccount, sentRow, uncertainRow } from "./follow-up-house.ts";

const day = 86_400;
const away = new Failure("upstream-unreachable", "The mail server can't be reached.");
const found = {
  folder: { ...folderRow("acc", "Sent"), number: 1 } satisfies FolderRow,
  place: { path: "Sent", uidValidity: 1, uid: 2 },
};

describe("the copy of what was sent", () => {
  test("goes into the sent folder at once, and is all that is told of it", async () => {
    const house = followUpHouse();
    const account = accountRow();
    const id = house.add(account, sentRow(account, house.clock.now(), { followUpTries: 3 }));
    await house.pass(1);
    expect(house.asked).toEqual(["store 0s"]);
    expect(house.row(id)).toMatchObject({
      sentCopy: "stored",
      followUps: [],
      followUpAt: null,
      followUpTries: 0,
      warnings: [],
    });
    expect([house.events, house.logged]).toEqual([[], []]);
  });

  test("the provider has five minutes to put one there itself, unless ours is always wanted", async () => {
    const house = followUpHouse();
    const account = gmailAccount();
    const now = house.clock.now();
    const id = house.add(account, sentRow(account, now, { followUpAt: now + 10_000 }));
    await house.pass(400);
    expect(house.asked).toEqual(["look 10s", "look 60s", "store 300s"]);
    expect(house.row(id)).toMatchObject({ sentCopy: "stored", followUps: [] });
    house.asked.length = 0;
    house.add(account, sentRow(account, house.clock.now(), { saveToSent: "always" }));
    await house.pass(1);
    expect(house.asked).toEqual(["store 400s"]);
  });

  test("one that somebody has put there is told, and where there is no folder for it nothing is", async () => {
    const account = gmailAccount();
    for (const [filed, sentCopy] of [
      ["there", "provider"],
      ["no-folder", null],
    ] as const) {
      const house = followUpHouse({ fileSentCopy: async () => filed });
      const id = house.add(account, sentRow(account, house.clock.now()));
      await house.pass(1);
      expect(house.row(id)).toMatchObject({ sentCopy, followUps: [], warnings: [] });
    }
  });

  test("an account that has lost its folders gets none", async () => {
    const house = followUpHouse();
    const account = accountRow({ incoming: null });
    const id = house.add(account, sentRow(account, house.clock.now()));
    await house.pass(1);
    expect([house.asked, house.row(id).sentCopy, house.row(id).followUps]).toEqual([[], null, []]);
  });

  test.each([
    [new Failure("message-too-large", "too large"), "sent-copy-too-large"],
    [new Failure("not-found", "gone"), "sent-copy-failed"],
  ])("%s can't become better", async (failure, warning) => {
    const house = followUpHouse({ fileSentCopy: () => Promise.reject(failure) });
    const account = accountRow();
    const id = house.add(account, sentRow(account, house.clock.now(), { warnings: ["possible-duplicate"] }));
    await house.pass(1);
    expect(house.row(id)).toMatchObject({
      state: "sent",
      sentCopy: "failed",
      warnings: ["possible-duplicate", warning],
      followUps: [],
    });
  });

  test("a server that is away is tried again for a day, more and more seldom, and nothing is sent again", async () => {
    let tries = 0;
    const house = followUpHouse({ fileSentCopy: () => ((tries += 1), Promise.reject(away)) });
    const account = accountRow();
    const id = house.add(account, sentRow(account, house.clock.now()));
    await house.pass(60 * 60);
    expect(tries).toBe(6);
    expect(house.row(id)).toMatchObject({ sentCopy: "pending", warnings: [], followUps: ["sent-copy"] });
    await house.pass(day + 3_600);
    expect(tries).toBe(13);
    expect(house.row(id)).toMatchObject({
      state: "sent",
      sentCopy: "failed",
      warnings: ["sent-copy-failed"],
      attempts: 1,
    });
    expect(house.logged.map(({ isOver }) => isOver)).toEqual([...Array.from({ length: 12 }, () => false), true]);
    expect(house.logged[0]).toMatchObject({ event: "follow_up.failed", kind: "sent-copy", code: away.code });
  });

  test("what went wrong and then goes well is not told", async () => {
    let isAway = true;
    const house = followUpHouse({ fileSentCopy: async () => (isAway ? Promise.reject(away) : "stored") });
    const account = accountRow();
    const id = house.add(account, sentRow(account, house.clock.now()));
    await house.pass(1);
    isAway = false;
    await house.pass(60);
    expect(house.row(id)).toMatchObject({ sentCopy: "stored", warnings: [] });
  });

  test("a server that says when to come back is not asked before", async () => {
    let tries = 0;
    const busy = new Failure("upstream-throttled", "Slowly.", { retryAfter: 500 });
    const house = followUpHouse({ fileSentCopy: () => ((tries += 1), Promise.reject(busy)) });
    const account = accountRow();
    house.add(account, sentRow(account, house.clock.now()));
    await house.pass(499);
    expect(tries).toBe(1);
    await house.pass(1);
    expect(tries).toBe(2);
  });

  test("a paused account is waited for, however long", async () => {
    const house = followUpHouse();
    const account = accountRow({ state: "paused" });
    const id = house.add(account, sentRow(account, house.clock.now()));
    await house.pass(2 * 3_600);
    expect([house.asked, house.row(id).followUpTries, house.row(id).warnings]).toEqual([[], 0, []]);
    house.change({ ...account, state: "connected" });
    await house.pass(300);
    expect(house.row(id).sentCopy).toBe("stored");
  });
});

describe("what was answered", () => {
  const original = { action: "reply", messageId: "msg_1" } as const;

  test("is marked, whatever becomes of the copy", async () => {
    const house = followUpHouse({ fileSentCopy: () => Promise.reject(away) });
    const account = accountRow();
    const id = house.add(
      account,
      sentRow(account, house.clock.now(), { original, followUps: ["flag-original", "sent-copy"] }),
    );
    await house.pass(1);
    expect(house.asked).toEqual(["flag reply 0s"]);
    expect(house.row(id)).toMatchObject({ followUps: ["sent-copy"], followUpTries: 1 });
  });

  test.each([
    ["message-gone", []],
    ["not-found", []],
    ["unsupported-by-server", ["original-not-flagged"]],
    ["refused-by-server", ["original-not-flagged"]],
  ] as const)("%s ends it", async (code, warnings) => {
    const house = followUpHouse({ flagOriginal: () => Promise.reject(new Failure(code, "no")) });
    const account = accountRow();
    const id = house.add(
      account,
      sentRow(account, house.clock.now(), { original, followUps: ["flag-original"], sentCopy: null }),
    );
    await house.pass(1);
    expect(house.row(id)).toMatchObject({ followUps: [], followUpAt: null, warnings, sentCopy: null });
  });
});

describe("what may have been sent", () => {
  test("was, where a copy turns up: told as sent, with nothing put beside the copy", async () => {
    let looks = 0;
    const none = { folder: found.folder, place: null };
    const house = followUpHouse({ lookInSent: async () => ((looks += 1) === 2 ? found : none) });
    const account = gmailAccount();
    const original = { action: "forward", messageId: "msg_1" } as const;
    const id = house.add(account, uncertainRow(account, house.clock.now(), { original }));
    await house.pass(61);
    const row = house.row(id);
    expect(row).toMatchObject({ state: "sent", sentCopy: "provider", lastError: null, followUps: [] });
    expect(row.recipients.map(({ state }) => state)).toEqual(["accepted", "rejected"]);
    expect(row.finishedAt).toBe(row.createdAt + 60_000);
    expect(house.events).toMatchObject([
      { type: "submission.sent", data: { id, state: "sent", sentCopy: "provider" } },
    ]);
    expect(house.woken).toEqual(expect.arrayContaining([`events ${account.appId}`, `submission-final ${id}`]));
    expect(house.asked).toEqual(["flag forward 60s"]);
  });

  test("a copy proves nothing that was there before it was handed in, but for the clocks' difference", async () => {
    const asked: (number | null)[] = [];
    const house = followUpHouse({
      async lookInSent(_account, _messageId, since) {
        asked.push(since);
        return { folder: found.folder, place: null };
      },
    });
    const account = gmailAccount();
    const id = house.add(account, uncertainRow(account, house.clock.now()));
    await house.pass(300);
    expect(asked).toEqual(Array.from({ length: 3 }, () => house.row(id).createdAt - 60_000));
  });

  test("three looks that find nothing prove nothing: held, it stays as it is", async () => {
    const account = gmailAccount();
    const lookInSent = async () => ({ folder: found.folder, place: null });
    const held = followUpHouse({ lookInSent });
    const row = uncertainRow(account, held.clock.now());
    const id = held.add(account, row);
    await held.pass(299);
    expect(held.row(id).followUpAt).not.toBeNull();
    await held.pass(1);
    expect(held.row(id)).toEqual({ ...row, followUps: [], followUpAt: null });
    expect(held.events).toEqual([]);
  });

  test("where the account says so it goes out again, and may come twice", async () => {
    const house = followUpHouse();
    const account = gmailAccount({ onUncertain: "retry" });
    const id = house.add(account, uncertainRow(account, house.clock.now()));
    await house.pass(10);
    expect(house.row(id)).toMatchObject({
      state: "queued",
      warnings: ["possible-duplicate"],
      followUps: [],
      followUpAt: null,
      nextAttemptAt: house.clock.now(),
    });
    expect(house.row(id).recipients.map(({ state }) => state)).toEqual(["pending", "rejected"]);
    expect(house.events).toMatchObject([{ type: "submission.deferred", data: { state: "queued" } }]);
    expect(house.woken).toContain(`submissions ${account.id}`);
  });

  test("not when its time is over: it would be told as failed, and may have arrived", async () => {
    const house = followUpHouse();
    const account = gmailAccount({ onUncertain: "retry" });
    const id = house.add(
      account,
      uncertainRow(account, house.clock.now(), { deliverBefore: house.clock.now() + 5_000 }),
    );
    await house.pass(10);
    expect(house.row(id)).toMatchObject({ state: "uncertain", followUpAt: null });
  });

  test("a sent folder that can't be looked into is tried for an hour", async () => {
    let looks = 0;
    const house = followUpHouse({ lookInSent: () => ((looks += 1), Promise.reject(away)) });
    const account = gmailAccount({ onUncertain: "retry" });
    const id = house.add(account, uncertainRow(account, house.clock.now()));
    await house.pass(1_800);
    expect(house.row(id)).toMatchObject({ state: "uncertain", followUps: ["look-in-sent"] });
    await house.pass(600);
    expect([looks, house.row(id).state]).toEqual([6, "queued"]);
  });

  test("an account that has gone to another provider, or to POP3, is not looked into: nobody knows", async () => {
    const house = followUpHouse({ lookInSent: async () => found });
    const { incoming } = accountRow();
    const ids = [accountRow(), gmailAccount({ incoming: incoming && { ...incoming, protocol: "pop3" } })].map(
      (account) => house.add(account, uncertainRow(account, house.clock.now())),
    );
    await house.pass(10);
    for (const id of ids)
      expect(house.row(id)).toMatchObject({ state: "uncertain", sentCopy: null, followUps: [], followUpAt: null });
    expect(house.events).toEqual([]);
  });

  test("what the caller has resolved meanwhile is left alone", async () => {
    let answer: (it: typeof found) => void = () => {};
    const house = followUpHouse({ lookInSent: () => new Promise((resolve) => (answer = resolve)) });
    const account = gmailAccount();
    const id = house.add(account, uncertainRow(account, house.clock.now()));
    await house.pass(10);
    const resolved: SubmissionRow = { ...house.row(id), state: "sent", followUps: [], followUpAt: null };
    house.rows.set(id, resolved);
    answer(found);
    await house.pass(1);
    expect(house.row(id)).toEqual(resolved);
    expect(house.events).toEqual([]);
  });
});
