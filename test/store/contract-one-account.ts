import { beforeEach, describe, expect, test } from "vitest";
import { ofOneAccount } from "../../src/store/of-one-account.ts";
import { overdueAccounts } from "../../src/store/overdue-accounts.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import type { Subject } from "./contract.ts";
import { lease, submissionHouse, t0 } from "./submission-house.ts";

const sent: Partial<SubmissionRow> = {
  state: "sent",
  nextAttemptAt: null,
  finishedAt: t0,
  followUps: ["sent-copy"],
};

export function oneAccountContract(subject: () => Promise<Subject>): void {
  const all = async () => (await subject()).store;
  const house = async () => submissionHouse(await all());
  async function only(accountId: string) {
    const { handle, store } = await subject();
    return ofOneAccount(handle, store, accountId);
  }
  async function overdue(by: number, limit = 10, random = 0): Promise<string[]> {
    const { handle, store } = await subject();
    return overdueAccounts(handle, store, { by, limit, random: () => random });
  }

  describe("the store of one account", () => {
    beforeEach(async () => {
      const { handle } = await subject();
      const { submissions, watches } = handle.tables;
      await handle.atomic((db) => [db.delete(submissions), db.delete(watches)]);
    });

    test("sees what of its own is to be sent, and when", async () => {
      const [mine, other] = [await house(), await house()];
      const { submissions } = await only(mine.accountId);
      await other.accepted();
      expect(await submissions.due(t0)).toEqual({ accounts: [], nextAt: null });
      await mine.accepted({ nextAttemptAt: t0 + 5 });
      await mine.accepted({ nextAttemptAt: t0 + 9 });
      expect(await submissions.due(t0)).toEqual({ accounts: [], nextAt: t0 + 5 });
      const due = { accounts: [{ accountId: mine.accountId, since: t0 + 5 }], nextAt: t0 + 9 };
      expect(await submissions.due(t0 + 6)).toEqual(due);
      const [claimed] = await mine.claim(t0 + 6);
      expect(claimed).toBeDefined();
      expect(await submissions.due(t0 + 6)).toEqual({ accounts: [], nextAt: t0 + 9 });
      const late = t0 + 6 + lease;
      const lost = { accounts: [{ accountId: mine.accountId, since: t0 + 9 }], nextAt: null };
      expect(await submissions.due(late)).toEqual(lost);
    });

    test("claims its own follow-ups, one at a time and each once", async () => {
      const [mine, other] = [await house(), await house()];
      const { submissions } = await only(mine.accountId);

      await other.accepted({ ...sent, followUpAt: t0 });
      const later = await mine.accepted({ ...sent, followUpAt: t0 + 2 });
      const first = await mine.accepted({ ...sent, followUpAt: t0 + 1 });
      expect(await submissions.claimFollowUps(t0, lease, 9)).toEqual({ rows: [], nextAt: t0 + 1 });
      const claimed = { ...first, followUpAt: t0 + 5 + lease, followUpTries: 1 };
      expect(await submissions.claimFollowUps(t0 + 5, lease, 9)).toEqual({ rows: [claimed], nextAt: t0 + 2 });
      const next = await submissions.claimFollowUps(t0 + 5, lease, 9);
      expect([next.rows.map(({ id }) => id), next.nextAt]).toEqual([[later.id], t0 + 5 + lease]);
      expect((await submissions.claimFollowUps(t0 + 5, lease, 9)).rows).toEqual([]);
      expect(await submissions.followUp(claimed, { followUps: [], followUpAt: null }, null)).not.toBeNull();
    });

    test("claims the watch of its account, once, and when its lease has run out", async () => {
      const [{ accountId }, other] = [await house(), await house()];
      const { watches } = await only(accountId);
      expect(await watches.nextDueAt("a")).toBe(0);
      expect(await watches.claim("a", t0, lease, 10)).toEqual([{ accountId, epoch: 1 }]);
      expect(await watches.claim("a", t0, lease, 10)).toEqual([]);
      expect([await watches.nextDueAt("a"), await watches.nextDueAt("b")]).toEqual([null, t0 + lease]);
      expect(await watches.claim("b", t0 + lease, lease, 10)).toEqual([{ accountId, epoch: 2 }]);
      await watches.release(accountId, 2, t0 + 90_000);
      expect(await watches.nextDueAt("b")).toBe(t0 + 90_000);
      expect(await watches.claim("b", t0 + 89_999, lease, 10)).toEqual([]);
      await watches.release(accountId, 2, null);
      expect((await (await all()).watches.get(other.accountId))?.owner).toBe(null);
    });
  });

  describe("accounts whose work is overdue", () => {
    beforeEach(async () => {
      const { handle } = await subject();
      const { submissions, watches } = handle.tables;
      await handle.atomic((db) => [db.delete(submissions), db.delete(watches)]);
    });

    test("are those that are due, that wait for an attempt or what follows one, or were begun by who died, the oldest first", async () => {
      const houses = [await house(), await house(), await house(), await house()];
      const [a, b, c, d] = houses.map(({ accountId }) => accountId);
      const { watches } = await all();
      const claims = await watches.claim("w", t0, lease, 10);
      for (const { accountId, epoch } of claims)
        if (accountId !== a) await watches.release(accountId, epoch, t0 + 99_000);
      expect(await overdue(t0)).toEqual([]);
      await houses[1]?.accepted({ nextAttemptAt: t0 + 3 });

      await houses[2]?.accepted({ ...sent, followUpAt: t0 + 2 });
      expect(await overdue(t0 + 1)).toEqual([]);
      expect(await overdue(t0 + 3)).toEqual([c, b]);
      expect(await overdue(t0 + lease)).toEqual([c, b, a]);
      expect(await overdue(t0 + 99_000)).toEqual([c, b, a, d]);
      expect(await overdue(t0 + 99_000, 2)).toEqual([c, b]);
    });

    test("are all called in time, though the oldest may send nothing and stay due", async () => {
      const houses = [await house(), await house(), await house(), await house()];
      const [a, b, c, d] = houses.map(({ accountId }) => accountId);
      const { watches } = await all();
      const claims = await watches.claim("w", t0, lease, 10);
      for (const { accountId, epoch } of claims)
        await watches.release(accountId, epoch, accountId === d ? t0 + 9 : null);
      for (const [at, one] of houses.slice(0, 3).entries()) await one.accepted({ nextAttemptAt: t0 + at });
      expect(await overdue(t0 + 10, 2)).toEqual([a, d]);
      expect(await overdue(t0 + 10, 2, 0.4)).toEqual([b, d]);
      expect(await overdue(t0 + 10, 2, 0.9)).toEqual([c, d]);
      expect(await overdue(t0 + 10, 3, 0.9)).toEqual([a, c, d]);
      expect(await overdue(t0 + 10, 4, 0.9)).toEqual([a, b, c, d]);
    });
  });
}
