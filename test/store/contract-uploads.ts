import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { UploadRow } from "../../src/store/submission-rows.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, collect, streamOf } from "./helpers.ts";
import { accountRow, uploadRow } from "./rows.ts";

export function uploadsContract(subject: () => Promise<Subject>): void {
  async function withAccount() {
    const { store } = await subject();
    const account = accountRow();
    await store.accounts.insert(account);
    const uploaded = async (change: Partial<UploadRow> = {}): Promise<UploadRow> => {
      const row = uploadRow(account.id, change);
      await store.blobs.write(row.blobId, account.id, streamOf(bytesOf(600_000)), 0);
      await store.uploads.insert(row);
      return row;
    };
    return { uploads: store.uploads, blobs: store.blobs, accountId: account.id, uploaded };
  }

  describe("uploads", () => {
    test("come back as they were put in, to their account only, until they expire", async () => {
      const { uploads, blobs, accountId, uploaded } = await withAccount();
      const row = await uploaded({ expiresAt: 1_000 });
      expect(await uploads.get(accountId, row.id, 999)).toEqual(row);
      expect(await uploads.get(accountId, row.id, 1_000)).toBeNull();
      expect(await uploads.get("acc_other", row.id, 0)).toBeNull();
      expect(await uploads.get(accountId, "upl_none", 0)).toBeNull();
      await blobs.sweep(9e15);
      expect((await collect(blobs.read(row.blobId))).sizes).toEqual([512 * 1024, 600_000 - 512 * 1024]);
    });

    test("one whose bytes are gone, or another's, is not kept", async () => {
      const { uploads, accountId } = await withAccount();
      const { uploaded } = await withAccount();
      const gone = { code: "not-found" };
      const missing = uploadRow(accountId, { blobId: randomId("blb") });
      await expect(uploads.insert(missing)).rejects.toMatchObject(gone);
      expect(await uploads.get(accountId, missing.id, 0)).toBeNull();
      const { blobId } = await uploaded();
      await expect(uploads.insert(uploadRow(accountId, { blobId }))).rejects.toMatchObject(gone);
      await expect(uploads.insert(uploadRow(randomId("acc"), { blobId }))).rejects.toMatchObject(gone);
    });

    test("those that expired are swept with their bytes, however many, and no others", async () => {
      const { uploads, blobs, accountId, uploaded } = await withAccount();
      await uploads.sweep(1_000_000);
      const rows: UploadRow[] = [];
      for (let at = 0; at < 25; at += 1) rows.push(await uploaded({ expiresAt: 1_000 }));
      const kept = await uploaded({ expiresAt: 1_001 });
      expect(await uploads.sweep(999)).toBe(0);
      expect(await uploads.sweep(1_000)).toBe(25);
      expect(await uploads.sweep(1_000)).toBe(0);
      for (const { id, blobId } of rows) {
        expect(await uploads.get(accountId, id, 0)).toBeNull();
        await expect(collect(blobs.read(blobId))).rejects.toMatchObject({ code: "not-found" });
      }
      expect((await collect(blobs.read(kept.blobId))).sizes).toHaveLength(2);
    });
  });
}
