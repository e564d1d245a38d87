import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { accountRow } from "./rows.ts";

export function atomicContract(subject: () => Promise<Subject>): void {
  describe("atomic", () => {
    test("a require that does not hold aborts all that comes before and after it", async () => {
      const { handle, store } = await subject();
      const { settings, accounts } = handle.tables;
      const missing = eq(accounts.id, "acc_none");
      const results = await handle.atomic((db, require) => [
        db.insert(settings).values({ name: "atomic.before", value: "1" }),
        require(accounts, missing, "exists"),
        db.insert(settings).values({ name: "atomic.after", value: "1" }),
      ]);
      expect(results).toBe("refused");
      expect(await handle.atomic((_db, require) => [require(accounts, missing, "unchanged")])).toBe("refused");
      expect(await store.settings.get("atomic.before")).toBeNull();
      expect(await store.settings.get("atomic.after")).toBeNull();
      expect(await handle.read((db) => db.select().from(handle.tables.fences))).toEqual([]);
    });

    test("a require sees what the atomic itself has written", async () => {
      const { handle, store } = await subject();
      const { settings } = handle.tables;
      const name = eq(settings.name, "atomic.own");
      const results = await handle.atomic((db, require) => [
        db.insert(settings).values({ name: "atomic.own", value: "1" }),
        require(settings, name, "unchanged"),
        db.update(settings).set({ value: "2" }).where(name).returning({ value: settings.value }),
      ]);
      expect(results[2]).toEqual([{ value: "2" }]);
      expect(await store.settings.get("atomic.own")).toBe("2");
    });

    test("a taken unique key aborts all", async () => {
      const { handle, store } = await subject();
      const { settings } = handle.tables;
      await store.settings.put("atomic.taken", "first");
      const results = await handle.atomic((db) => [
        db.insert(settings).values({ name: "atomic.taken2", value: "1" }),
        db.insert(settings).values({ name: "atomic.taken", value: "second" }),
      ]);
      expect(results).toBe("taken");
      expect(await store.settings.get("atomic.taken")).toBe("first");
      expect(await store.settings.get("atomic.taken2")).toBeNull();
    });

    test("a broken statement is our failure, says nothing of its values, and aborts all", async () => {
      const { handle, store } = await subject();
      const { settings, keys } = handle.tables;
      const key = { id: randomId("key"), appId: null, name: null as unknown as string, hash: "canary-hash", hint: "" };
      const attempt = handle.atomic((db) => [
        db.insert(settings).values({ name: "atomic.broken", value: "1" }),
        db.insert(keys).values({ ...key, scopes: [], accountIds: null, expiresAt: null, createdAt: 1 }),
      ]);
      const error: unknown = await attempt.catch((failure: unknown) => failure);
      expect(error).toMatchObject({ code: "internal" });
      expect(`${String(error)} ${String((error as Error).cause)} ${JSON.stringify(error)}`).not.toContain("canary");
      expect(await store.settings.get("atomic.broken")).toBeNull();
    });

    test("of many at once, those that fail do so alone", async () => {
      const { handle, store } = await subject();
      const { settings, accounts } = handle.tables;
      const account = accountRow();
      await store.accounts.insert(account);
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          handle.atomic((db, require) => [
            db.insert(settings).values({ name: `atomic.many.${i}`, value: "1" }),
            require(accounts, eq(accounts.id, i % 3 === 0 ? "acc_none" : account.id), "exists"),
          ]),
        ),
      );
      for (const [i, result] of results.entries()) {
        expect(result === "refused").toBe(i % 3 === 0);
        expect(await store.settings.get(`atomic.many.${i}`)).toBe(i % 3 === 0 ? null : "1");
      }
    });

    test("a condition read and written by many at once holds for one", async () => {
      const { handle, store } = await subject();
      const { settings } = handle.tables;
      await store.settings.put("atomic.fence", "0");
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          handle.atomic((db, require) => [
            require(settings, and(eq(settings.name, "atomic.fence"), eq(settings.value, "0")), "unchanged"),
            db
              .update(settings)
              .set({ value: `by ${i}` })
              .where(eq(settings.name, "atomic.fence")),
          ]),
        ),
      );
      expect(results.filter((result) => result !== "refused")).toHaveLength(1);
    });

    test("answers a ping", async () => {
      await expect((await subject()).store.ping()).resolves.toBeUndefined();
    });
  });
}
