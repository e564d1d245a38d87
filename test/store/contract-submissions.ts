import { describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, collect, streamOf } from "./helpers.ts";
import { accountRow, submissionRow } from "./rows.ts";

export function submissionsContract(subject: () => Promise<Subject>): void {
  describe("submissions", () => {
    test("come back as they were accepted, to their account only", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const row = submissionRow(accountId, { nextAttemptAt: null, sendAt: 5, metadata: { k: "ü" } });
      expect(await submissions.accept(row)).toEqual({ accepted: true });
      expect(await submissions.get(accountId, row.id)).toEqual(row);
      expect(await submissions.get("acc_other", row.id)).toBeNull();
      const { appId, route, idempotencyKey } = row;
      expect(await submissions.byIdempotencyKey(appId, accountId, route, idempotencyKey)).toEqual(row);
      expect(await submissions.byIdempotencyKey(appId, accountId, "other", idempotencyKey)).toBeNull();
      expect(await submissions.byIdempotencyKey("app_other", accountId, route, idempotencyKey)).toBeNull();
    });

    test.each([null, "", "text", 0, false, [], { a: null }])(
      "a first answer of %j is replayed as it was",
      async (answer) => {
        const { submissions, accountId } = await withAccount(subject);
        const row = submissionRow(accountId, { firstAnswer: answer, nextAttemptAt: null });
        await submissions.accept(row);
        expect((await submissions.get(accountId, row.id))?.firstAnswer).toEqual(answer);
      },
    );

    test("are forgotten, and their keys free again, when they finished long ago; others stay", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const ages = [1000, 2000, null];
      const rows = ages.map((finishedAt) =>
        submissionRow(accountId, {
          state: finishedAt === null ? "uncertain" : "sent",
          finishedAt,
          nextAttemptAt: null,
        }),
      );
      for (const row of rows) await submissions.accept(row);
      await submissions.sweep(2000);
      const left = await submissions.list(accountId, { before: null, limit: 10 });
      expect(new Set(left.map(({ finishedAt }) => finishedAt))).toEqual(new Set([2000, null]));
      expect(
        await submissions.accept(submissionRow(accountId, { idempotencyKey: rows[0]?.idempotencyKey ?? "" })),
      ).toEqual({
        accepted: true,
      });
    });

    test("of a hundred with one key at once, one is accepted and the others are shown it", async () => {
      const { store } = await subject();
      const { submissions, accountId } = await withAccount(subject);
      const rows = await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const blobId = randomId("blb");
          await store.blobs.write(blobId, accountId, streamOf(bytesOf(10, i)), 0);
          return submissionRow(accountId, { idempotencyKey: "same", nextAttemptAt: null, subject: `${i}`, blobId });
        }),
      );
      const results = await Promise.all(rows.map((row) => submissions.accept(row)));
      const winner = rows[results.findIndex((result) => result.accepted)];
      expect(results.filter((result) => result.accepted)).toHaveLength(1);
      const standing = results.flatMap((result) => (result.accepted ? [] : [result.standing]));
      expect(standing).toEqual(Array.from({ length: 99 }, () => winner));
      expect(await submissions.list(accountId, { before: null, limit: 200 })).toEqual([winner]);
      // The losers' bytes are still nobody's.
      await store.blobs.sweep(3_600_000);
      expect((await collect(store.blobs.read(winner?.blobId ?? ""))).sizes).toEqual([10]);
      const loser = rows.find((row) => row !== winner);
      await expect(collect(store.blobs.read(loser?.blobId ?? ""))).rejects.toMatchObject({ code: "not-found" });
    });

    test("the same key stands for another route, account and app", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const { accountId: other } = await withAccount(subject);
      const key = { idempotencyKey: "k", nextAttemptAt: null };
      expect((await submissions.accept(submissionRow(accountId, key))).accepted).toBe(true);
      expect((await submissions.accept(submissionRow(other, key))).accepted).toBe(true);
      expect((await submissions.accept(submissionRow(accountId, { ...key, route: "raw" }))).accepted).toBe(true);
      expect((await submissions.accept(submissionRow(accountId, { ...key, appId: "app_2" }))).accepted).toBe(true);
      expect((await submissions.accept(submissionRow(accountId, key))).accepted).toBe(false);
    });

    test("one whose bytes have expired is not accepted at all", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const row = submissionRow(accountId, { blobId: randomId("blb") });
      await expect(submissions.accept(row)).rejects.toMatchObject({ code: "not-found" });
      expect(await submissions.get(accountId, row.id)).toBeNull();
    });

    test("are listed newest first", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const rows = Array.from({ length: 10 }, (_, i) =>
        submissionRow(accountId, { id: orderedId("sub", 1_000_000_000_000 + i), nextAttemptAt: null }),
      );
      await Promise.all(rows.map((row) => submissions.accept(row)));
      const newest = rows.toReversed();
      expect(await submissions.list(accountId, { before: null, limit: 4 })).toEqual(newest.slice(0, 4));
      const before = newest[3]?.id ?? "";
      expect(await submissions.list(accountId, { before, limit: 50 })).toEqual(newest.slice(4));
    });
  });
}

async function withAccount(subject: () => Promise<Subject>) {
  const { store } = await subject();
  const account = accountRow();
  await store.accounts.insert(account);
  return { submissions: store.submissions, accountId: account.id };
}
