import { beforeEach, describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { idsOf, lease, named, sent, submissionHouse, t0 } from "./submission-house.ts";

export function claimsContract(subject: () => Promise<Subject>): void {
  const house = async () => submissionHouse((await subject()).store);

  describe("claims", () => {
    // What other tests left due would be due here as well.
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.submissions)]);
    });

    test("a due row is handed out once, as sending, with its attempt counted", async () => {
      const { submissions, accountId, accepted, claim } = await house();
      const row = await accepted();
      await accepted({ nextAttemptAt: t0 + 1 });
      await accepted({ nextAttemptAt: null });
      await accepted({ state: "sent" });
      await (await house()).accepted();
      expect(await claim(t0 - 1)).toEqual([]);
      expect(await claim(t0, 0)).toEqual([]);
      const submission = { ...row, state: "sending", attempts: 1, nextAttemptAt: null, updatedAt: t0 };
      expect(await claim()).toEqual([{ submission, epoch: 1, isParked: false, isAlone: false }]);
      expect(await submissions.get(accountId, row.id)).toEqual(submission);
      expect(await claim(t0, 9, "w2")).toEqual([]);
    });

    test("a scheduled row is claimed when its time has come", async () => {
      const { accepted, claimOne } = await house();
      const { id } = await accepted({ state: "scheduled", sendAt: t0, nextAttemptAt: t0 });
      expect(await claimOne()).toMatchObject({ submission: { id, state: "sending" } });
    });

    test("the longest due come first", async () => {
      const { queue, claim } = await house();
      const rows = (await queue(7)).map(({ id }) => id);
      expect(idsOf(await claim(t0 + 99, 3))).toEqual(rows.slice(0, 3));
      expect(idsOf(await claim(t0 + 99, 3))).toEqual(rows.slice(3, 6));
      expect(idsOf(await claim(t0 + 99, 3))).toEqual(rows.slice(6));
    });

    test("many workers at once never get the same row, and leave none", async () => {
      const { queue, claim } = await house();
      const rows = (await queue(120)).map(({ id }) => id);
      const claimed: string[] = [];
      for (let round = 0; round < 60 && claimed.length < rows.length; round += 1) {
        const claims = await Promise.all(["a", "b", "c", "d", "e"].map((owner) => claim(t0 + 999, 9, owner)));
        for (const some of claims) expect(some.length).toBeLessThanOrEqual(9);
        claimed.push(...claims.flatMap(idsOf));
      }
      expect(claimed.toSorted()).toEqual(rows.toSorted());
    });

    test("of those whose time is over, only they are claimed where so asked", async () => {
      const { queue, accepted, claim } = await house();
      await queue(2);
      const over = await accepted({ deliverBefore: t0 + 5 });
      expect(await claim(t0 + 4, 9, "w", "expired")).toEqual([]);
      expect(idsOf(await claim(t0 + 5, 9, "w", "expired"))).toEqual([over.id]);
      expect(await claim(t0 + 5, 9, "w", "expired")).toEqual([]);
      expect(idsOf(await claim(t0 + 5 + lease, 9, "w", "expired"))).toEqual([over.id]);
      expect(await claim(t0 + 5 + lease)).toHaveLength(2);
      // Whose worker was lost, whatever their time.
      expect(await claim(t0 + 5 + 2 * lease, 9, "w", "expired")).toHaveLength(3);
    });

    test("the accounts that have something to claim are told, since when, and when there is more", async () => {
      const { submissions, accountId, accepted, claim } = await house();
      const other = await house();
      expect(await submissions.due(t0)).toEqual({ accounts: [], nextAt: null });
      await accepted({ state: "scheduled", nextAttemptAt: t0 + 3 });
      await accepted({ nextAttemptAt: t0 + 5 });
      await accepted({ nextAttemptAt: null });
      await other.accepted({ nextAttemptAt: t0 + 4 });
      expect(await submissions.due(t0 + 2)).toEqual({ accounts: [], nextAt: t0 + 3 });
      expect(await submissions.due(t0 + 3)).toEqual({ accounts: [{ accountId, since: t0 + 3 }], nextAt: t0 + 4 });
      const both = [
        { accountId, since: t0 + 3 },
        { accountId: other.accountId, since: t0 + 4 },
      ];
      const found = await submissions.due(t0 + 9);
      expect(found.nextAt).toBeNull();
      expect(found.accounts).toHaveLength(2);
      expect(found.accounts).toEqual(expect.arrayContaining(both));
      const claims = await claim(t0 + 9);
      await other.claim(t0 + 10);
      expect(await submissions.due(t0 + 10)).toEqual({ accounts: [], nextAt: t0 + 9 + lease });
      const lost = await submissions.due(t0 + 9 + lease);
      expect(lost).toEqual({ accounts: [{ accountId, since: t0 + 9 + lease }], nextAt: t0 + 10 + lease });
      await submissions.settle(claims.map((one) => sent(one)));
      expect(await submissions.due(t0 + 9 + lease)).toEqual({ accounts: [], nextAt: t0 + 10 + lease });
    });

    test("a long queue hides no other account", async () => {
      const { submissions, accountId, queue } = await house();
      const others = await Promise.all([house(), house()]);
      await queue(520);
      for (const [at, other] of others.entries()) await other.accepted({ nextAttemptAt: t0 + 900 + at });
      await (await house()).accepted({ nextAttemptAt: t0 + 2_000 });
      const { accounts, nextAt } = await submissions.due(t0 + 1_000);
      const expected = [
        { accountId, since: t0 },
        ...others.map((other, at) => ({ accountId: other.accountId, since: t0 + 900 + at })),
      ];
      expect(accounts).toHaveLength(3);
      expect(accounts).toEqual(expect.arrayContaining(expected));
      expect(nextAt).toBe(t0 + 2_000);
    });

    test("a claim lasts as long as it is renewed; after that another's writes count", async () => {
      const { submissions, accountId, queue, claim } = await house();
      await queue(2);
      const claims = await claim(t0 + 1);
      const [first, second] = claims;
      if (first === undefined || second === undefined) throw new Error("fewer");
      expect(await submissions.renew([], t0 + 9e9)).toEqual([]);
      const stands = await submissions.renew([named(first), { ...named(second), epoch: 2 }], t0 + 3 * lease);
      expect(stands).toEqual([first.submission.id]);
      expect(await claim(t0 + lease, 9, "b")).toEqual([]);
      const [taken, ...none] = await claim(t0 + 1 + lease, 9, "b");
      expect(none).toEqual([]);
      expect(taken).toMatchObject({ submission: { id: second.submission.id, attempts: 2 }, epoch: 2 });
      expect(await submissions.renew(claims.map(named), t0 + 9e9)).toEqual([first.submission.id]);
      expect(await submissions.settle(claims.map((one) => sent(one)))).toEqual([first.submission.id]);
      expect(await submissions.get(accountId, second.submission.id)).toMatchObject({
        state: "sending",
        finishedAt: null,
      });
      expect(await submissions.renew(claims.map(named), t0 + 9e9)).toEqual([]);
    });

    test("the claims of a process that comes again under its name run out at once, and no other's", async () => {
      const { submissions, accountId, queue, claim } = await house();
      const [first] = await queue(3);
      await claim(t0, 1, "a");
      await claim(t0 + 1, 1, "b");
      await submissions.abandon("a", t0 + 1);
      expect((await submissions.due(t0 + 1)).accounts).toEqual([{ accountId, since: t0 + 1 }]);
      expect(idsOf(await claim(t0 + 1, 1, "c"))).toEqual([first?.id]);
      await submissions.abandon("nobody", t0 + 5);
      // Later than it ran out anyway.
      await submissions.abandon("b", t0 + 9 * lease);
      expect((await submissions.due(t0 + 1 + lease)).accounts).toEqual([{ accountId, since: t0 + 2 }]);
    });

    test("what was never begun is given back as it was", async () => {
      const { submissions, accountId, queue, claim } = await house();
      const rows = await queue(3, { attempts: 4 });
      const claims = await claim(t0 + 9);
      const [first, second] = claims;
      if (first === undefined || second === undefined) throw new Error("fewer");
      await submissions.giveBack([named(first), { ...named(second), epoch: 2 }], t0 + 10);
      await submissions.giveBack([], t0 + 10);
      expect(await submissions.get(accountId, first.submission.id)).toEqual({
        ...rows[0],
        nextAttemptAt: t0 + 10,
        updatedAt: t0 + 10,
      });
      expect(await submissions.get(accountId, second.submission.id)).toEqual(second.submission);
      expect(await submissions.settle([sent(first)])).toEqual([]);
      expect(idsOf(await claim(t0 + 10))).toEqual([first.submission.id]);
    });

    test("one left while committing is handed out as it is, and given back so", async () => {
      const { submissions, accepted, claim, claimOne } = await house();
      const { id } = await accepted();
      const first = await claimOne();
      await submissions.commit([{ ...named(first), recipients: null }], t0 + lease);
      for (let round = 1; round <= 5; round += 1) {
        const taken = await claimOne(t0 + round * lease);
        expect(taken).toMatchObject({
          submission: { id, state: "committing", attempts: 1 },
          epoch: round + 1,
          isParked: false,
        });
        await submissions.giveBack([named(taken)], t0 + round * lease);
      }
      expect(await claim(t0 + 6 * lease)).toHaveLength(1);
    });

    test("one that its workers were lost over three times is said to be parked, and the rest flows", async () => {
      const { submissions, accepted, claim, claimOne } = await house();
      const deadly = await accepted({ id: orderedId("sub", t0), blobId: randomId("blb") });
      for (let death = 0; death < 3; death += 1) {
        expect(await claimOne(t0 + death * lease)).toMatchObject({
          submission: { id: deadly.id, attempts: death + 1 },
          epoch: death + 1,
          isParked: false,
        });
      }
      const next = await accepted({ id: orderedId("sub", t0 + 1), nextAttemptAt: t0 + 1 });
      const at = t0 + 3 * lease;
      const claims = await claim(at);
      expect(claims).toMatchObject([
        { submission: { id: deadly.id, state: "sending", attempts: 3 }, epoch: 4, isParked: true },
        { submission: { id: next.id }, isParked: false },
      ]);
      // It is still, when that worker is lost as well, or gives it back.
      const [again] = await claim(at + lease, 1);
      expect(again).toMatchObject({ submission: { attempts: 3 }, isParked: true });
      if (again) await submissions.giveBack([named(again)], at + lease);
      const [last] = await claim(at + lease, 1);
      expect(last).toMatchObject({ submission: { id: deadly.id, attempts: 3 }, epoch: 6, isParked: true });
      if (last) await submissions.settle([sent(last, { state: "failed" })]);
      expect(await submissions.get(deadly.accountId, deadly.id)).toMatchObject({ state: "failed", blobId: null });
    });

    test("those that lost two workers are claimed one at a time", async () => {
      const { submissions, queue, claim } = await house();
      const rows = (await queue(3)).map(({ id }) => id);
      expect(await claim(t0 + 9)).toHaveLength(3);
      expect(await claim(t0 + 9 + lease)).toHaveLength(3);
      const [suspect, ...others] = await claim(t0 + 9 + 2 * lease);
      expect(others).toEqual([]);
      expect(await claim(t0 + 10 + 2 * lease)).toEqual([]);
      const at = t0 + 9 + 3 * lease;
      const [next, ...none] = await claim(at);
      expect(none).toEqual([]);
      expect(rows).toContain(next?.submission.id);
      if (next) await submissions.settle([sent(next)]);
      const left = rows.filter((id) => id !== next?.submission.id);
      const [third] = await claim(at);
      expect(left).toContain(third?.submission.id);
      expect(suspect).toMatchObject({ isParked: false, isAlone: true });
    });

    test("lost workers are forgotten once an outcome is written, and all but one once it is given back", async () => {
      const { submissions, accepted, claimOne } = await house();
      await accepted();
      let now = t0;
      for (let round = 0; round < 6; round += 1) {
        await claimOne(now, "dies");
        now += lease;
        const taken = await claimOne(now, "lives");
        expect(taken.isParked).toBe(false);
        const isOdd = round % 2 === 1;
        const again = { state: "queued", nextAttemptAt: now, finishedAt: null } as const;
        await (isOdd ? submissions.giveBack([named(taken)], now) : submissions.settle([sent(taken, again)]));
      }
      expect((await claimOne(now)).isParked).toBe(false);
    });
  });
}
