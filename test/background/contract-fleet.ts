import { beforeEach, describe, expect, test } from "vitest";
import type { Handle } from "../../src/store/handle.ts";
import type { Store } from "../../src/store/store.ts";
import { createFleetHouse, leaseMs, mayWrite } from "./fleet-house.ts";

/** How processes that share a store share out the accounts. */
export function fleetContract(name: string, subject: () => Promise<{ handle: Handle; store: Store }>): void {
  describe(`a fleet on ${name}`, () => {
    beforeEach(async () => {
      const { handle } = await subject();
      const { accounts, nodes, watches } = handle.tables;
      await handle.atomic((db) => [db.delete(accounts), db.delete(nodes), db.delete(watches)]);
    });

    async function fleetOf(count: number, accounts: number, options?: { hints: boolean }) {
      const house = createFleetHouse((await subject()).store, options);
      await house.addAccounts(accounts);
      const nodes = Array.from({ length: count }, () => house.join());
      await house.run(30_000);
      return { ...house, nodes };
    }

    /** Everything is watched, and by each about as much as by the others. */
    function expectFair(split: number[], accounts: number): void {
      const part = Math.ceil(accounts / split.length);
      expect(split.reduce((sum, one) => sum + one, 0)).toBe(accounts);
      for (const one of split) {
        expect(one).toBeLessThanOrEqual(part + 2);
        expect(one).toBeGreaterThanOrEqual(part - 2 * split.length);
      }
    }

    test("who is alone watches everything; who joins gets a part, and nothing is left unwatched meanwhile", async () => {
      const { store } = await subject();
      const house = createFleetHouse(store);
      await house.addAccounts(60);
      house.join();
      await house.run(1_000);
      expect(house.split()).toEqual([60]);
      house.join();
      house.join();
      await house.run(20_000);
      expectFair(house.split(), 60);
      expect(house.longestBlind()).toBeLessThanOrEqual(1_000);
      const before = house.split();
      await house.run(30_000);
      expect(house.split()).toEqual(before);
      expect([...house.twice]).toEqual([]);
    });

    test("many accounts move no faster than they can be logged in to", async () => {
      const house = await fleetOf(1, 200);
      house.join();
      await house.run(10_000);
      const [, moved = 0] = house.split();
      expect(moved).toBeGreaterThan(60);
      expect(moved).toBeLessThan(100);
    });

    test("without hints it takes seconds longer", async () => {
      const house = await fleetOf(1, 30, { hints: false });
      house.join();
      await house.run(20_000);
      expectFair(house.split(), 30);
      // Who takes over finds it by the slow poll.
      expect(house.longestBlind()).toBeLessThanOrEqual(5_000);
    });

    test("who is told to end gives everything back at once, and the others take it", async () => {
      const { nodes, run, split, longestBlind } = await fleetOf(3, 60);
      await nodes[0]?.stop();
      await run(1_500);
      expectFair(split(), 60);
      expect(longestBlind()).toBeLessThanOrEqual(1_500);
    });

    test("who is killed is believed to be there for a lease, and then the others take what he had", async () => {
      const { nodes, run, split, longestBlind, twice } = await fleetOf(3, 60, { hints: false });
      if (nodes[1] !== undefined) nodes[1].isRunning = false;
      const left = split();
      await run(leaseMs / 2);
      expect(split()).toEqual(left);
      await run(leaseMs / 2 + 2_000);
      expectFair(split(), 60);
      expect(longestBlind()).toBeLessThanOrEqual(leaseMs + 2_000);
      expect([...twice]).toEqual([]);
    });

    test("who was frozen for longer than a lease writes nothing when he thaws, and then has his part again", async () => {
      const { nodes, run, split, twice } = await fleetOf(3, 60);
      const frozen = nodes[2];
      if (frozen === undefined) throw new Error("no node");
      frozen.isFrozen = true;
      const watches = [...frozen.watched.values()];
      expect(watches.length).toBeGreaterThan(15);
      expect(watches.every(mayWrite)).toBe(true);
      await run(leaseMs + 5_000);
      expectFair(split(), 60);
      expect(watches.some(mayWrite)).toBe(false);
      frozen.isFrozen = false;
      await frozen.step();
      expect(watches.every(({ signal }) => signal.aborted)).toBe(true);
      await run(15_000);
      expectFair(split(), 60);
      expect(split()).toHaveLength(3);
      // Those that he believed to have were counted as his until his first step.
      expect([...twice]).toEqual([]);
    });

    test("an account that is added is watched at once, and none moves for it, or for one that is removed", async () => {
      const { nodes, run, addAccounts, split } = await fleetOf(3, 60);
      const before = nodes.map(({ watched }) => [...watched.keys()]);
      const added = await addAccounts(3);
      await run(500);
      for (const id of added) expect(nodes.some(({ watched }) => watched.has(id))).toBe(true);
      for (const [n, ids] of before.entries())
        expect([...(nodes[n]?.watched.keys() ?? [])].slice(0, ids.length)).toEqual(ids);
      const after = nodes.map(({ watched }) => [...watched.keys()]);
      const { store } = await subject();
      for (const [id, { epoch }] of [...(nodes[0]?.watched ?? [])].slice(0, 3))
        await store.watches.release(id, epoch, null);
      await run(20_000);
      expect(split().reduce((sum, one) => sum + one, 0)).toBe(60);
      const left = after.map((ids, n) => (n === 0 ? ids.slice(3) : ids));
      expect(nodes.map(({ watched }) => [...watched.keys()])).toEqual(left);
    });

    test.each(["the watchers", "the presence"])(
      "after the database was away for longer than a lease each has what it had, where %s of one comes back first",
      async (first) => {
        const { nodes, run, skip, clock } = await fleetOf(3, 60);
        const had = nodes.map(({ watched }) => [...watched.keys()]);
        await skip(3 * leaseMs);
        const now = clock.now();
        const times = first === "the watchers" ? { presence: 1_000, watchers: 0 } : { presence: 0, watchers: 1_000 };
        for (const [n, { due }] of nodes.entries())
          Object.assign(due, {
            presence: now + times.presence + 2_000 * n,
            watchers: now + times.watchers + 2_000 * n,
          });
        await run(20_000);
        expect(nodes.map(({ watched }) => [...watched.keys()])).toEqual(had);
      },
    );

    test("more accounts than are claimed at once are all watched", async () => {
      const { split } = await fleetOf(2, 450);
      expect(split()).toHaveLength(2);
      expectFair(split(), 450);
    });
  });
}
