import { beforeEach, describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { SubmissionRow } from "../../src/store/rows.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, collect, streamOf } from "./helpers.ts";
import { accountRow, submissionRow } from "./rows.ts";

const t0 = 1_790_000_000_000;
const lease = 20_000;

export function claimsContract(subject: () => Promise<Subject>): void {
  describe("claims", () => {
    // What other tests left due would be claimed as well.
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.submissions)]);
    });

    async function accepted(change: Partial<SubmissionRow> = {}): Promise<SubmissionRow> {
      const { accounts, submissions } = (await subject()).store;
      const account = accountRow(change.accountId === undefined ? {} : { id: change.accountId });
      if (change.accountId === undefined) await accounts.insert(account);
      const row = submissionRow(account.id, { nextAttemptAt: t0, ...change });
      await submissions.accept(row);
      return row;
    }

    test("a due row is handed out once, as sending, with its attempt counted", async () => {
      const { submissions } = (await subject()).store;
      const row = await accepted();
      await accepted({ nextAttemptAt: t0 + 1 });
      await accepted({ nextAttemptAt: null });
      await accepted({ state: "sent" });
      expect(await submissions.claimDue("w1", t0 - 1, lease, 10)).toEqual([]);
      const submission = { ...row, state: "sending", attempts: 1, nextAttemptAt: null, updatedAt: t0 };
      expect(await submissions.claimDue("w1", t0, lease, 10)).toEqual([{ submission, epoch: 1 }]);
      expect(await submissions.get(row.accountId, row.id)).toEqual(submission);
      expect(await submissions.claimDue("w2", t0, lease, 10)).toEqual([]);
    });

    test("a scheduled row is claimed when its time has come", async () => {
      const { submissions } = (await subject()).store;
      const row = await accepted({ state: "scheduled", sendAt: t0, nextAttemptAt: t0 });
      expect(await submissions.claimDue("w", t0, lease, 10)).toMatchObject([{ submission: { id: row.id } }]);
    });

    test("many workers at once never get the same row, and leave none", async () => {
      const { submissions } = (await subject()).store;
      const rows = await Promise.all(Array.from({ length: 40 }, () => accepted()));
      const claimed: string[] = [];
      for (let round = 0; round < 40 && claimed.length < rows.length; round += 1) {
        const claims = await Promise.all(["a", "b", "c", "d", "e"].map((w) => submissions.claimDue(w, t0, lease, 10)));
        claimed.push(...claims.flat().map((claim) => claim.submission.id));
      }
      expect(claimed.toSorted()).toEqual(rows.map((row) => row.id).toSorted());
    });

    test("one row per account is under way, the oldest first, and the others' turn comes", async () => {
      const { submissions } = (await subject()).store;
      const first = await accepted({ id: orderedId("sub", t0) });
      const { accountId } = first;
      const second = await accepted({ accountId, id: orderedId("sub", t0 + 1) });
      const other = await accepted({ id: orderedId("sub", t0 + 2) });
      const claims = (await Promise.all(["a", "b", "c"].map((w) => submissions.claimDue(w, t0, lease, 2)))).flat();
      expect(claims.map((claim) => claim.submission.id).toSorted()).toEqual([first.id, other.id].toSorted());
      expect(await submissions.claimDue("d", t0, lease, 2)).toEqual([]);
      await submissions.write(first.id, 1, { state: "sent", finishedAt: t0 });
      expect(await submissions.claimDue("d", t0, lease, 2)).toMatchObject([{ submission: { id: second.id } }]);
    });

    test("many rows of one account don't keep the others out of a small claim", async () => {
      const { submissions } = (await subject()).store;
      const first = await accepted({ id: orderedId("sub", t0) });
      const { accountId } = first;
      for (let i = 1; i <= 250; i += 25) {
        const ids = Array.from({ length: 25 }, (_, j) => orderedId("sub", t0 + i + j));
        await Promise.all(ids.map((id) => accepted({ accountId, id })));
      }
      const other = await accepted({ id: orderedId("sub", t0 + 999), nextAttemptAt: t0 + 1 });
      const claims = await submissions.claimDue("w", t0 + 1, lease, 2);
      expect(claims.map((claim) => claim.submission.id)).toEqual([first.id, other.id]);
    });

    test("writes are refused from the moment another has claimed the row", async () => {
      const { submissions } = (await subject()).store;
      const { id, accountId } = await accepted();
      await submissions.claimDue("w1", t0, lease, 1);
      expect(await submissions.write(id, 1, { leaseUntil: t0 + 2 * lease })).toBe(true);
      expect(await submissions.claimDue("w2", t0 + lease, lease, 1)).toEqual([]);
      const [claim] = await submissions.claimDue("w2", t0 + 2 * lease, lease, 1);
      expect(claim).toMatchObject({ submission: { id, state: "sending", attempts: 2 }, epoch: 2 });
      expect(await submissions.write(id, 1, { state: "committing" })).toBe(false);
      expect(await submissions.write(id, 1, { state: "sent", finishedAt: t0 })).toBe(false);
      expect(await submissions.write(id, 3, { state: "sent", finishedAt: t0 })).toBe(false);
      expect(await submissions.get(accountId, id)).toMatchObject({ state: "sending", finishedAt: null });
      const change = { state: "committing" as const, warnings: ["ü"], updatedAt: t0 + 7 };
      expect(await submissions.write(id, 2, change)).toBe(true);
      expect(await submissions.get(accountId, id)).toMatchObject(change);
      expect(await submissions.write("sub_none", 1, {})).toBe(false);
    });

    test("a deferred row is given back and due again at its time", async () => {
      const { submissions } = (await subject()).store;
      const { id } = await accepted();
      await submissions.claimDue("w1", t0, lease, 1);
      const again = { state: "queued" as const, nextAttemptAt: t0 + 60_000, release: true };
      expect(await submissions.write(id, 1, again)).toBe(true);
      expect(await submissions.nextDueAt()).toBe(t0 + 60_000);
      expect(await submissions.claimDue("w2", t0 + 59_999, lease, 1)).toEqual([]);
      expect(await submissions.claimDue("w2", t0 + 60_000, lease, 1)).toMatchObject([
        { submission: { attempts: 2 }, epoch: 2 },
      ]);
    });

    test("one left while committing is handed out as it is", async () => {
      const { submissions } = (await subject()).store;
      const { id } = await accepted();
      await submissions.claimDue("w1", t0, lease, 1);
      await submissions.write(id, 1, { state: "committing" });
      const [claim] = await submissions.claimDue("w2", t0 + lease, lease, 1);
      expect(claim).toMatchObject({ submission: { id, state: "committing", attempts: 1 }, epoch: 2 });
    });

    test("one that its workers died over three times is parked, and the rest flows", async () => {
      const { store } = await subject();
      const { submissions } = store;
      const account = accountRow();
      await store.accounts.insert(account);
      const blobId = randomId("blb");
      await store.blobs.write(blobId, account.id, streamOf(bytesOf(5)), t0);
      const deadly = await accepted({ accountId: account.id, blobId, id: orderedId("sub", t0) });
      const next = await accepted({ accountId: account.id, id: orderedId("sub", t0 + 1) });
      for (let death = 0; death < 3; death += 1) {
        const [claim] = await submissions.claimDue(`w${death}`, t0 + death * lease, lease, 1);
        expect(claim).toMatchObject({ submission: { id: deadly.id, attempts: death + 1 }, epoch: death + 1 });
      }
      const claims = await submissions.claimDue("w3", t0 + 3 * lease, lease, 5);
      expect(claims).toMatchObject([{ submission: { id: next.id } }]);
      const parked = await submissions.get(account.id, deadly.id);
      expect(parked).toMatchObject({
        state: "failed",
        warnings: ["parked"],
        blobId: null,
        attempts: 3,
        finishedAt: t0 + 3 * lease,
      });
      expect(await submissions.write(deadly.id, 3, { state: "sent" })).toBe(false);
      await expect(collect(store.blobs.read(blobId))).rejects.toMatchObject({ code: "not-found" });
    });

    test("a death is forgotten once a worker has given the row back", async () => {
      const { submissions } = (await subject()).store;
      const { id } = await accepted();
      let now = t0;
      for (let epoch = 1; epoch <= 6; epoch += 2) {
        await submissions.claimDue("dies", now, lease, 1);
        now += lease;
        expect(await submissions.claimDue("lives", now, lease, 1)).toMatchObject([{ epoch: epoch + 1 }]);
        await submissions.write(id, epoch + 1, { state: "queued", nextAttemptAt: now, release: true });
      }
      expect(await submissions.claimDue("w", now, lease, 1)).toMatchObject([{ submission: { id } }]);
    });

    test("one parked while committing is uncertain and keeps its bytes", async () => {
      const { store } = await subject();
      const { submissions } = store;
      const account = accountRow();
      await store.accounts.insert(account);
      const blobId = randomId("blb");
      await store.blobs.write(blobId, account.id, streamOf(bytesOf(5)), t0);
      const { id } = await accepted({ accountId: account.id, blobId });
      await submissions.claimDue("w", t0, lease, 1);
      await submissions.write(id, 1, { state: "committing" });
      for (let death = 1; death <= 3; death += 1) await submissions.claimDue("w", t0 + death * lease, lease, 1);
      expect(await submissions.get(account.id, id)).toMatchObject({ state: "uncertain", warnings: ["parked"], blobId });
      expect((await collect(store.blobs.read(blobId))).sizes).toEqual([5]);
      expect(await submissions.nextDueAt()).toBeNull();
    });

    test.each(["sent", "failed", "canceled", "uncertain"] as const)(
      "bytes go with a row that is over: %s",
      async (state) => {
        const { store } = await subject();
        const account = accountRow();
        await store.accounts.insert(account);
        const blobId = randomId("blb");
        await store.blobs.write(blobId, account.id, streamOf(bytesOf(600_000)), t0);
        const { id } = await accepted({ accountId: account.id, blobId });
        await store.submissions.claimDue("w", t0, lease, 1);
        expect(await store.submissions.write(id, 1, { state, finishedAt: t0 + 1, release: true })).toBe(true);
        const kept = state === "uncertain";
        const row = await store.submissions.get(account.id, id);
        expect(row).toMatchObject({ state, finishedAt: t0 + 1, blobId: kept ? blobId : null });
        const sizes = await collect(store.blobs.read(blobId)).then(
          (read) => read.sizes,
          () => [],
        );
        expect(sizes).toHaveLength(kept ? 2 : 0);
      },
    );

    test("nextDueAt knows waiting rows and leases, and not the rows that wait for one under way", async () => {
      const { submissions } = (await subject()).store;
      expect(await submissions.nextDueAt()).toBeNull();
      const first = await accepted({ id: orderedId("sub", t0) });
      await accepted({ accountId: first.accountId, nextAttemptAt: t0 });
      await accepted({ state: "scheduled", nextAttemptAt: null });
      expect(await submissions.nextDueAt()).toBe(t0);
      await submissions.claimDue("w", t0, lease, 5);
      expect(await submissions.nextDueAt()).toBe(t0 + lease);
      await accepted({ nextAttemptAt: t0 + 5 });
      expect(await submissions.nextDueAt()).toBe(t0 + 5);
    });
  });
}
