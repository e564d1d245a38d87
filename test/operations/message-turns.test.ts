import { expect, test } from "vitest";
import { createMessageTurns } from "../../src/operations/message-turns.ts";

test("changes of one message run one after the other, whatever becomes of them; others don't wait", async () => {
  const turns = createMessageTurns();
  const seen: string[] = [];
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const work = (name: string, wait: Promise<void>) => async () => {
    seen.push(`${name} begins`);
    await wait;
    seen.push(`${name} ends`);
    if (name === "a") throw new Error("a failed");
    return name;
  };
  const a = turns("acc", ["m"], work("a", gate));
  const b = turns("acc", ["m"], work("b", Promise.resolve()));
  expect(await turns("acc", ["other"], work("c", Promise.resolve()))).toBe("c");
  go();
  await expect(a).rejects.toThrow("a failed");
  expect(await b).toBe("b");
  expect(seen).toEqual(["a begins", "c begins", "c ends", "a ends", "b begins", "b ends"]);
});

test("a change of several messages waits for all of them, and all that come later for it", async () => {
  const turns = createMessageTurns();
  const seen: string[] = [];
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const work = (name: string, wait?: Promise<void>) => async () => {
    await wait;
    seen.push(name);
  };
  const all = [
    turns("acc", ["b"], work("b", gate)),
    turns("acc", ["a", "b", "c"], work("abc")),
    turns("acc", ["c", "a"], work("ca")),
    turns("acc", ["d"], work("d")),
    turns("acc", ["a"], work("a")),
  ];
  await all[3];
  expect(seen).toEqual(["d"]);
  go();
  await Promise.all(all);
  expect(seen).toEqual(["d", "b", "abc", "ca", "a"]);
});
