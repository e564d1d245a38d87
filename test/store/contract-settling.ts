import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { collect } from "./helpers.ts";
import { webhookRow } from "./rows.ts";
import { lease, named, sent, submissionHouse, t0 } from "./submission-house.ts";

export function settlingContract(subject: () => Promise<Subject>): void {
  const house = async () => submissionHouse((await subject()).store);

  describe("outcomes of submissions", () => {
    test("committing is said of the claims that stand, with the recipients where that is needed", async () => {
      const { submissions, accountId, queue, claim } = await house();
      await queue(3);
      const claims = await claim(t0 + 9);
      const [first, second, third] = claims;
      if (first === undefined || second === undefined || third === undefined) throw new Error("fewer");
      const recipients = first.submission.recipients.map((one) => ({ ...one, state: "uncertain" as const }));
      const committed = await submissions.commit(
        [
          { ...named(first), recipients },
          { ...named(second), recipients: null },
          { ...named(third), epoch: 2, recipients },
        ],
        t0 + 3 * lease,
      );
      expect(committed.toSorted()).toEqual([first.submission.id, second.submission.id]);
      const state = "committing";
      expect(await submissions.get(accountId, first.submission.id)).toEqual({ ...first.submission, state, recipients });
      expect(await submissions.get(accountId, second.submission.id)).toEqual({ ...second.submission, state });
      expect(await submissions.get(accountId, third.submission.id)).toEqual(third.submission);
      expect((await submissions.due(t0 + 9 + lease)).accounts).toContainEqual({ accountId, since: t0 + 9 + lease });
      expect(await claim(t0 + 9 + lease)).toHaveLength(1);
      expect(await submissions.commit([], t0)).toEqual([]);
      // Twice: another transaction of the same message.
      expect(await submissions.commit([{ ...named(first), recipients: null }], t0 + lease)).toHaveLength(1);
    });

    test("are written with their events while the claims stand, many at once, and the others left alone", async () => {
      const { store } = await subject();
      const { app, submissions, accountId, queue, claim, event, log } = await house();
      const hook = webhookRow(app.id);
      await store.webhooks.insert(hook);
      await queue(130);
      const claims = await claim(t0 + 999, 130);
      expect(claims).toHaveLength(130);
      const long = Array.from({ length: 50 }, (_, at) => ({
        email: `${at}@example`,
        state: "rejected" as const,
        code: 550,
        enhancedCode: "5.1.1",
        text: `${'"\\'.repeat(100)}${"🌍".repeat(100)}\u0000\ud800`,
      }));
      const outcomes = claims.map((one, at) =>
        sent(
          one,
          at % 2 === 0 ? { recipients: long } : { lastError: { code: "x", detail: "é" } },
          at % 3 === 0 ? event() : null,
        ),
      );
      const late = outcomes[6]?.id ?? "";
      const written = await submissions.settle(
        outcomes.map((one) => (one.id === late ? { ...one, epoch: one.epoch + 1 } : one)),
      );
      expect(written.toSorted()).toEqual(outcomes.flatMap(({ id }) => (id === late ? [] : [id])).toSorted());
      for (const at of [0, 1, 128, 129]) {
        const row = { ...claims[at]?.submission, ...outcomes[at]?.outcome };
        expect(await submissions.get(accountId, outcomes[at]?.id ?? "")).toEqual(row);
      }
      expect(await submissions.get(accountId, late)).toEqual(claims[6]?.submission);
      const told = await log();
      const expected = outcomes.flatMap((one) => (one.event === null || one.id === late ? [] : [one.event.id]));
      expect(told.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
      expect(told.map(({ sequence }) => sequence)).toEqual(expected.map((_, at) => at + 1));
      const queued = await store.deliveries.list(hook.id, { before: null, limit: 500, states: null });
      expect(queued).toHaveLength(expected.length);
      expect(await submissions.settle(outcomes)).toEqual([late]);
      expect((await log()).at(-1)?.id).toBe(outcomes[6]?.event?.id);
      expect(await submissions.settle([])).toEqual([]);
    });

    test("one that is queued again waits with what its attempt came to", async () => {
      const { submissions, accountId, accepted, claim, claimOne } = await house();
      const row = await accepted({ blobId: randomId("blb") });
      const taken = await claimOne();
      const back = sent(taken, { state: "queued", nextAttemptAt: t0 + 60_000, finishedAt: null });
      expect(await submissions.settle([back])).toEqual([row.id]);
      expect(await submissions.get(accountId, row.id)).toEqual({ ...taken.submission, ...back.outcome });
      expect(await claim(t0 + 59_999)).toEqual([]);
      expect(await claimOne(t0 + 60_000)).toMatchObject({ submission: { attempts: 2 }, epoch: 2, isParked: false });
      expect(await submissions.contents([row.blobId ?? ""])).toHaveProperty("size", 1);
    });

    const looking = { followUps: ["look-in-sent" as const], followUpAt: t0 };
    test.each([
      { what: "sent", outcome: { state: "sent" as const }, isKept: false },
      { what: "failed", outcome: { state: "failed" as const }, isKept: false },
      { what: "canceled, whatever was to follow", outcome: { state: "canceled" as const, ...looking }, isKept: false },
      { what: "uncertain", outcome: { state: "uncertain" as const }, isKept: true },
      { what: "sent, but for its copy", outcome: { state: "sent" as const, ...looking }, isKept: true },
    ])("the bytes of one that is $what: kept $isKept", async ({ outcome, isKept }) => {
      const { store } = await subject();
      const { submissions, accountId, accepted, claimOne } = await house();
      const blobId = randomId("blb");
      const [row, other] = [
        await accepted({ blobId }),
        await accepted({ nextAttemptAt: null, blobId: randomId("blb") }),
      ];
      await submissions.settle([sent(await claimOne(), outcome)]);
      const settled = await submissions.get(accountId, row.id);
      expect(settled).toMatchObject({ ...outcome, blobId: isKept ? blobId : null });
      const kept = [...(isKept ? [blobId] : []), other.blobId ?? ""];
      const left = await submissions.contents([blobId, other.blobId ?? ""]);
      expect([...left.keys()].toSorted()).toEqual(kept.toSorted());
      const chunks = await collect(store.blobs.read(blobId)).catch(() => null);
      expect(chunks !== null).toBe(isKept);
    });

    test("a change is made to the row as it was seen, and to no other", async () => {
      const { submissions, accountId, accepted, claimOne, event, log } = await house();
      const row = await accepted({ blobId: randomId("blb"), state: "scheduled", sendAt: t0, metadata: { a: "b" } });
      const moved = { sendAt: t0 + 5, nextAttemptAt: t0 + 5, deliverBefore: t0 + 9, updatedAt: t0 + 1 };
      expect(await submissions.change(row, ["uncertain"], moved, event())).toBeNull();
      expect(await submissions.change({ ...row, updatedAt: 7 }, ["scheduled"], moved, event())).toBeNull();
      expect(await submissions.change({ ...row, id: "sub_none" }, ["scheduled"], moved, event())).toBeNull();
      const then = await submissions.change(row, ["scheduled", "queued"], moved, null);
      expect(then).toEqual({ ...row, ...moved });
      if (then === null) throw new Error("none");
      const canceled = { state: "canceled" as const, nextAttemptAt: null, finishedAt: t0 + 2, updatedAt: t0 + 2 };
      const told = event({ type: "submission.canceled" });
      expect(await submissions.change(row, ["scheduled"], canceled, event())).toBeNull();
      const over = await submissions.change(then, ["scheduled", "queued"], canceled, told);
      expect(over).toEqual({ ...then, ...canceled, blobId: null });
      expect(await submissions.get(accountId, row.id)).toEqual(over);
      expect(await submissions.contents([row.blobId ?? ""])).toEqual(new Map());
      expect(await log()).toMatchObject([{ ...told, sequence: 1 }]);

      const next = await accepted({ blobId: randomId("blb") });
      await claimOne();
      expect(await submissions.change(next, ["queued"], canceled, null)).toBeNull();
      expect((await submissions.contents([next.blobId ?? ""])).size).toBe(1);
    });

    test("one that is resolved is sent or queued, with its bytes as long as they are of use", async () => {
      const { submissions, accepted } = await house();
      const rows = await Promise.all(
        [1, 2, 3].map((at) =>
          accepted({ state: "uncertain", nextAttemptAt: null, blobId: `blb_${randomId("req")}${at}` }),
        ),
      );
      const [again, done, more] = rows;
      if (again === undefined || done === undefined || more === undefined) throw new Error("fewer");
      const updatedAt = t0 + 3;
      const retry = { state: "queued" as const, nextAttemptAt: t0, updatedAt };
      expect(await submissions.change(again, ["uncertain"], retry, null)).toEqual({ ...again, ...retry });
      const isSent = { state: "sent" as const, finishedAt: t0, updatedAt };
      expect(await submissions.change(done, ["uncertain"], isSent, null)).toEqual({ ...done, ...isSent, blobId: null });
      const copying = { ...isSent, followUps: ["sent-copy" as const], followUpAt: t0 };
      expect(await submissions.change(more, ["uncertain"], copying, null)).toEqual({ ...more, ...copying });
    });

    test("of many who change one row at once, one does", async () => {
      const { submissions, accepted, claim, event, log } = await house();
      const row = await accepted();
      const changes = Array.from({ length: 8 }, (_, at) =>
        submissions.change(
          row,
          ["queued"],
          { state: "canceled", nextAttemptAt: null, updatedAt: t0 + at + 1 },
          event(),
        ),
      );
      const [claims, ...changed] = await Promise.all([claim(), ...changes]);
      expect(claims.length + changed.filter((one) => one !== null).length).toBe(1);
      expect(await log()).toHaveLength(1 - claims.length);
    });

    test("an account that goes while its outcomes are written takes all along", async () => {
      const { store } = await subject();
      const { app, submissions, accountId, queue, claim, event } = await house();
      await queue(5, { blobId: null });
      const claims = await claim(t0 + 9);
      const [written] = await Promise.all([
        submissions.settle(claims.map((one) => sent(one, {}, event()))),
        store.accounts.remove(app.id, accountId, event({ type: "account.deleted" })),
      ]);
      expect([0, 5]).toContain(written.length);
      expect(await submissions.list(accountId, { before: null, limit: 9 })).toEqual([]);
      expect(await submissions.settle(claims.map((one) => sent(one, {}, event())))).toEqual([]);
    });
  });
}
