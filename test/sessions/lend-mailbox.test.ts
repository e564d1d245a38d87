import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { createMailboxes } from "../../src/sessions/lend-mailbox.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

const server = {
  protocol: "imap",
  host: "h",
  port: 993,
  security: "tls",
  tls: { ca: null, servername: null },
} as const;

function setup(options: { login?: () => unknown; writes?: () => Promise<void> } = {}) {
  const clock = createFakeClock();
  const counts = { opened: 0, closed: 0 };
  const states: { state: string; side: string | undefined; version: number }[] = [];
  const told: unknown[] = [];
  const woken: string[] = [];
  let account: AccountRow = {
    ...accountRow(),
    incoming: { ...server, auth: { type: "password", username: "u" } },
    sealedIncomingPassword: "sealed-1",
    state: "connecting",
  };
  const mailboxes = createMailboxes({
    clock,
    log: { write() {} },
    wake: { wake: (topic, key) => void woken.push(`${topic} ${key}`) },
    forget() {},
    accounts: {
      async setState({ version }, { state, lastError }, _now, event) {
        await options.writes?.();
        states.push({ state, side: lastError?.side, version });
        const changes = state !== account.state;
        if (changes && event !== null) told.push(event);
        account = { ...account, state, lastError };
        return changes;
      },
      setCapabilities: async () => options.writes?.(),
    },
    open: async () => {
      counts.opened += 1;
      await options.login?.();
      const mailbox = {
        dead: false,
        unfinished: null,
        capabilities: () => ({ folders: true }),
        close: async () => void (counts.closed += 1),
      };
      return mailbox as unknown as Mailbox;
    },
  });
  const change = (patch: Partial<AccountRow>): void => void (account = { ...account, ...patch });
  const lend = () => mailboxes.lend(account).catch((error: Failure) => error.code);
  return { clock, counts, states, told, woken, change, lend, mailboxes, account: () => account };
}

const refuse = (): never => {
  throw new Failure("account-authentication-failed", "refused");
};

test("whether a session lies idle is known: not before one came back, not of another password, not for long", async () => {
  const { clock, change, lend, mailboxes, account } = setup();
  expect(mailboxes.rests(account())).toBe(false);
  const lease = await lend();
  expect(mailboxes.rests(account())).toBe(false);
  if (typeof lease !== "string") lease.release();
  expect(mailboxes.rests(account())).toBe(true);
  const { sealedIncomingPassword } = account();
  change({ sealedIncomingPassword: "sealed-2" });
  expect(mailboxes.rests(account())).toBe(false);
  change({ sealedIncomingPassword });
  await clock.advance(60_000);
  expect(mailboxes.rests(account())).toBe(false);
});

test("what a login finds out is told by an event where the state becomes another", async () => {
  let login: () => unknown = () => {};
  const { clock, told, woken, change, lend, account } = setup({ login: () => login() });
  await lend();
  login = () => {
    throw new Failure("upstream-unreachable", "no way");
  };
  for (const version of [2, 3]) {
    change({ version, sealedIncomingPassword: `sealed-${version}` });
    await lend();
  }
  login = () => {};
  change({ version: 4, sealedIncomingPassword: "sealed-4" });
  await lend();
  const since = new Date(clock.now()).toISOString();
  const { id: accountId, appId, externalId } = account();
  const event = { accountId, appId, externalId, createdAt: clock.now() };
  const lastError = { side: "incoming", code: "upstream-unreachable", detail: "no way", at: since };
  expect(told).toMatchObject([
    { ...event, type: "account.connected", data: { state: "connected", since, lastError: null } },
    { ...event, type: "account.unreachable", data: { state: "unreachable", since, lastError } },
    { ...event, type: "account.recovered", data: { state: "connected", since, lastError: null } },
  ]);
  expect(woken).toEqual(told.map(() => `events ${appId}`));
});

describe("a refused password", () => {
  test("is not tried again because something else of the account was changed", async () => {
    const { counts, change, lend } = setup({ login: refuse });
    for (let version = 1; version <= 30; version += 1) {
      change({ version, metadata: { count: String(version) }, name: `${version}` });
      expect(await lend()).toBe("account-authentication-failed");
    }
    expect(counts.opened).toBe(1);
  });

  test("is tried again at once when the password was changed", async () => {
    const { counts, change, lend } = setup({ login: refuse });
    await lend();
    change({ sealedIncomingPassword: "sealed-2" });
    await lend();
    expect(counts.opened).toBe(2);
  });

  test("stops this side after the third try, and only this side", async () => {
    const { clock, states, change, lend } = setup({ login: refuse });
    for (const wait of [0, 60_000, 600_000]) {
      await clock.advance(wait);
      await lend();
    }
    expect(states.map(({ state }) => state)).toEqual(["degraded", "degraded", "authenticationFailed"]);
    const other = setup();
    other.change({
      state: "authenticationFailed",
      lastError: { side: "outgoing", code: "account-authentication-failed", detail: "", at: 1 },
    });
    expect(await other.lend()).toMatchObject({ fresh: true });
    expect(other.states).toEqual([]);
    change({ state: "authenticationFailed" });
    expect(await lend()).toBe("account-authentication-failed");
  });
});

test("a session is lent though its state can't be written, and none is lost", async () => {
  const away = () => Promise.reject(new Failure("storage-unavailable", "The disk is full."));
  const { counts, lend } = setup({ writes: away });
  for (let n = 0; n < 5; n += 1) {
    const lease = await lend();
    if (typeof lease === "string") throw new Error(lease);
    lease.release();
  }
  expect(counts).toEqual({ opened: 1, closed: 0 });
});

test("what is found out is written about the version that was read", async () => {
  const { states, change, lend } = setup();
  change({ version: 7 });
  await lend();
  expect(states).toEqual([{ state: "connected", side: undefined, version: 7 }]);
});

test("a server that asks for patience in the middle of the work gets no login for that long", async () => {
  const { clock, counts, lend } = setup();
  const lease = await lend();
  if (typeof lease === "string") throw new Error(lease);
  lease.failed(new Error("something else"));
  lease.failed(new Failure("upstream-throttled", "Suggested Backoff Time", { retryAfter: 299 }));
  lease.discard();
  await clock.advance(298_000);
  expect(await lend()).toBe("upstream-throttled");
  await clock.advance(1_000);
  expect(await lend()).toMatchObject({ fresh: true });
  expect(counts.opened).toBe(2);
});

test("a server that lets in no session at all is told with a time to try again", async () => {
  const login = () => {
    throw new Failure("account-busy", "too many connections");
  };
  const { mailboxes, account } = setup({ login });
  await expect(mailboxes.lend(account())).rejects.toMatchObject({ code: "account-busy", details: { retryAfter: 5 } });
});

describe("a maildrop", () => {
  const maildrop = { ...server, protocol: "pop3", auth: { type: "password", username: "u" } } as const;

  test("is lent to one at a time, and each sees it anew", async () => {
    const { counts, change, lend, mailboxes, account } = setup();
    change({ incoming: maildrop });
    const first = await mailboxes.lend(account(), { stream: true });
    expect(mailboxes.awaited(account())).toBe(false);
    const second = lend();
    await Promise.resolve();
    expect(counts).toEqual({ opened: 1, closed: 0 });
    expect(mailboxes.awaited(account())).toBe(true);
    first.release();
    expect(await second).toMatchObject({ fresh: true });
    expect(counts).toEqual({ opened: 2, closed: 1 });
    expect(mailboxes.awaited(account())).toBe(false);
  });

  test("that another session holds is tried a few times, then told as locked", async () => {
    let failures = 2;
    const { clock, counts, change, lend } = setup({
      login() {
        if (failures-- > 0) throw new Failure("mailbox-locked", "in use");
      },
    });
    change({ incoming: maildrop });
    const late = lend();
    for (const wait of [0, 500, 1_500]) await clock.advance(wait);
    expect(await late).toMatchObject({ fresh: true });
    expect(counts.opened).toBe(3);

    const locked = setup({
      login() {
        throw new Failure("mailbox-locked", "in use");
      },
    });
    locked.change({ incoming: maildrop });
    const never = locked.lend();
    for (const wait of [0, 500, 1_500, 3_000]) await locked.clock.advance(wait);
    expect(await never).toBe("mailbox-locked");
    expect(locked.counts.opened).toBe(4);
  });

  test("is not tried again where the server takes its time to say that it is locked", async () => {
    let tell = (): void => {};
    const slow = new Promise<void>((resolve) => (tell = resolve));
    const { clock, counts, change, mailboxes, account } = setup({
      login: () => slow.then(() => Promise.reject(new Failure("mailbox-locked", "in use"))),
    });
    change({ incoming: maildrop });
    const late = mailboxes.lend(account()).catch((error: unknown) => error);
    await clock.advance(9_000);
    tell();
    expect(await late).toMatchObject({ code: "mailbox-locked", details: { retryAfter: 10 } });
    expect(counts.opened).toBe(1);
  });

  test("whose password is refused is not tried again at once", async () => {
    const { counts, change, lend } = setup({ login: refuse });
    change({ incoming: maildrop });
    expect(await lend()).toBe("account-authentication-failed");
    expect(await lend()).toBe("account-authentication-failed");
    expect(counts.opened).toBe(1);
  });

  test("whose reader left in the middle of work is given up at once, and any other session when the work is done", async () => {
    for (const [incoming, closed] of [
      [maildrop, 1],
      [{ ...server, auth: maildrop.auth }, 0],
    ] as const) {
      const { counts, change, mailboxes, account } = setup();
      change({ incoming });
      const lease = await mailboxes.lend(account(), {});
      const work = Promise.withResolvers<void>();
      lease.leave(work.promise);
      const next = mailboxes.lend(account(), {});
      await next;
      expect(counts).toEqual({ opened: 2, closed });
      work.resolve();
      await work.promise;
      expect(counts.closed).toBe(closed);
    }
  });

  test("may be kept by a stream that nobody reads for 30 seconds, any other session for 5 minutes", async () => {
    const { change, mailboxes, account } = setup();
    expect((await mailboxes.lend(account(), { stream: true })).pauseMs).toBe(300_000);
    change({ incoming: maildrop, id: "acc_other" });
    expect((await mailboxes.lend(account(), { stream: true })).pauseMs).toBe(110_000);
  });

  test("that is locked is not tried again for a caller who left", async () => {
    const { clock, counts, change, mailboxes, account } = setup({
      login() {
        throw new Failure("mailbox-locked", "in use");
      },
    });
    change({ incoming: maildrop });
    const left = new AbortController();
    const asked = mailboxes.lend(account(), { signal: left.signal }).catch((error: unknown) => error);
    for (const wait of [0, 500]) await clock.advance(wait);
    expect(counts.opened).toBe(2);
    left.abort();
    expect(await asked).toMatchObject({ code: "request-timeout" });
    for (const wait of [1_500, 3_000]) await clock.advance(wait);
    expect(counts.opened).toBe(2);
  });
});
