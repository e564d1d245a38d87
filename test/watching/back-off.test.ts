import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { away, emptyMaildrop, lent, underWatch } from "./under-watch.ts";

const hour = 3_600_000;

test("a polled account that fails now and then is as soon back after each failure as after the first", async () => {
  let looks = 0;
  const { clock, waits, end } = underWatch({
    lend: async () => {
      looks += 1;
      if (looks % 10 === 0) throw away();
      return lent();
    },
  });
  await clock.pass(12 * hour);
  await end();
  expect(waits.length).toBeGreaterThan(8);
  expect(new Set(waits)).toEqual(new Set([1_000]));
});

test("an account that always fails is not tried again with each login of another at its host", async () => {
  let tries = 0;
  const { clock, pace, host, end } = underWatch({
    lend: async () => {
      tries += 1;
      throw away();
    },
  });
  for (let second = 0; second < 600; second += 1) {
    await clock.pass(1_000);
    pace.passed(host);
  }
  await end();
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThan(45);
});

test("a session that lies idle takes no other account's turn to log in", async () => {
  const turnAfter = async (rests: boolean): Promise<number> => {
    const { clock, pace, host, end } = underWatch({ lend: async () => lent(), rests });
    await clock.pass(0);
    const { promise, resolve } = Promise.withResolvers<number>();
    void pace.turn(host, new AbortController().signal, (at) => resolve(at - clock.now()));
    await end();
    return promise;
  };
  expect([await turnAfter(true), await turnAfter(false)]).toEqual([0, 1]);
});

test("the waits grow until a session has lasted five minutes, and then begin anew", async () => {
  const minutes = [0, 0, 0, 4, 6, 0];
  const { clock, waits, end } = underWatch({
    account: { watch: { mode: "push", folders: "all", notifySince: null } },
    every: { folders: 60_000, maildrop: 60_000 },
    async watch({ now }) {
      const until = now() + (minutes.shift() ?? 0) * 60_000;
      const folders = async (): Promise<[]> => {
        if (now() >= until) throw away();
        return [];
      };
      return emptyMaildrop({ folders });
    },
  });
  await clock.pass(11 * 60_000);
  await end();
  expect(waits.slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 1_000, 2_000]);
});

/** How long an account waits after each of its looks, all of which fail, in two days; `random` spreads them. */
async function waitsOfFailing(random: number): Promise<number[]> {
  const lend = async () => {
    throw new Failure("upstream-protocol-error", "The mail server said something strange.");
  };
  const { clock, waits, end } = underWatch({ lend, random });
  await clock.pass(48 * hour);
  await end();
  return waits;
}

test("the waits double up to an hour, and never one is longer", async () => {
  const waits = await waitsOfFailing(1);
  expect(waits.slice(0, 3)).toEqual([1_500, 3_000, 6_000]);
  expect(waits.slice(-10)).toEqual(Array.from({ length: 10 }, () => hour));
  expect(Math.max(...waits)).toBe(hour);
});

test("the waits are spread, the longest ones too", async () => {
  const [shortest, longest] = [await waitsOfFailing(0), await waitsOfFailing(1)];
  expect([shortest[0], longest[0]]).toEqual([500, 1_500]);
  expect([shortest.at(-1), longest.at(-1)]).toEqual([hour / 3, hour]);
});

test("the looks at all folders, and at a maildrop, are spread around their interval", async () => {
  const gap = async (kind: "folders" | "maildrop", random: number): Promise<number> => {
    const looks: number[] = [];
    const { clock, end } = underWatch({
      random,
      async lend({ now }) {
        looks.push(now());
        return lent({ ...emptyMaildrop(), watching: { ...emptyMaildrop().watching, kind } });
      },
    });
    await clock.pass(400_000);
    await end();
    return (looks[1] ?? 0) - (looks[0] ?? 0);
  };
  expect([await gap("folders", 0), await gap("folders", 1)]).toEqual([54_000, 66_000]);
  expect([await gap("maildrop", 0), await gap("maildrop", 1)]).toEqual([270_000, 330_000]);
});
