import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { sendSubmissions, type SendNeeds } from "../../src/background/send-submissions.ts";
import { Failure, type FailureCode } from "../../src/errors.ts";
import type { RecipientOutcome } from "../../src/mail/submitter.ts";
import { createLoginGate } from "../../src/sessions/login-gate.ts";
import type { AccountRow, NewEvent } from "../../src/store/rows.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import { createFakeClock } from "../fake-clock.ts";

/** What a server does with a transaction, after so many milliseconds. Nothing more: it accepts. */
export type Answer = {
  ms: number;
  /** It fails as a whole, before the dot. */
  fail?: Failure;
  /** A refusal, after the dot, of all or of those whose address holds this. */
  code?: number;
  enhancedCode?: string;
  text?: string;
  only?: string;
  /** Its answer to the dot comes so many milliseconds after that. */
  replyMs?: number;
  /** The line goes after the dot. */
  lost?: boolean;
  /** So many recipients at once. */
  takes?: number;
};

/** `nth` counts the account's transactions. */
export type Serves = (nth: number, to: string[], id: string) => Answer;

type Kept = SubmissionRow & { epoch: number; owner: string | null; leaseUntil: number; deaths: number };

export const leaseMs = 20_000;

export function refusal(code: FailureCode, status: number, phase = "login"): Failure {
  const upstream = { protocol: "smtp", phase, host: "mail.example", status, text: "no" } as const;
  return new Failure(code, `The mail server said ${status}.`, { upstream });
}

/** The sender over a database and servers that are made up, on a clock that stands still until it is told to go on. */
export function openHouse(change: Partial<SendNeeds> = {}) {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  const accounts = new Map<string, AccountRow>();
  const rows = new Map<string, Kept>();
  const serves = new Map<string, Serves>();
  /** Every transaction that was begun, and every dot that went out. */
  const begun: { accountId: string; id: string; to: string[]; at: number; attempt: number }[] = [];
  const dots: { accountId: string; id: string; to: string[] }[] = [];
  const open = new Map<string, number>();
  const mostOpen = new Map<string, number>();
  const events: NewEvent[] = [];
  const logged: { event: string; fields: Record<string, unknown> | undefined }[] = [];
  const calls: { name: string; size: number }[] = [];
  const lent = { now: 0, ever: 0, discarded: 0 };
  const gate = createLoginGate(clock);
  const world = {
    lendMs: 0,
    isAway: false,
    failsOnly: null as string | null,
    /** What holds one of these ids can't be written, and that is nobody's fault but ours. */
    unwritable: new Set<string>(),
    beforeDot: (_id: string): void => {},
  };
  const metrics = { counted: new Map<string, number>(), gauges: new Map<string, number>() };
  let number = 0;

  /** A call of the database: its answer comes later than at once. */
  async function call<T>(name: string, size: number, work: () => T): Promise<T> {
    calls.push({ name, size });
    if (world.isAway || world.failsOnly === name) throw new Failure("storage-unavailable", "The database is away.");
    const result = work();
    await Promise.resolve();
    return result;
  }

  function mayBeWritten(some: { id: string }[]): void {
    if (some.some(({ id }) => world.unwritable.has(id))) throw new Failure("internal", "A row can't be written.");
  }

  const isHeld = ({ state }: Kept) => state === "sending" || state === "committing";
  const stands = ({ id, epoch }: { id: string; epoch: number }): boolean => {
    const row = rows.get(id);
    return row !== undefined && row.epoch === epoch && isHeld(row);
  };
  const dueAt = (row: Kept): number =>
    isHeld(row) ? row.leaseUntil : row.nextAttemptAt !== null ? row.nextAttemptAt : Infinity;

  /** Of those that lost two workers, one at a time. */
  function notBesideSuspect(accountId: string, now: number): (row: Kept) => boolean {
    let isFree = ![...rows.values()].some(
      (row) => row.accountId === accountId && isHeld(row) && row.deaths > 1 && row.leaseUntil > now,
    );
    return (row) => {
      if (!isHeld(row) || row.deaths === 0) return true;
      const mayCome = isFree;
      isFree = false;
      return mayCome;
    };
  }

  const submissions: SendNeeds["submissions"] = {
    due: (now) =>
      call("due", 1, () => {
        const since = new Map<string, number>();
        let nextAt = Infinity;
        for (const row of rows.values()) {
          if (dueAt(row) > now) nextAt = Math.min(nextAt, dueAt(row));
          else since.set(row.accountId, Math.min(since.get(row.accountId) ?? Infinity, dueAt(row)));
        }
        return {
          accounts: [...since].map(([accountId, at]) => ({ accountId, since: at })),
          nextAt: nextAt === Infinity ? null : nextAt,
        };
      }),
    claim: (accountId, { owner, now, leaseMs: ms, limit, only }) =>
      call(`claim ${only}`, limit, () =>
        [...rows.values()]
          .filter((row) => row.accountId === accountId && dueAt(row) <= now)
          .filter((row) => only === "due" || isHeld(row) || row.deliverBefore <= now)
          .filter(notBesideSuspect(accountId, now))
          .toSorted((a, b) => Number(isHeld(b)) - Number(isHeld(a)) || dueAt(a) - dueAt(b))
          .slice(0, limit)
          .map((row) => {
            if (isHeld(row) && row.owner !== null) row.deaths += 1;
            if (row.state !== "committing") Object.assign(row, { state: "sending", attempts: row.attempts + 1 });
            Object.assign(row, { owner, leaseUntil: now + ms, nextAttemptAt: null, epoch: row.epoch + 1 });
            return { submission: rowOf(row), epoch: row.epoch, isParked: row.deaths >= 3, isAlone: row.deaths === 2 };
          }),
      ),
    abandon: (owner, now) =>
      call("abandon", 1, () => {
        for (const row of rows.values()) if (row.owner === owner) row.leaseUntil = Math.min(row.leaseUntil, now);
      }),
    renew: (claims, leaseUntil) =>
      call("renew", claims.length, () => {
        const standing = claims.filter(stands);
        for (const { id } of standing) Object.assign(rows.get(id) ?? {}, { leaseUntil });
        return standing.map(({ id }) => id);
      }),
    commit: (claims, leaseUntil) =>
      call("commit", claims.length, () => {
        mayBeWritten(claims);
        const standing = claims.filter(stands);
        for (const { id, recipients } of standing)
          Object.assign(rows.get(id) ?? {}, {
            state: "committing",
            leaseUntil,
            ...(recipients !== null && { recipients }),
          });
        return standing.map(({ id }) => id);
      }),
    giveBack: (claims, now) =>
      call("giveBack", claims.length, () => {
        for (const { id } of claims.filter(stands)) {
          const row = rows.get(id);
          // Nobody knows what became of it: it waits to be taken over.
          if (row?.state === "committing") row.leaseUntil = now;
          else if (row !== undefined)
            Object.assign(row, {
              state: "queued",
              attempts: row.attempts - 1,
              nextAttemptAt: now,
              owner: null,
              leaseUntil: 0,
              deaths: 0,
            });
        }
      }),
    settle: (outcomes) =>
      call("settle", outcomes.length, () => {
        mayBeWritten(outcomes);
        return outcomes.filter(stands).map(({ id, outcome, event }) => {
          Object.assign(rows.get(id) ?? {}, outcome, { owner: null, leaseUntil: 0, deaths: 0 });
          if (event !== null) events.push(event);
          return id;
        });
      }),
    contents: (blobIds) =>
      call("contents", blobIds.length, () => new Map(blobIds.map((blobId) => [blobId, Buffer.from(blobId)]))),
  };

  const needs: SendNeeds = {
    submissions,
    blobs: {
      async *read(blobId) {
        calls.push({ name: "read", size: 1 });
        yield Buffer.from(blobId);
      },
    },
    accounts: {
      byId: (id) => call("byId", 1, () => accounts.get(id) ?? null),
      setState: ({ id, version }, state, now) =>
        call("setState", 1, () => {
          const row = accounts.get(id);
          if (row === undefined || row.version !== version || row.state === state.state) return false;
          accounts.set(id, { ...row, ...state, stateSince: now });
          return true;
        }),
    },
    vault: { openText: () => "a password" },
    submitters: {
      gate,
      async lend(_login, opener) {
        lent.now += 1;
        lent.ever += 1;
        if (world.lendMs > 0) await clock.sleep(world.lendMs);
        return {
          submitter: opener(),
          release: () => void (lent.now -= 1),
          discard: () => {
            lent.now -= 1;
            lent.discarded += 1;
          },
        };
      },
    },
    openSubmitter: ({ host: accountId }) => ({
      limits: () => Promise.reject(new Error("not asked")),
      close: async () => {},
      async submit(bytes, { to }, { beforeDot }) {
        let id = "";
        if (bytes instanceof Uint8Array) id = Buffer.from(bytes).toString();
        else for await (const chunk of bytes) id += Buffer.from(chunk).toString();
        const nth = begun.filter((one) => one.accountId === accountId).length;
        begun.push({ accountId, id, to, at: clock.now(), attempt: rows.get(id)?.attempts ?? 0 });
        count(accountId, 1);
        try {
          const answer = serves.get(accountId)?.(nth, to, id) ?? { ms: 1 };
          await clock.sleep(answer.ms);
          if (answer.fail !== undefined) throw answer.fail;
          const inIt = to.slice(0, answer.takes ?? to.length);
          world.beforeDot(id);
          await beforeDot(inIt);
          dots.push({ accountId, id, to: inIt });
          if (answer.replyMs !== undefined) await clock.sleep(answer.replyMs);
          return { recipients: inIt.map((email) => outcomeOf(email, answer)), left: to.slice(inIt.length) };
        } finally {
          count(accountId, -1);
        }
      },
    }),
    wake,
    clock,
    log: { write: (_, event, fields) => void logged.push({ event, fields }) },
    metrics: {
      count: (name, labels) => {
        const key = `${name} ${labels?.["outcome"] ?? ""}`;
        metrics.counted.set(key, (metrics.counted.get(key) ?? 0) + 1);
      },
      observe() {},
      gauge: (name, value) => void metrics.gauges.set(name, value),
    },
    owner: "me",
    leaseMs,
    random: () => 0.5,
    ...change,
  };

  function count(accountId: string, by: number): void {
    const now = (open.get(accountId) ?? 0) + by;
    open.set(accountId, now);
    mostOpen.set(accountId, Math.max(now, mostOpen.get(accountId) ?? 0));
  }

  let sender = sendSubmissions(needs);
  let nextAt: number | null = clock.now();

  /** What the entry's loop does, as long as there is something to do now. */
  async function settleDown(): Promise<void> {
    for (let round = 0; round < 60; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      const woken = await isWoken();
      if (!woken && (nextAt === null || nextAt > clock.now())) return;
      nextAt = await sender.step().then(
        (stepped) => stepped.nextAt,
        () => clock.now() + 1_000,
      );
    }
  }

  /** The wait of a loop that has no time. */
  async function isWoken(): Promise<boolean> {
    const over = new AbortController();
    const waiting = wake.wait("submissions", null, 1_000, over.signal);
    over.abort();
    return waiting;
  }

  return {
    clock,
    wake,
    gate,
    accounts,
    rows,
    begun,
    dots,
    mostOpen,
    events,
    logged,
    calls,
    lent,
    world,
    metrics,
    sender: () => sender,
    settleDown,

    account(part: Partial<AccountRow> = {}, behaviour?: Serves): string {
      const id = part.id ?? `acc_${String(++number).padStart(3, "0")}`;
      accounts.set(id, accountRow({ id, ...part }, clock.now()));
      if (behaviour !== undefined) serves.set(id, behaviour);
      return id;
    },
    alter(id: string, part: Partial<AccountRow>): void {
      const row = accounts.get(id);
      if (row !== undefined) accounts.set(id, { ...row, ...part, version: row.version + 1 });
    },
    serve: (id: string, behaviour: Serves) => serves.set(id, behaviour),

    /** So many messages of an account, as their atomic leaves them. */
    queue(accountId: string, howMany = 1, part: Partial<Kept> = {}): Kept[] {
      const added = Array.from({ length: howMany }, (): Kept => {
        const id = `sub_${String(++number).padStart(6, "0")}`;
        const free = { epoch: 0, owner: null, leaseUntil: 0, deaths: 0 };
        return { ...newRow(id, accountId, clock.now()), ...free, ...part };
      });
      for (const row of added) rows.set(row.id, row);
      wake.wake("submissions", accountId);
      return added;
    },

    /** Lets time pass, in ticks. */
    async pass(ms: number, tick = ms): Promise<void> {
      await settleDown();
      for (let passed = 0; passed < ms; passed += tick) {
        await clock.advance(Math.min(tick, ms - passed));
        await settleDown();
      }
    },

    /** As after a `kill -9` of the process: nothing in memory is left, and what was under way says nothing more. */
    die(): void {
      for (const row of rows.values()) if (isHeld(row)) row.epoch += 1_000;
      sender = sendSubmissions(needs);
      nextAt = clock.now();
    },

    states(accountId: string): Record<string, number> {
      const found: Record<string, number> = {};
      for (const row of rows.values()) if (row.accountId === accountId) found[row.state] = (found[row.state] ?? 0) + 1;
      return found;
    },
    openOf: (accountId: string) => open.get(accountId) ?? 0,
    begunOf: (accountId: string) => begun.filter((one) => one.accountId === accountId),
    dotsOf: (accountId: string) => dots.filter((one) => one.accountId === accountId),
    sizes: (name: string) => calls.filter((one) => one.name === name).map(({ size }) => size),
  };
}

function outcomeOf(email: string, answer: Answer): RecipientOutcome {
  const { code, only, lost, enhancedCode = null, text = "said so" } = answer;
  if (lost === true) return { email, state: "uncertain", code: null, enhancedCode: null, text: null };
  if (code === undefined || (only !== undefined && !email.includes(only)))
    return { email, state: "accepted", code: 250, enhancedCode: "2.0.0", text: "queued" };
  return { email, state: code >= 500 ? "rejected" : "deferred", code, enhancedCode, text };
}

function rowOf({ epoch: _e, owner: _o, leaseUntil: _l, deaths: _d, ...row }: Kept): SubmissionRow {
  return { ...row };
}

export function people(...names: string[]): SubmissionRow["recipients"] {
  return names.map((name) => ({
    email: `${name}@example.org`,
    state: "pending",
    code: null,
    enhancedCode: null,
    text: null,
  }));
}

export function newRow(id: string, accountId: string, now: number): SubmissionRow {
  return {
    id,
    appId: "app",
    accountId,
    state: "queued",
    route: "createSubmission",
    idempotencyKey: id,
    fingerprint: "",
    firstAnswer: null,
    messageId: `<${id}@example.org>`,
    envelope: { from: "ann@example.org", to: ["bob@example.org"] },
    needs: { eightBit: false, utf8: false },
    recipients: people("bob"),
    subject: "",
    metadata: {},
    original: null,
    saveToSent: "never",
    sentCopy: null,
    warnings: [],
    lastError: null,
    blobId: id,
    size: 1_000,
    attempts: 0,
    nextAttemptAt: now,
    sendAt: null,
    deliverBefore: now + 3 * 86_400_000,
    followUps: [],
    followUpAt: null,
    followUpTries: 0,
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}

export function accountRow(part: Partial<AccountRow> & { id: string }, now: number): AccountRow {
  const { id } = part;
  return {
    appId: "app",
    email: "ann@example.org",
    name: null,
    externalId: null,
    metadata: {},
    incoming: null,
    outgoing: outgoing(id),
    sealedKey: "",
    sealedIncomingPassword: null,
    sealedOutgoingPassword: "sealed",
    sealedIdKey: "",
    watch: { mode: "off", folders: "all", notifySince: null },
    onUncertain: "hold",
    saveToSent: "never",
    capabilities: null,
    idStability: null,
    state: "connected",
    stateSince: now,
    lastError: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
    ...part,
  };
}

export function outgoing(host: string, maxPerMinute?: number): NonNullable<AccountRow["outgoing"]> {
  return {
    protocol: "smtp",
    host,
    port: 465,
    security: "tls",
    auth: { type: "password", username: "ann" },
    tls: { ca: null, servername: null },
    ...(maxPerMinute !== undefined && { maxPerMinute }),
  };
}
