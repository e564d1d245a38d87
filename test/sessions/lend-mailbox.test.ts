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
  let account: AccountRow = {
    ...accountRow(),
    incoming: { ...server, auth: { type: "password", username: "u" } },
    sealedIncomingPassword: "sealed-1",
    state: "connecting",
  };
  const mailboxes = createMailboxes({
    clock,
    log: { write() {} },
    forget() {},
    accounts: {
      async setState({ version }, { state, lastError }) {
        await options.writes?.();
        states.push({ state, side: lastError?.side, version });
        account = { ...account, state, lastError };
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
  return { clock, counts, states, change, lend, mailboxes, account: () => account };
}

const refuse = (): never => {
  throw new Failure("account-authentication-failed", "refused");
};

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
    const second = lend();
    await Promise.resolve();
    expect(counts).toEqual({ opened: 1, closed: 0 });
    first.release();
    expect(await second).toMatchObject({ fresh: true });
    expect(counts).toEqual({ opened: 2, closed: 1 });
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
});
