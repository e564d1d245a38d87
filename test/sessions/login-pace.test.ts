import { expect, test } from "vitest";
import { createLoginPace } from "../../src/sessions/login-pace.ts";
import { createFakeClock } from "../fake-clock.ts";

function setup(perSecond: number, fleet = { live: () => 1 }) {
  const clock = createFakeClock();
  const pace = createLoginPace(clock, perSecond, fleet);
  const begun = clock.now();
  const passed: string[] = [];
  /** Takes a turn; when it was told to come. */
  const take = (name: string, host = "h", signal = new AbortController().signal): number => {
    let told = NaN;
    void pace.turn(host, signal, (at) => (told = at - begun)).then(() => passed.push(name));
    return told;
  };
  return { clock, take, passed };
}

test("each is told at once when its turn is, which comes then", async () => {
  const { clock, take, passed } = setup(10);
  expect([take("a"), take("b"), take("c"), take("other", "i")]).toEqual([0, 100, 200, 0]);
  await clock.advance(0);
  expect(passed).toEqual(["a", "other"]);
  await clock.advance(199);
  expect(passed).toEqual(["a", "other", "b"]);
  await clock.advance(1);
  expect(passed).toEqual(["a", "other", "b", "c"]);
  await clock.advance(1_000);
  expect(take("d")).toBe(1_200);
});

test("several processes keep the pace together", async () => {
  let live = 3;
  const { take } = setup(10, { live: () => live });
  expect([take("a"), take("b"), take("c")]).toEqual([0, 300, 600]);
  live = 2;
  expect([take("d"), take("e")]).toEqual([900, 1_100]);
});

test("a clock that was set back makes nobody wait longer", async () => {
  const { clock, take } = setup(10);
  expect([take("a"), take("b")]).toEqual([0, 100]);
  await clock.advance(-500);
  expect(take("c")).toBe(200);
  await clock.advance(-3_600_000);
  expect([take("d"), take("e")]).toEqual([-3_600_500, -3_600_400]);
});

test("a turn that is not waited for any more is another's, the earliest first, unless its time is over", async () => {
  const { clock, take } = setup(10);
  const left = new AbortController();
  take("a");
  const given = [take("b", "h", left.signal), take("c", "h", left.signal), take("d", "h", left.signal)];
  expect(given).toEqual([100, 200, 300]);
  left.abort();
  await clock.advance(150);
  expect([take("e"), take("f"), take("g")]).toEqual([200, 300, 400]);
});

test("thousands wait as long as that takes", async () => {
  const { clock, take, passed } = setup(20);
  const told = Array.from({ length: 4_000 }, (_, at) => take(String(at)));
  expect(told.at(-1)).toBe(199_950);
  for (let second = 0; second < 200; second += 1) await clock.advance(1_000);
  expect(passed).toHaveLength(4_000);
});
