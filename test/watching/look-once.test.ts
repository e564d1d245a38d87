import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { createAlertsTold } from "../../src/watching/alerts-told.ts";
import { type Looked, lookOnce } from "../../src/watching/look-once.ts";
import type { WatchNeeds } from "../../src/watching/round.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { away, emptyMaildrop, lent, needsOf } from "./under-watch.ts";

const locked = () => new Failure("mailbox-locked", "Another session holds the maildrop.");
const fails = (error: Error) => async () => {
  throw error;
};
const works = async () => lent(emptyMaildrop());

/** One look; `left` is what the looks before have left, `inMs` when the account is due again. */
async function look(
  lend: () => Promise<unknown>,
  left: Partial<Looked> | null = null,
  { isLeft = false, ...account }: Partial<AccountRow> & { isLeft?: boolean } = {},
) {
  const { needs, account: row, clock } = needsOf({ lend, account });
  let kept: Looked | null = left && { version: row.version, failures: 0, maildropMs: 300_000, ...left };
  const noted: unknown[] = [];
  const memory = { read: async () => kept, write: async (_: string, looked: Looked) => void (kept = looked) };
  const watches = { ...needs.watches, noteLooks: async (some: unknown[]) => void noted.push(...some) };
  const watched = {
    accountId: row.id,
    epoch: 7,
    signal: isLeft ? AbortSignal.abort() : new AbortController().signal,
    alive() {},
    looked() {},
    alertsTold: createAlertsTold(),
  };
  const begun = clock.now();
  const over = await lookOnce({ ...(needs as unknown as WatchNeeds), watches, memory } as never, watched);
  const { dueAt = null } = over ?? {};
  return { over, inMs: dueAt === null ? null : dueAt - begun, kept, noted, row, begun };
}

test("a look is noted as a poll, and the account is due again after the interval that was learnt", async () => {
  const { inMs, kept, noted, row, begun } = await look(works, { failures: 3, maildropMs: 600_000 });
  expect(inMs).toBe(600_000);
  expect(kept).toEqual({ version: row.version, failures: 0, maildropMs: 600_000 });
  expect(noted).toContainEqual({ accountId: row.id, epoch: 7, lookedAt: begun, mode: "poll" });
});

test("the first look is after the usual interval", async () => {
  expect((await look(works)).inMs).toBe(300_000);
});

test("waits after failures grow from look to look, and begin anew when the account was changed", async () => {
  const first = await look(fails(away()));
  expect([first.inMs, first.kept?.failures]).toEqual([1_000, 1]);
  const fifth = await look(fails(away()), { failures: 4 });
  expect([fifth.inMs, fifth.kept?.failures]).toEqual([16_000, 5]);
  const changed = await look(fails(away()), { failures: 4, version: -1 });
  expect([changed.inMs, changed.kept?.failures]).toEqual([1_000, 1]);
});

test("a complaint makes the interval longer, if the look before was a good one", async () => {
  expect((await look(fails(locked()), { failures: 0 })).kept?.maildropMs).toBe(600_000);
  expect((await look(fails(locked()), { failures: 1 })).kept?.maildropMs).toBe(300_000);
  expect((await look(fails(locked()))).kept?.maildropMs).toBe(300_000);
});

test("a server that took it badly when headers were read ahead is spared from look to look", async () => {
  let asked = 0;
  const { watching, ...session } = emptyMaildrop();
  const keepHeaders = async () => {
    asked++;
    throw new Failure("upstream-throttled", "Too many commands.");
  };
  const lend = async () => lent({ ...session, watching: { ...watching, keepHeaders } });
  const first = await look(lend);
  expect(first.kept).toEqual({
    version: first.row.version,
    failures: 0,
    maildropMs: 300_000,
    headersFrom: first.begun + 6 * 3_600_000,
  });
  const second = await look(lend, { headersFrom: first.begun + 1 });
  expect([asked, second.kept?.headersFrom]).toEqual([1, first.begun + 1]);
  await look(lend, { headersFrom: first.begun });
  expect(asked).toBe(2);
});

test("while a refused login waits for its next try it is kept in mind", async () => {
  const refused = new Failure("account-authentication-failed", "The login was refused.", { retryAfter: 600 });
  expect((await look(fails(refused))).inMs).toBe(60_000);
});

test("an account that is not to be watched is not due until it changes", async () => {
  expect((await look(works, null, { state: "paused" })).over).toEqual({ dueAt: null });
  expect((await look(works, null, { incoming: null })).over).toEqual({ dueAt: null });
});

test("who is told to end gives back nothing himself", async () => {
  expect((await look(works, null, { isLeft: true })).over).toBe(null);
});
