import { expect, test } from "vitest";
import { Failure, type FailureCode } from "../../src/errors.ts";
import { accountRow } from "../store/rows.ts";
import { emptyMaildrop, lent, underWatch, type OwnTime, type Servers } from "./under-watch.ts";

const minute = 60_000;
const incoming = accountRow().incoming;
const account: NonNullable<Servers["account"]> = { incoming: incoming && { ...incoming, protocol: "pop3" } };

function refusal(code: FailureCode, responseCode: string | null, retryAfter: number | null): Failure {
  const upstream = { protocol: "pop3" as const, host: "pop.example", phase: "login" };
  return new Failure(code, "The mail server lets nobody in now.", {
    ...(retryAfter !== null && { retryAfter }),
    upstream: { ...upstream, ...(responseCode !== null && { responseCode }) },
  });
}

/** Looks at a maildrop for a day whose `login` lets in or refuses; the minutes between the looks that got through. */
async function minutesBetween(login: (clock: OwnTime) => ReturnType<typeof lent>, random = 0.5): Promise<number[]> {
  const looks: number[] = [];
  const lend = async (clock: OwnTime) => {
    const session = login(clock);
    looks.push(clock.now());
    return session;
  };
  const { clock, end } = underWatch({ lend, account, random });
  await clock.pass(24 * 60 * minute);
  await end();
  return looks.slice(1).map((at, n) => (at - (looks[n] ?? 0)) / minute);
}

/** A server that wants so many minutes between two logins, and refuses those that come sooner. */
function strict(minutes: number, refused: Failure) {
  let last = -Infinity;
  const counted = { refusals: 0 };
  const login = ({ now }: OwnTime) => {
    if (now() - last < minutes * minute) {
      counted.refusals += 1;
      throw refused;
    }
    last = now();
    return lent();
  };
  return { counted, login };
}

test.each([
  ["with [LOGIN-DELAY]", refusal("upstream-throttled", "LOGIN-DELAY", 1_200)],
  ["in words of its own", refusal("upstream-throttled", null, 1_200)],
  ["with [IN-USE]", refusal("mailbox-locked", "IN-USE", 1_200)],
])("a server that complains of the pace %s is asked half as often from then on", async (_, refused) => {
  const { login, counted } = strict(20, refused);
  const gaps = await minutesBetween(login);
  // Five minutes, then ten, are too soon.
  expect(counted.refusals).toBe(2);
  expect(gaps.slice(0, 2)).toEqual([25, 30]);
  expect(new Set(gaps.slice(2))).toEqual(new Set([20]));
});

test("however often it refuses in a row, that is one complaint", async () => {
  const gaps = await minutesBetween(strict(9, refusal("upstream-throttled", "LOGIN-DELAY", null)).login);
  expect(new Set(gaps.slice(1))).toEqual(new Set([10]));
});

test("a maildrop is looked at once an hour at least, however much its server complains", async () => {
  let tries = 0;
  const gaps = await minutesBetween(() => {
    if ((tries += 1) % 2 === 0) throw refusal("mailbox-locked", "IN-USE", 60);
    return lent();
  });
  expect(gaps.slice(0, 4)).toEqual([6, 11, 21, 41]);
  expect(new Set(gaps.slice(4))).toEqual(new Set([61]));
});

test("a trouble of the server's own, a line that is lost and a first login too soon are no complaints", async () => {
  const others = [
    refusal("upstream-throttled", "LOGIN-DELAY", 60),
    null,
    refusal("upstream-throttled", "SYS/TEMP", 60),
    null,
    refusal("upstream-unreachable", null, 60),
  ];
  const gaps = await minutesBetween(() => {
    const other = others.shift() ?? null;
    if (other !== null) throw other;
    return lent();
  });
  expect(gaps.slice(0, 2).map(Math.floor)).toEqual([6, 6]);
  expect(new Set(gaps.slice(2))).toEqual(new Set([5]));
});

test("what the server announces between two logins is never undercut, and a complaint doubles it", async () => {
  const announcing = () => lent(emptyMaildrop({ loginDelay: 1_500 }));
  expect(new Set(await minutesBetween(announcing, 0))).toEqual(new Set([25]));
  let tries = 0;
  const gaps = await minutesBetween(() => {
    if ((tries += 1) === 2) throw refusal("upstream-throttled", "LOGIN-DELAY", 1_500);
    return announcing();
  });
  expect(gaps[0]).toBe(50);
  expect(new Set(gaps.slice(1))).toEqual(new Set([50]));
  expect(new Set(await minutesBetween(() => lent(emptyMaildrop({ loginDelay: 60 }))))).toEqual(new Set([5]));
});

test("a server that announces more than a day between two logins is looked at once a day", async () => {
  expect(await minutesBetween(() => lent(emptyMaildrop({ loginDelay: 999_999_999 })))).toEqual([24 * 60]);
});

test("what the server of one account has taught slows no other account", async () => {
  const every = { folders: minute, maildrop: 5 * minute };
  const { login } = strict(20, refusal("upstream-throttled", "LOGIN-DELAY", 1_200));
  const { clock, end } = underWatch({ lend: async (at) => login(at), account, every });
  await clock.pass(120 * minute);
  await end();
  expect(every).toEqual({ folders: minute, maildrop: 5 * minute });
});
