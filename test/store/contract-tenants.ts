import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { appRow, keyRow } from "./rows.ts";

export function tenantsContract(subject: () => Promise<Subject>): void {
  describe("settings", () => {
    test("a value stands once put, and putOnce leaves it alone", async () => {
      const { settings } = (await subject()).store;
      expect(await settings.get("tenants.a")).toBeNull();
      expect(await settings.putOnce("tenants.a", "1 ü")).toBe("1 ü");
      expect(await settings.putOnce("tenants.a", "2")).toBe("1 ü");
      await settings.put("tenants.a", "3");
      expect(await settings.get("tenants.a")).toBe("3");
    });

    test("of many that put at once, all get the same value", async () => {
      const { settings } = (await subject()).store;
      const values = await Promise.all(Array.from({ length: 20 }, (_, i) => settings.putOnce("tenants.race", `${i}`)));
      expect(new Set(values).size).toBe(1);
    });
  });

  describe("apps", () => {
    test("are listed in the order of their ids, page by page", async () => {
      const { apps } = (await subject()).store;
      const rows = Array.from({ length: 30 }, () => appRow());
      await Promise.all(rows.map((row) => apps.insert(row)));
      expect(await apps.get(rows[7]?.id ?? "")).toEqual(rows[7]);
      expect(await apps.get("app_none")).toBeNull();

      const listed: string[] = [];
      for (let after: string | null = null; ;) {
        const page = await apps.list({ after, limit: 7 });
        listed.push(...page.map((row) => row.id));
        after = page.at(-1)?.id ?? null;
        if (after === null) break;
      }
      // The order of octets, whatever the database's language.
      expect(listed).toEqual(rows.map((row) => row.id).toSorted());
    });
  });

  describe("keys", () => {
    test("are found by hash, and by id in their own app only", async () => {
      const { keys } = (await subject()).store;
      const key = keyRow({ accountIds: ["acc_1", "acc_2"], expiresAt: 1_800_000_000_000 });
      const operator = keyRow({ appId: null });
      await keys.insert(key);
      await keys.insert(operator);
      expect(await keys.byHash(key.hash)).toEqual(key);
      expect(await keys.byHash(operator.hash)).toEqual(operator);
      expect(await keys.byHash("none")).toBeNull();
      expect(await keys.get(key.appId ?? "", key.id)).toEqual(key);
      expect(await keys.get("app_other", key.id)).toBeNull();
    });

    test("are listed and removed within their app", async () => {
      const { keys } = (await subject()).store;
      const appId = randomId("app");
      const rows = [keyRow({ appId }), keyRow({ appId }), keyRow({ appId })].toSorted((a, b) => (a.id < b.id ? -1 : 1));
      for (const row of rows) await keys.insert(row);
      expect(await keys.list(appId, { after: null, limit: 2 })).toEqual(rows.slice(0, 2));
      expect(await keys.list(appId, { after: rows[1]?.id ?? "", limit: 2 })).toEqual(rows.slice(2));
      expect(await keys.remove("app_other", rows[0]?.id ?? "")).toBe(false);
      expect(await keys.remove(appId, rows[0]?.id ?? "")).toBe(true);
      expect(await keys.remove(appId, rows[0]?.id ?? "")).toBe(false);
      expect(await keys.byHash(rows[0]?.hash ?? "")).toBeNull();
    });
  });
}
