import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Killed, killAfterCommit, killAt, startKilled } from "./kill-moments.ts";

describe("Postern is killed", () => {
  let killed: Killed;
  beforeAll(async () => {
    killed = await startKilled();
  });
  afterAll(() => killed.stop());

  const once = { state: "sent", warnings: [], taken: 1, takenAfter: null };
  test.each(["mail", "content"] as const)("before the dot (%s): the message is sent once", async (moment) => {
    for (const onUncertain of ["hold", "retry"] as const)
      expect(await killAt(killed, moment, onUncertain)).toEqual(once);
  });

  test("with the dot under way, or taken and not yet told: it is uncertain, and is not sent again by itself", async () => {
    const uncertain = { state: "uncertain", warnings: [] };
    expect(await killAt(killed, "dot", "hold")).toEqual({ ...uncertain, taken: 0, takenAfter: 1 });
    expect(await killAt(killed, "answer", "hold")).toEqual({ ...uncertain, taken: 1, takenAfter: 2 });
  });

  test("so where the account wants it sent again: it is, and says that it may come twice", async () => {
    const again = { ...once, warnings: ["possible-duplicate"] };
    expect(await killAt(killed, "dot", "retry")).toEqual(again);
    expect(await killAt(killed, "answer", "retry")).toEqual({ ...again, taken: 2 });
  });

  test("between the commit and its 202: the message is there, and the same key again is the same message", async () => {
    expect(await killAfterCommit(killed, 12)).toBe(1);
  });
});
