import { existsSync } from "node:fs";

import { expect, test } from "vitest";

import { startPostern } from "./postern.ts";
import { leftovers } from "./scratch.ts";

test("a Postern answers with its first keys, also after it was killed and started again, and is gone when stopped", async () => {
  const postern = await startPostern();
  const me = async (key: string): Promise<unknown> =>
    (await fetch(`${postern.url}/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).json();
  expect(leftovers().filter((each) => each.startsWith("process"))).toHaveLength(1);
  expect(await me(postern.operatorKey)).toMatchObject({ kind: "operator" });
  const first = await me(postern.appKey);
  expect(first).toMatchObject({ kind: "app", app: { id: postern.appId } });

  const killed = postern.pid();
  await postern.kill9();
  await expect(me(postern.appKey)).rejects.toThrow("fetch failed");
  await postern.restart();
  expect(postern.pid()).not.toBe(killed);
  expect(await me(postern.appKey)).toEqual(first);
  expect(postern.stdout.some((line) => line.includes('"operation":"me.get"'))).toBe(true);

  await postern.stop();
  expect(postern.stdout.at(-1)).toContain("server.stopped");
  expect(existsSync(postern.data)).toBe(false);
  expect(leftovers()).toEqual([]);
});

test("a Postern that can't start says why, and leaves nothing", async () => {
  await expect(startPostern({ env: { POSTERN_PORTT: "1" } })).rejects.toThrow(
    /did not start: it ended with 1[^]*POSTERN_PORTT is not a variable/,
  );
  expect(leftovers()).toEqual([]);
});
