import { beforeEach, describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import type { Subject } from "./contract.ts";
import { lease, submissionHouse, t0 } from "./submission-house.ts";

export function followUpsContract(subject: () => Promise<Subject>): void {
  const house = async () => submissionHouse((await subject()).store);
  const claimFollowUps = async (now = t0, limit = 100) =>
    (await subject()).store.submissions.claimFollowUps(now, lease, limit);
  const idsOf = (rows: (SubmissionRow | undefined)[]) => rows.map((row) => row?.id ?? "").toSorted();
  const copy = {
    state: "sent",
    nextAttemptAt: null,
    finishedAt: t0,
    followUps: ["sent-copy"],
    followUpAt: t0,
  } as const;
  const wanted = (change: Partial<SubmissionRow> = {}): Partial<SubmissionRow> => ({
    ...copy,
    followUps: ["sent-copy", "flag-original"],
    ...change,
  });

  describe("follow-ups", () => {
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.submissions)]);
    });

    test("those that are due are handed out once, put off, with the try counted", async () => {
      const { submissions, accountId, accepted } = await house();
      expect(await claimFollowUps()).toEqual({ rows: [], nextAt: null });
      const row = await accepted(wanted({ followUpTries: 3 }));
      const other = await (await house()).accepted(wanted({ followUpAt: t0 + 1 }));
      expect(await claimFollowUps(t0 - 1)).toEqual({ rows: [], nextAt: t0 });
      expect(await claimFollowUps(t0, 0)).toEqual({ rows: [], nextAt: t0 });
      const claimed = { ...row, followUpAt: t0 + lease, followUpTries: 4 };
      expect(await claimFollowUps(t0)).toEqual({ rows: [claimed], nextAt: t0 + 1 });
      expect(await submissions.get(accountId, row.id)).toEqual(claimed);
      expect(idsOf((await claimFollowUps(t0 + 1)).rows)).toEqual([other.id]);
      const again = { ...claimed, followUpAt: t0 + 2 * lease, followUpTries: 5 };
      expect(await claimFollowUps(t0 + lease)).toEqual({ rows: [again], nextAt: t0 + 1 + lease });
    });

    test("no two are of one account, the longest due come first, and a long queue hides nobody", async () => {
      const { accountId, accepted } = await house();
      const rows = await Promise.all(
        Array.from({ length: 520 }, (_, at) =>
          accepted(wanted({ id: orderedId("sub", t0 + at), followUpAt: t0 + at })),
        ),
      );
      const [near, far] = await Promise.all([house(), house()]);
      const nearest = await near.accepted(wanted({ followUpAt: t0 + 600 }));
      const farthest = await far.accepted(wanted({ followUpAt: t0 + 700 }));
      await (await house()).accepted(wanted({ followUpAt: t0 + 2_000 }));
      const first = await claimFollowUps(t0 + 1_000, 2);
      expect(idsOf(first.rows)).toEqual(idsOf([rows[0], nearest]));
      expect(first.nextAt).toBe(t0 + 1);
      const second = await claimFollowUps(t0 + 1_000, 9);
      expect(idsOf(second.rows)).toEqual(idsOf([rows[1], farthest]));
      expect(second.rows.filter((row) => row.accountId === accountId)).toHaveLength(1);
    });

    test("many at once never get the same one, and leave none", async () => {
      const houses = await Promise.all(Array.from({ length: 12 }, house));
      const rows = await Promise.all(houses.map(({ accepted }) => accepted(wanted())));
      const claimed: string[] = [];
      for (let round = 0; round < 20 && claimed.length < rows.length; round += 1) {
        const claims = await Promise.all([1, 2, 3, 4].map(() => claimFollowUps(t0, 5)));
        claimed.push(...claims.flatMap((claim) => idsOf(claim.rows)));
      }
      expect(claimed.toSorted()).toEqual(idsOf(rows));
    });

    test("what came of one is written while it is the claimant's, with its event", async () => {
      const { submissions, accountId, accepted, event, log } = await house();
      const uncertain = { state: "uncertain", followUps: ["look-in-sent"], finishedAt: null } as const;
      const row = await accepted({ ...wanted(), ...uncertain, followUps: ["look-in-sent"], blobId: randomId("blb") });
      const [claimed] = (await claimFollowUps()).rows;
      if (claimed === undefined) throw new Error("none");
      const [later] = (await claimFollowUps(t0 + lease)).rows;
      if (later === undefined) throw new Error("none");
      const found = { state: "sent", sentCopy: "provider", finishedAt: t0, updatedAt: t0 + 5 } as const;
      const left = { ...found, followUps: ["flag-original" as const], followUpAt: t0 + 9, followUpTries: 0 };
      expect(await submissions.followUp(claimed, left, event())).toBeNull();
      const told = event();
      const then = await submissions.followUp(later, left, told);
      expect(then).toEqual({ ...later, ...left });
      expect(await submissions.followUp(later, left, event())).toBeNull();
      expect((await submissions.contents([row.blobId ?? ""])).size).toBe(1);
      const [last] = (await claimFollowUps(t0 + 9)).rows;
      if (last === undefined) throw new Error("none");
      const over = { followUps: [], followUpAt: null, warnings: ["original-not-flagged"], updatedAt: t0 + 10 };
      expect(await submissions.followUp(last, over, null)).toEqual({ ...last, ...over, blobId: null });
      expect(await submissions.contents([row.blobId ?? ""])).toEqual(new Map());
      expect(await submissions.get(accountId, row.id)).toEqual({ ...last, ...over, blobId: null });
      expect(await submissions.followUp({ id: row.id, followUpAt: null }, over, null)).toBeNull();
      expect(await log()).toMatchObject([{ id: told.id, sequence: 1 }]);
    });

    test("one that the caller has resolved meanwhile is nobody's to follow up", async () => {
      const { submissions, accepted, claimOne } = await house();
      const row = await accepted({ ...wanted(), state: "uncertain", finishedAt: null, followUps: ["look-in-sent"] });
      const [claimed] = (await claimFollowUps()).rows;
      if (claimed === undefined) throw new Error("none");
      const retry = { state: "queued", nextAttemptAt: t0, followUps: [], followUpAt: null, updatedAt: t0 + 1 } as const;
      expect(await submissions.change(row, ["uncertain"], { ...retry, followUps: [] }, null)).toMatchObject(retry);
      expect(await submissions.followUp(claimed, { state: "sent", updatedAt: t0 + 2 }, null)).toBeNull();
      expect(await claimFollowUps(t0 + 9 * lease)).toEqual({ rows: [], nextAt: null });
      expect(await claimOne()).toMatchObject({ submission: { id: row.id, state: "sending" } });
    });
  });
}
