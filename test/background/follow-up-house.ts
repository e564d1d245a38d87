import { followUp, type FollowUpNeeds } from "../../src/background/follow-up.ts";
import type { NewEvent } from "../../src/store/rows.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { SubmissionChange, SubmissionRow } from "../../src/store/submission-rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

/** An account at a provider that files copies itself. */
export function gmailAccount(change: Partial<AccountRow> = {}): AccountRow {
  const { incoming } = accountRow();
  const outgoing = incoming && { ...incoming, protocol: "smtp" as const, host: "smtp.gmail.com", port: 465 };
  return accountRow({ incoming: incoming && { ...incoming, host: "imap.gmail.com" }, outgoing, ...change });
}

let number = 0;

/** A row that was sent, or may have been; its follow-ups are due at once. */
export function sentRow(account: AccountRow, now: number, change: Partial<SubmissionRow> = {}): SubmissionRow {
  const id = `sub_${String((number += 1)).padStart(4, "0")}`;
  const accepted = { email: "b@example", state: "accepted", code: 250, enhancedCode: null, text: null } as const;
  return {
    id,
    appId: account.appId,
    accountId: account.id,
    state: "sent",
    route: "submissions.create",
    idempotencyKey: id,
    fingerprint: "",
    firstAnswer: null,
    messageId: `<${id}@example>`,
    envelope: { from: "a@example", to: ["b@example"] },
    needs: { eightBit: false, utf8: false },
    recipients: [accepted],
    subject: "",
    metadata: {},
    original: null,
    saveToSent: "auto",
    sentCopy: "pending",
    warnings: [],
    lastError: null,
    blobId: `blb_${id}`,
    size: 100,
    attempts: 1,
    nextAttemptAt: null,
    sendAt: null,
    deliverBefore: now + 3 * 86_400_000,
    followUps: ["sent-copy"],
    followUpAt: now,
    followUpTries: 0,
    createdAt: now,
    updatedAt: now,
    finishedAt: now,
    ...change,
  };
}

/** One that was lost behind the dot. */
export function uncertainRow(account: AccountRow, now: number, change: Partial<SubmissionRow> = {}): SubmissionRow {
  const recipients = (["uncertain", "rejected"] as const).map((state, index) => ({
    email: `${index}@example`,
    state,
    code: null,
    enhancedCode: null,
    text: null,
  }));
  const lost = { state: "uncertain", recipients, sentCopy: null, finishedAt: null } as const;
  return sentRow(account, now, { ...lost, followUps: ["look-in-sent"], followUpAt: now + 10_000, ...change });
}

/** The dispatcher on a store in memory and mail servers that answer as a test says. */
export function followUpHouse(change: Partial<FollowUpNeeds> = {}) {
  const clock = createFakeClock();
  const rows = new Map<string, SubmissionRow>();
  const accounts = new Map<string, AccountRow>();
  const events: NewEvent[] = [];
  const woken: string[] = [];
  const logged: Record<string, unknown>[] = [];
  /** What was asked of mail servers, and when, milliseconds since the start. */
  const asked: string[] = [];
  const start = clock.now();
  const since = (): string => `${Math.round((clock.now() - start) / 1_000)}s`;
  const writes = { count: 0 };

  const needs: FollowUpNeeds = {
    clock,
    random: () => 0.5,
    submissions: {
      async claimFollowUps(now, leaseMs, limit) {
        const due = [...rows.values()]
          .filter(({ followUpAt }) => followUpAt !== null && followUpAt <= now)
          .sort((a, b) => (a.followUpAt ?? 0) - (b.followUpAt ?? 0));
        const firsts = due.filter((row, index) => due.findIndex((one) => one.accountId === row.accountId) === index);
        const claimed = firsts.slice(0, limit).map((row) => ({
          ...row,
          followUpAt: now + leaseMs,
          followUpTries: row.followUpTries + 1,
        }));
        for (const row of claimed) rows.set(row.id, row);
        const times = [...rows.values()].flatMap(({ followUpAt }) => followUpAt ?? []);
        return { rows: claimed, nextAt: times.length === 0 ? null : Math.min(...times) };
      },
      async followUp({ id, followUpAt }, change: SubmissionChange, event) {
        const row = rows.get(id);
        if (row === undefined || row.followUpAt !== followUpAt) return null;
        writes.count += 1;
        const next = { ...row, ...change };
        rows.set(id, next);
        if (event !== null) events.push(event);
        return next;
      },
    },
    accounts: { byId: async (id) => accounts.get(id) ?? null },
    wake: { wake: (topic, key) => void woken.push(`${topic} ${key}`) },
    log: { write: (level, event, fields) => void logged.push({ level, event, ...fields }) },
    async lookInSent(_account, messageId) {
      asked.push(`look ${messageId} ${since()}`);
      return { folder: null, place: null };
    },
    async fileSentCopy(_account, row, mayStore) {
      asked.push(`${mayStore === null ? "look" : "store"} ${since()}`);
      return mayStore === null || !(await mayStore()) ? "absent" : "stored";
    },
    async flagOriginal(_account, { action }) {
      asked.push(`flag ${action} ${since()}`);
    },
    ...change,
  };
  const follower = followUp(needs);

  return {
    clock,
    follower,
    rows,
    events,
    woken,
    logged,
    asked,
    writes,
    add(account: AccountRow, row: SubmissionRow): string {
      accounts.set(account.id, account);
      rows.set(row.id, row);
      return row.id;
    },
    change: (account: AccountRow) => accounts.set(account.id, account),
    drop: (account: AccountRow) => accounts.delete(account.id),
    row(id: string): SubmissionRow {
      const row = rows.get(id);
      if (row === undefined) throw new Error(`no row ${id}`);
      return row;
    },
    /** Steps as the entry's loop does while there is something due, and lets time pass in seconds. */
    async pass(seconds: number): Promise<void> {
      await settleDown();
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1_000);
        await settleDown();
      }
    },
  };

  async function settleDown(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      const isDue = [...rows.values()].some(({ followUpAt }) => followUpAt !== null && followUpAt <= clock.now());
      if (isDue) await follower.step();
      await new Promise((resolve) => setImmediate(resolve));
      if (!isDue) return;
    }
  }
}
