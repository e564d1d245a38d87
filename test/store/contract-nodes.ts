import { beforeEach, describe, expect, test } from "vitest";
import type { NodeRow } from "../../src/store/rows.ts";
import type { Subject } from "./contract.ts";

const t0 = 1_790_000_000_000;
const lease = 20_000;
const hour = 3_600_000;

export function nodesContract(subject: () => Promise<Subject>): void {
  describe("nodes", () => {
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.nodes)]);
    });

    const sorted = (rows: NodeRow[]) => rows.toSorted((a, b) => (a.owner < b.owner ? -1 : 1));

    test("each one that is there sees itself and the others, until it leaves", async () => {
      const { nodes } = (await subject()).store;
      expect(await nodes.beat("a", t0, lease)).toEqual([{ owner: "a", seenUntil: t0 + lease }]);
      expect(sorted(await nodes.beat("b", t0 + 5, lease))).toEqual([
        { owner: "a", seenUntil: t0 + lease },
        { owner: "b", seenUntil: t0 + 5 + lease },
      ]);
      expect(sorted(await nodes.beat("a", t0 + 9, lease))).toEqual([
        { owner: "a", seenUntil: t0 + 9 + lease },
        { owner: "b", seenUntil: t0 + 5 + lease },
      ]);
      await nodes.leave("b");
      await nodes.leave("never there");
      expect(await nodes.beat("a", t0 + 10, lease)).toEqual([{ owner: "a", seenUntil: t0 + 10 + lease }]);
    });

    test("one that went without a word is told of for an hour, and may come back", async () => {
      const { nodes } = (await subject()).store;
      await nodes.beat("killed", t0, lease);
      await nodes.beat("frozen", t0, lease);
      const almost = t0 + lease + hour - 1;
      expect(await nodes.beat("a", almost, lease)).toHaveLength(3);
      await nodes.beat("frozen", almost, lease);
      expect(sorted(await nodes.beat("a", almost + 1, lease)).map(({ owner }) => owner)).toEqual(["a", "frozen"]);
      expect(await nodes.beat("killed", almost + 2, lease)).toHaveLength(3);
    });

    test("many beat at once, and all are written", async () => {
      const { nodes } = (await subject()).store;
      const owners = Array.from({ length: 12 }, (_, n) => `node ${String(n).padStart(2, "0")}`);
      for (let round = 0; round < 3; round += 1)
        await Promise.all(owners.map((owner) => nodes.beat(owner, t0 + round, lease)));
      const rows = sorted(await nodes.beat(owners[0] ?? "", t0 + 2, lease));
      expect(rows).toEqual(owners.map((owner) => ({ owner, seenUntil: t0 + 2 + lease })));
    });
  });
}
