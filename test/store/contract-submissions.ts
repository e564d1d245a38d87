import { beforeEach, describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, collect, sha256, streamOf } from "./helpers.ts";
import { accountRow, submissionRow } from "./rows.ts";

export function submissionsContract(subject: () => Promise<Subject>): void {
  describe("submissions", () => {
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.submissions)]);
    });

    test("come back as they were accepted, to their account only", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const row = submissionRow(accountId, {
        nextAttemptAt: null,
        sendAt: 5,
        metadata: { k: 'ü"\\', __proto__x: "\u0000\ud800" },
        original: { action: "replyAll", messageId: "msg_ü" },
        sentCopy: "pending",
        lastError: { code: "upstream-timeout", detail: "“late”" },
        followUps: ["look-in-sent", "flag-original"],
        followUpAt: 9_007_199_254_740_991,
        subject: `Привет 🌍 "\\ ' \u2028 \t`,
      });
      expect(await submissions.accept(row, null)).toEqual({ accepted: true });
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
        const row = submissionRow(accountId, { firstAnswer: answer });
        await submissions.accept(row, null);
        expect((await submissions.get(accountId, row.id))?.firstAnswer).toEqual(answer);
      },
    );

    test("are forgotten, and their keys free again, when they finished long ago; others stay", async () => {
      const { store } = await subject();
      const { submissions, accountId } = await withAccount(subject);
      const ages = [1000, 2000, null];
      const rows = ages.map((finishedAt) =>
        submissionRow(accountId, {
          state: finishedAt === null ? "uncertain" : "sent",
          finishedAt,
          blobId: randomId("blb"),
          nextAttemptAt: null,
        }),
      );
      for (const row of rows) await submissions.accept(row, bytesOf(9));
      expect(await submissions.sweep(2000)).toBe(1);
      const left = await submissions.list(accountId, { before: null, limit: 10 });
      expect(new Set(left.map(({ finishedAt }) => finishedAt))).toEqual(new Set([2000, null]));
      for (const [at, { blobId }] of rows.entries()) {
        const bytes = await collect(store.blobs.read(blobId ?? "")).catch(() => null);
        expect(bytes === null).toBe(at === 0);
      }
      const again = submissionRow(accountId, { idempotencyKey: rows[0]?.idempotencyKey ?? "" });
      expect(await submissions.accept(again, null)).toEqual({ accepted: true });
    });

    test("more than a query holds are swept in one go", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const rows = Array.from({ length: 200 }, () => submissionRow(accountId, { state: "sent", finishedAt: 5 }));
      await Promise.all(rows.map((row) => submissions.accept(row, null)));
      expect(await submissions.sweep(6)).toBe(200);
      expect(await submissions.sweep(6)).toBe(0);
    });

    test.each(["that come with them", "that were written before"])(
      "of a hundred with one key at once, one is accepted and the others are shown it: with bytes %s",
      async (how) => {
        const { store } = await subject();
        const { submissions, accountId } = await withAccount(subject);
        const isBefore = how === "that were written before";
        const rows = await Promise.all(
          Array.from({ length: 100 }, async (_, i) => {
            const blobId = randomId("blb");
            if (isBefore) await store.blobs.write(blobId, accountId, streamOf(bytesOf(10, i)), 0);
            return submissionRow(accountId, { idempotencyKey: "same", subject: `${i}`, blobId });
          }),
        );
        const results = await Promise.all(rows.map((row) => submissions.accept(row, isBefore ? null : bytesOf(10))));
        const winner = rows[results.findIndex((result) => result.accepted)];
        expect(results.filter((result) => result.accepted)).toHaveLength(1);
        const standing = results.flatMap((result) => (result.accepted ? [] : [result.standing]));
        expect(standing).toEqual(Array.from({ length: 99 }, () => winner));
        expect(await submissions.list(accountId, { before: null, limit: 200 })).toEqual([winner]);
        // The losers' bytes are nobody's.
        await store.blobs.sweep(3_600_000);
        expect((await collect(store.blobs.read(winner?.blobId ?? ""))).sizes).toEqual([10]);
        for (const loser of rows.filter((row) => row !== winner))
          await expect(collect(store.blobs.read(loser.blobId ?? ""))).rejects.toMatchObject({ code: "not-found" });
      },
    );

    test("the same key stands for another route, account and app", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const { accountId: other } = await withAccount(subject);
      const key = { idempotencyKey: "k" };
      const accept = (row: SubmissionRow) => submissions.accept(row, null);
      expect((await accept(submissionRow(accountId, key))).accepted).toBe(true);
      expect((await accept(submissionRow(other, key))).accepted).toBe(true);
      expect((await accept(submissionRow(accountId, { ...key, route: "raw" }))).accepted).toBe(true);
      expect((await accept(submissionRow(accountId, { ...key, appId: "app_2" }))).accepted).toBe(true);
      expect((await accept(submissionRow(accountId, key))).accepted).toBe(false);
    });

    test("bytes that come with a short one are there with it, and stay", async () => {
      const { store } = await subject();
      const { submissions, accountId } = await withAccount(subject);
      const sizes = [0, 1, 1500, 512 * 1024, 512 * 1024, 512 * 1024, 7, 300_000];
      const rows = sizes.map(() => submissionRow(accountId, { blobId: randomId("blb") }));
      await Promise.all(rows.map((row, at) => submissions.accept(row, bytesOf(sizes[at] ?? 0, at))));
      await store.blobs.sweep(9e15);
      for (const [at, { blobId }] of rows.entries())
        expect((await collect(store.blobs.read(blobId ?? ""))).sha256).toBe(sha256(bytesOf(sizes[at] ?? 0, at)));
      const long = randomId("blb");
      await store.blobs.write(long, accountId, streamOf(bytesOf(512 * 1024 + 1)), 0);
      const asked = [...rows.map(({ blobId }) => blobId ?? ""), long, "blb_none"];
      const contents = await submissions.contents(asked);
      expect([...contents.keys()].toSorted()).toEqual(asked.slice(1, sizes.length).toSorted());
      for (const [at, { blobId }] of rows.entries()) {
        const read = contents.get(blobId ?? "") ?? bytesOf(0);
        expect(sha256(read)).toBe(sha256(bytesOf(sizes[at] ?? 0, at)));
      }
      expect(await submissions.contents([])).toEqual(new Map());
    });

    test("of many that come at once, each has its own answer", async () => {
      const { store } = await subject();
      const { submissions, accountId } = await withAccount(subject);
      const kinds = ["short", "long", "expired", "no account", "id taken", "key taken", "no bytes"] as const;
      const first = submissionRow(accountId);
      await submissions.accept(first, null);
      const asked = await Promise.all(
        Array.from({ length: 70 }, async (_, at) => {
          const kind = kinds[at % kinds.length] ?? "short";
          const blobId = kind === "no bytes" ? null : randomId("blb");
          if (kind === "long") await store.blobs.write(blobId ?? "", accountId, streamOf(bytesOf(9)), 0);
          const row = submissionRow(kind === "no account" ? randomId("acc") : accountId, {
            blobId,
            ...(kind === "id taken" && { id: first.id }),
            ...(kind === "key taken" && { idempotencyKey: first.idempotencyKey }),
          });
          return { kind, row, octets: kind === "long" || kind === "expired" || blobId === null ? null : bytesOf(9) };
        }),
      );
      const results = await Promise.allSettled(asked.map(({ row, octets }) => submissions.accept(row, octets)));
      const accepted = { status: "fulfilled", value: { accepted: true } };
      const gone = { status: "rejected", reason: { code: "not-found" } };
      const expected = {
        short: accepted,
        long: accepted,
        "no bytes": accepted,
        expired: gone,
        "no account": gone,
        "id taken": { status: "rejected", reason: { code: "internal" } },
        "key taken": { status: "fulfilled", value: { accepted: false, standing: first } },
      };
      for (const [at, { kind }] of asked.entries()) expect(results[at]).toMatchObject(expected[kind]);
      await store.blobs.sweep(9e15);
      for (const { kind, row } of asked) {
        const isIn = expected[kind] === accepted;
        expect(await submissions.get(row.accountId, row.id)).toEqual(isIn ? row : kind === "id taken" ? first : null);
        const contents = await submissions.contents([row.blobId ?? ""]);
        expect(contents.size).toBe(isIn && row.blobId !== null ? 1 : 0);
      }
    });

    test("rows too long for one query go in together", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const to = Array.from({ length: 1_000 }, (_, at) => `${"ü".repeat(60)}${at}@example`);
      const rows = Array.from({ length: 12 }, () => submissionRow(accountId, { envelope: { from: "", to } }));
      await Promise.all(rows.map((row) => submissions.accept(row, null)));
      expect(await submissions.get(accountId, rows[11]?.id ?? "")).toEqual(rows[11]);
      expect(await submissions.list(accountId, { before: null, limit: 50 })).toHaveLength(12);
    });

    test("the newest with a Message-ID is found, in its account", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const { accountId: other } = await withAccount(subject);
      const messageId = "<same@example>";
      const [old, young, others] = [
        submissionRow(accountId, { messageId, id: orderedId("sub", 1), state: "sent" }),
        submissionRow(accountId, { messageId, id: orderedId("sub", 2), state: "failed" }),
        submissionRow(other, { messageId, id: orderedId("sub", 3) }),
      ];
      for (const row of [young, old, others]) await submissions.accept(row, null);
      expect(await submissions.byMessageId(accountId, messageId)).toEqual(young);
      expect(await submissions.byMessageId(other, messageId)).toEqual(others);
      expect(await submissions.byMessageId(accountId, "<SAME@example>")).toBeNull();
    });

    test("are listed newest first", async () => {
      const { submissions, accountId } = await withAccount(subject);
      const rows = Array.from({ length: 10 }, (_, i) =>
        submissionRow(accountId, { id: orderedId("sub", 1_000_000_000_000 + i) }),
      );
      await Promise.all(rows.map((row) => submissions.accept(row, null)));
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
