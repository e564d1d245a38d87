import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { run } from "../servers/run.ts";
import { bytesOf, collect, streamOf } from "./helpers.ts";
import { accountRow } from "./rows.ts";

/** Mounting takes root; elsewhere there is no small disk to fill. */
describe.skipIf(process.getuid?.() !== 0)("a full disk", () => {
  let mount: string;
  beforeAll(async () => {
    mount = mkdtempSync(join(tmpdir(), "postern-disk-"));
    await run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", mount]);
  });
  afterAll(async () => {
    await run("/usr/bin/umount", [mount]);
    rmSync(mount, { recursive: true });
  });

  test("refuses writes by name, leaves reads alone, and works again by itself when there is room", async () => {
    const store = createStore(openSqlite(join(mount, "postern.db")));
    const account = accountRow();
    await store.accounts.insert(account);
    const filler = join(mount, "filler");
    for (let round = 0; round < 3; round += 1) {
      await store.blobs.write(`blb_${round}`, account.id, streamOf(bytesOf(100_000)), 0);
      expect(() => writeFileSync(filler, bytesOf(8_000_000))).toThrow("ENOSPC");
      const full = { code: "storage-unavailable", retryable: true };
      await expect(store.blobs.write("blb_x", account.id, streamOf(bytesOf(400_000)), 0)).rejects.toMatchObject(full);
      const many = Array.from({ length: 5 }, (_, i) =>
        store.blobs.write(`blb_x${i}`, account.id, streamOf(bytesOf(300_000)), 0),
      );
      for (const result of await Promise.allSettled(many)) {
        expect(result).toMatchObject({ status: "rejected", reason: full });
      }
      expect(await store.accounts.byId(account.id)).toEqual(account);
      expect((await collect(store.blobs.read(`blb_${round}`))).sizes).toEqual([100_000]);
      rmSync(filler);
      await store.settings.put("round", `${round}`);
      expect(await store.settings.get("round")).toBe(`${round}`);
      await expect(collect(store.blobs.read("blb_x"))).rejects.toMatchObject({ code: "not-found" });
    }
    await store.close();
  });
});
