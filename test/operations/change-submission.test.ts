import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { SubmissionPatch } from "../../src/mail/submission.ts";
import { cancelSubmission } from "../../src/operations/cancel-submission.ts";
import { updateSubmission } from "../../src/operations/update-submission.ts";
import type { SubmissionState } from "../../src/store/submission-rows.ts";
import { openReplyHouse, type ReplyHouse } from "./reply-house.ts";

const hour = 3_600_000;
let house: ReplyHouse;
beforeEach(async () => {
  house = await openReplyHouse();
});
afterEach(() => house.close());

const accept = async (sendAt?: string): Promise<string> =>
  (await house.create({ to: [{ name: "", email: "bob@example.org" }], text: "x", sendAt })).id;
const update = (id: string, patch: SubmissionPatch) =>
  updateSubmission(house.needs)(house.caller, house.account.id, id, patch);
const cancel = (id: string) => cancelSubmission(house.needs)(house.caller, house.account.id, id);
const code = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof Failure ? error.code : error),
  );
const row = async (id: string) => {
  const found = await house.store.submissions.get(house.account.id, id);
  if (found === null) throw new Error("gone");
  return found;
};
const told = async () => {
  const page = { after: 0, limit: 50, types: null, accountIds: null };
  return (await house.store.events.list(house.caller.appId, page)).map(({ type }) => type);
};

/** As if an attempt had come to this. */
async function bringTo(id: string, state: SubmissionState): Promise<void> {
  const { submissions } = house.store;
  const how = { owner: "w", now: house.clock.now(), leaseMs: 20_000, limit: 1, only: "due" } as const;
  const [claim] = await submissions.claim(house.account.id, how);
  if (claim === undefined) throw new Error("nothing to claim");
  if (state === "sending") return;
  const { submission, epoch } = claim;
  if (state === "committing") {
    await submissions.commit([{ id, epoch, recipients: null }], how.now + 20_000);
    return;
  }
  const become = { uncertain: "uncertain", queued: "deferred", sent: "accepted", failed: "rejected" } as const;
  const to = become[state as keyof typeof become];
  const recipients = submission.recipients.map((recipient) => ({ ...recipient, state: to }));
  const nextAttemptAt = state === "queued" ? how.now + hour : null;
  const outcome = { ...submission, state, recipients, nextAttemptAt, updatedAt: how.now + 1 };
  await submissions.settle([{ id, epoch, outcome, event: null }]);
}

/** A look for it in the sent folder has failed, and is to be tried again. */
async function lookAndFail(id: string): Promise<void> {
  const { submissions } = house.store;
  const seen = await row(id);
  const change = { followUps: ["look-in-sent" as const], followUpAt: house.clock.now() };
  await submissions.change(seen, ["uncertain"], { ...change, updatedAt: seen.updatedAt + 1 }, null);
  const { rows } = await submissions.claimFollowUps(house.clock.now(), 60_000, 1);
  expect(rows).toMatchObject([{ id, followUpTries: 1 }]);
}

describe("PATCH sendAt", () => {
  test("puts off and brings forward, and leaves as long for delivery", async () => {
    const id = await accept("2026-11-22T13:00:00Z");
    const lifetime = (await row(id)).deliverBefore - Date.parse("2026-11-22T13:00:00Z");
    const later = await update(id, { sendAt: "2026-11-22T15:00:00Z" });
    expect(later).toMatchObject({ state: "scheduled", nextAttemptAt: "2026-11-22T15:00:00.000Z" });
    expect(Date.parse(later.deliverBefore) - Date.parse("2026-11-22T15:00:00Z")).toBe(lifetime);
    const woken = house.needs.wake.wait("submissions", house.account.id, 1000);
    const now = await update(id, { sendAt: null });
    expect(await woken).toBe(true);
    const due = "2026-11-22T12:00:00.000Z";
    expect(now).toMatchObject({ state: "queued", sendAt: due, nextAttemptAt: due });
    expect(Date.parse(now.deliverBefore) - house.clock.now()).toBe(lifetime);
    expect(await told()).toEqual([]);
  });

  test("leaves no longer for delivery however often, and however late it is asked", async () => {
    const id = await accept();
    for (let n = 0; n < 4; n++) {
      await house.clock.advance(48 * hour);
      const submission = await update(id, { sendAt: null });
      expect(Date.parse(submission.deliverBefore) - house.clock.now()).toBe(72 * hour);
    }
  });

  test("puts one off that is tried again", async () => {
    const id = await accept();
    await bringTo(id, "queued");
    expect(await update(id, { sendAt: "2026-11-22T15:00:00Z" })).toMatchObject({ state: "scheduled", attempts: 1 });
  });

  test.each([
    ["2026-11-22T12:00:00Z", "in-the-past"],
    ["2028-01-01T00:00:00Z", "too-far"],
  ])("refuses %s", async (sendAt, reason) => {
    const id = await accept();
    await expect(update(id, { sendAt })).rejects.toMatchObject({
      code: "validation-failed",
      details: { errors: [{ pointer: "/sendAt", code: reason }] },
    });
  });

  test.each(["sending", "committing", "sent", "failed", "uncertain"] as const)("is too late for %s", async (state) => {
    const id = await accept();
    await bringTo(id, state);
    expect(await code(update(id, { sendAt: null }))).toBe("not-changeable");
    expect((await row(id)).state).toBe(state);
  });
});

describe("PATCH resolve", () => {
  test("sent ends it, with what follows", async () => {
    const id = (await house.create({ inReplyTo: house.put(["From: bob@example.org", "", "x"]), text: "x" })).id;
    await bringTo(id, "uncertain");
    const submission = await update(id, { resolve: "sent" });
    expect(submission).toMatchObject({ state: "sent", recipients: [{ state: "accepted" }], nextAttemptAt: null });
    expect((await row(id)).followUps).toContain("flag-original");
    expect((await row(id)).finishedAt).not.toBeNull();
    expect(await told()).toEqual(["submission.sent"]);
    expect(await code(update(id, { resolve: "sent" }))).toBe("not-changeable");
  });

  test("retry sends it once more, also when its time is over", async () => {
    const id = await accept();
    await bringTo(id, "uncertain");
    await lookAndFail(id);
    await house.clock.advance(100 * 24 * hour);
    const submission = await update(id, { resolve: "retry" });
    expect(submission).toMatchObject({
      state: "queued",
      recipients: [{ state: "pending" }],
      warnings: ["possible-duplicate"],
      nextAttemptAt: new Date(house.clock.now()).toISOString(),
    });
    expect(Date.parse(submission.deliverBefore)).toBe(house.clock.now() + 72 * hour);
    expect(await row(id)).toMatchObject({ followUps: [], followUpAt: null, followUpTries: 0 });
    await bringTo(id, "uncertain");
    await house.clock.advance(100 * 24 * hour);
    expect(Date.parse((await update(id, { resolve: "retry" })).deliverBefore)).toBe(house.clock.now() + 72 * hour);
  });

  test.each(["scheduled", "queued", "sending", "sent"] as const)("is nothing for one that is %s", async (state) => {
    const id = await accept(state === "scheduled" ? "2026-11-22T13:00:00Z" : undefined);
    if (state !== "scheduled") await bringTo(id, state);
    for (const resolve of ["sent", "retry"] as const)
      expect(await code(update(id, { resolve }))).toBe("not-changeable");
  });
});

describe("DELETE", () => {
  test("takes back what waits, and says so once", async () => {
    const [id, deferred] = [await accept("2026-11-22T13:00:00Z"), await accept()];
    await bringTo(deferred, "queued");
    const canceled = await cancel(id);
    expect(canceled).toMatchObject({ state: "canceled", nextAttemptAt: null, recipients: [{ state: "pending" }] });
    await house.clock.advance(5_000);
    expect(await cancel(id)).toEqual(canceled);
    expect(await cancel(deferred)).toMatchObject({ state: "canceled", recipients: [{ state: "deferred" }] });
    expect(await told()).toEqual(["submission.canceled", "submission.canceled"]);
    expect((await row(id)).blobId).toBeNull();
    expect(await code(update(id, { sendAt: null }))).toBe("not-changeable");
  });

  test.each(["sending", "committing", "sent", "failed", "uncertain"] as const)("is too late for %s", async (state) => {
    const id = await accept();
    await bringTo(id, state);
    expect(await code(cancel(id))).toBe("not-cancelable");
  });

  test("and a claim at once: one of them wins", async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => accept()));
    const how = { owner: "w", now: house.clock.now(), leaseMs: 20_000, limit: 7, only: "due" } as const;
    const [claims, canceled] = await Promise.all([
      house.store.submissions.claim(house.account.id, how),
      Promise.all(ids.map((id) => code(cancel(id)))),
    ]);
    const claimed = new Set(claims.map(({ submission }) => submission.id));
    expect(ids.map((id) => claimed.has(id))).toEqual(canceled.map((answer) => answer === "not-cancelable"));
  });
});

test("nothing of another account or app", async () => {
  const id = await accept();
  const other = await house.newAccount();
  const foreign = { ...house.caller, appId: "app_other" };
  expect(await code(cancelSubmission(house.needs)(house.caller, other.id, id))).toBe("not-found");
  expect(await code(cancelSubmission(house.needs)(foreign, house.account.id, id))).toBe("not-found");
  expect(await code(updateSubmission(house.needs)(foreign, house.account.id, id, { sendAt: null }))).toBe("not-found");
  expect((await row(id)).state).toBe("queued");
});
