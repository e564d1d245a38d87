import { describe, expect, test } from "vitest";
import { accountRow } from "../store/rows.ts";
import { followUpHouse, sentRow } from "./follow-up-house.ts";

describe("the hands", () => {
  /** Work that lasts until it is let go. */
  function slowly() {
    const running: string[] = [];
    const done: (() => void)[] = [];
    let most = 0;
    const house = followUpHouse({
      async fileSentCopy(account, _row, mayStore) {
        running.push(account.id);
        most = Math.max(most, running.length);
        await new Promise<void>((resolve) => done.push(resolve));
        const isOurs = mayStore !== null && (await mayStore());
        running.splice(running.indexOf(account.id), 1);
        return isOurs ? "stored" : "absent";
      },
    });
    return { house, running, most: () => most, letGo: () => done.splice(0).forEach((end) => end()) };
  }

  test("are eight, and never two at one account: a long queue keeps nobody out", async () => {
    const { house, running, most, letGo } = slowly();
    const [busy, ...others] = Array.from({ length: 12 }, () => accountRow());
    if (busy === undefined) throw new Error("no account");
    const ids = Array.from({ length: 5 }, () => house.add(busy, sentRow(busy, house.clock.now())));
    await house.pass(1);
    expect(running).toEqual([busy.id]);
    ids.push(...others.map((account) => house.add(account, sentRow(account, house.clock.now()))));
    await house.pass(3);
    expect(new Set(running).size).toBe(running.length);
    expect(most()).toBe(8);
    for (let round = 0; round < 20; round += 1) {
      letGo();
      await house.pass(1);
    }
    expect(ids.map((id) => house.row(id).sentCopy)).toEqual(ids.map(() => "stored"));
    expect(most()).toBe(8);
  });

  test("hold what they work on for as long as it takes, and give up what another has taken", async () => {
    const { house, running, letGo } = slowly();
    const account = accountRow();
    const id = house.add(account, sentRow(account, house.clock.now()));
    await house.pass(600);
    expect(running).toHaveLength(1);
    expect(house.row(id).followUpAt).toBeGreaterThan(house.clock.now() + 30_000);
    house.rows.set(id, { ...house.row(id), followUpAt: house.clock.now() + 99_000 });
    letGo();
    await house.pass(1);
    expect(house.row(id)).toMatchObject({ sentCopy: "pending", followUpAt: house.clock.now() + 98_000 });
  });

  test("end what they have begun before they stop, and begin nothing more", async () => {
    const { house, letGo } = slowly();
    const [one, other] = [accountRow(), accountRow()];
    const id = house.add(one, sentRow(one, house.clock.now()));
    await house.pass(1);
    const stopped = house.follower.stop();
    const late = house.add(other, sentRow(other, house.clock.now()));
    await house.follower.step();
    letGo();
    await stopped;
    expect([house.row(id).sentCopy, house.row(late).followUpTries]).toEqual(["stored", 0]);
  });

  test("leave alone what is of an account that is gone", async () => {
    const house = followUpHouse();
    const account = accountRow();
    house.add(account, sentRow(account, house.clock.now()));
    house.drop(account);
    await house.pass(1);
    expect([house.asked, house.logged]).toEqual([[], []]);
  });
});
