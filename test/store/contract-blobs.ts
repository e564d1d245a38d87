import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, collect, sha256, streamOf } from "./helpers.ts";
import { accountRow, submissionRow } from "./rows.ts";

const chunk = 512 * 1024;

export function blobsContract(subject: () => Promise<Subject>): void {
  describe("blobs", () => {
    test.each([
      { size: 0, piece: 1, chunks: [] },
      { size: 1, piece: 1, chunks: [1] },
      { size: 256, piece: 256, chunks: [256] },
      { size: chunk - 1, piece: 8191, chunks: [chunk - 1] },
      { size: chunk, piece: 65_536, chunks: [chunk] },
      { size: chunk + 1, piece: 100_003, chunks: [chunk, 1] },
      { size: 3 * chunk + 17, piece: 3 * chunk + 17, chunks: [chunk, chunk, chunk, 17] },
    ])("$size octets in pieces of $piece come back the same", async ({ size, piece, chunks }) => {
      const { blobs, accountId } = await withAccount(subject);
      const bytes = bytesOf(size, size);
      const id = randomId("blb");
      expect(await blobs.write(id, accountId, streamOf(bytes, piece), 1)).toEqual({ size });
      expect(await collect(blobs.read(id))).toEqual({ sha256: sha256(bytes), sizes: chunks });
    });

    test("one that is gone is not found", async () => {
      const { blobs } = (await subject()).store;
      await expect(collect(blobs.read("blb_none"))).rejects.toMatchObject({ code: "not-found" });
    });

    test("a stream that fails leaves nothing behind", async () => {
      const { blobs, accountId } = await withAccount(subject);
      const { handle } = await subject();
      const id = randomId("blb");
      const broken = async function* () {
        yield bytesOf(chunk + 5);
        yield bytesOf(chunk);
        throw new Error("upload stalled");
      };
      await expect(blobs.write(id, accountId, broken(), 1)).rejects.toThrow("upload stalled");
      await expect(collect(blobs.read(id))).rejects.toMatchObject({ code: "not-found" });
      const { blobChunks } = handle.tables;
      const left = await handle.read((db) =>
        db.select({ n: blobChunks.n }).from(blobChunks).where(eq(blobChunks.blobId, id)),
      );
      expect(left).toEqual([]);
    });

    test("expire after an hour, unless a submission refers to them", async () => {
      const { store } = await subject();
      const { blobs, accountId } = await withAccount(subject);
      const now = 1_000_000;
      const [loose, kept] = [randomId("blb"), randomId("blb")];
      for (const id of [loose, kept]) await blobs.write(id, accountId, streamOf(bytesOf(chunk + 1)), now);
      await store.submissions.accept(submissionRow(accountId, { blobId: kept, nextAttemptAt: null }), null);
      await blobs.sweep(now + 3_599_999);
      expect((await collect(blobs.read(loose))).sizes).toEqual([chunk, 1]);
      expect(await blobs.sweep(now + 3_600_000)).toBeGreaterThanOrEqual(1);
      await expect(collect(blobs.read(loose))).rejects.toMatchObject({ code: "not-found" });
      expect((await collect(blobs.read(kept))).sizes).toEqual([chunk, 1]);
    });

    test("more than a query holds are swept in one go", async () => {
      const { blobs, accountId } = await withAccount(subject);
      await blobs.sweep(1_000_000_000);
      const ids = Array.from({ length: 200 }, () => randomId("blb"));
      for (let i = 0; i < ids.length; i += 25) {
        await Promise.all(ids.slice(i, i + 25).map((id) => blobs.write(id, accountId, streamOf(bytesOf(3)), 5)));
      }
      expect(await blobs.sweep(1_000_000_000)).toBe(200);
      expect(await blobs.sweep(1_000_000_000)).toBe(0);
    });
  });
}

async function withAccount(subject: () => Promise<Subject>) {
  const { store } = await subject();
  const account = accountRow();
  await store.accounts.insert(account);
  return { blobs: store.blobs, accountId: account.id };
}
