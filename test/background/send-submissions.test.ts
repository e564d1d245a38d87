import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { openHouse, outgoing, people, refusal } from "./sending-house.ts";

const minute = 60_000;
const day = 1_440 * minute;
const after = (ms: number) => () => ({ ms });

describe("what is due", () => {
  test("is sent once, as soon as it is there, and told", async () => {
    const house = openHouse();
    const id = house.account({}, after(10));
    await house.pass(5_000);
    const [row] = house.queue(id);
    const queuedAt = house.clock.now();
    const final = house.wake.wait("submission-final", row?.id ?? "", day);
    const told = house.wake.wait("events", "app", day);
    await house.pass(10);
    expect(house.begunOf(id)).toEqual([
      expect.objectContaining({ id: row?.id, at: queuedAt, to: ["bob@example.org"] }),
    ]);
    expect(row).toMatchObject({ state: "sent", attempts: 1, nextAttemptAt: null, finishedAt: queuedAt + 10 });
    expect(row?.recipients).toMatchObject([{ state: "accepted", code: 250 }]);
    expect(await final).toBe(true);
    expect(await told).toBe(true);
    expect(house.events).toMatchObject([{ type: "submission.sent", accountId: id, data: { id: row?.id } }]);
    expect(house.logged).toEqual([
      {
        event: "submission",
        fields: expect.objectContaining({ submissionId: row?.id, state: "sent", attempt: 1, accepted: 1, ms: 10 }),
      },
    ]);
    expect(JSON.stringify(house.logged)).not.toContain("@");
    expect(house.metrics.counted).toEqual(new Map([["postern_submission_attempts_total sent", 1]]));
    await house.pass(10 * minute, 5_000);
    expect(house.dots).toHaveLength(1);
    expect(house.lent.now).toBe(0);
  });

  test("waits for its time", async () => {
    const house = openHouse();
    const id = house.account();
    const [row] = house.queue(id, 1, { state: "scheduled", nextAttemptAt: house.clock.now() + 10 * minute });
    await house.pass(10 * minute - 1, minute);
    expect(house.begun).toEqual([]);
    await house.pass(10, 1);
    expect(row?.state).toBe("sent");
  });

  test("comes in batches: claims, contents, dots and outcomes are written together, over three connections", async () => {
    const house = openHouse();
    const id = house.account({}, after(10));
    house.queue(id, 300);
    await house.pass(2_000, 5);
    expect(house.states(id)).toEqual({ sent: 300 });
    expect(new Set(house.dots.map((dot) => dot.id)).size).toBe(300);
    expect(house.dots).toHaveLength(300);
    expect(house.mostOpen.get(id)).toBe(3);
    expect(Math.max(...house.sizes("claim due"))).toBeGreaterThan(20);
    expect(Math.max(...house.sizes("contents"))).toBeGreaterThan(20);
    expect(Math.max(...house.sizes("commit"))).toBe(3);
    expect(Math.max(...house.sizes("settle"))).toBeGreaterThanOrEqual(3);
    expect(house.sizes("claim due").length).toBeLessThan(40);
    expect(house.sizes("read")).toEqual([]);
    // A lane keeps its connection.
    expect(house.lent.ever).toBeLessThan(20);
    expect(house.lent.now).toBe(0);
  });

  test("takes no more than it sends soon: what waits can be canceled", async () => {
    const house = openHouse();
    const id = house.account({}, after(2_000));
    house.queue(id, 100);
    await house.pass(60_000, 500);
    expect(house.states(id)["sending"]).toBeLessThanOrEqual(6);
  });

  test("is read as it goes out where it is long", async () => {
    const house = openHouse();
    const id = house.account();
    const [row] = house.queue(id, 1, { size: 1_000_000 });
    await house.pass(100, 10);
    expect(row?.state).toBe("sent");
    expect(house.sizes("contents")).toEqual([]);
    expect(house.sizes("read")).toEqual([1]);
  });

  test("of an account that is gone is let go", async () => {
    const house = openHouse();
    const id = house.account();
    house.queue(id);
    house.accounts.delete(id);
    await house.pass(100, 10);
    expect(house.begun).toEqual([]);
  });
});

describe("isolation", () => {
  test("a dead server holds up nobody, and is tried less and less", async () => {
    const house = openHouse();
    const dead = house.account({}, () => ({ ms: 10_000, fail: refusal("upstream-timeout", 0, "connect") }));
    const good = house.account({}, after(10));
    house.queue(dead, 100);
    house.queue(good, 100);
    await house.pass(2_000, 10);
    expect(house.states(good)).toEqual({ sent: 100 });
    expect(house.mostOpen.get(dead)).toBe(1);
    await house.pass(10 * minute, 1_000);
    // Ten seconds each, and 5, 10, 20, 40, 60, 60, … in between.
    expect(house.begunOf(dead).length).toBeLessThanOrEqual(12);
    expect([...house.rows.values()].filter(({ accountId, attempts }) => accountId === dead && attempts > 1)).toEqual(
      [],
    );
  });

  test("a hundred black holes leave hands for the others", async () => {
    const house = openHouse();
    for (let n = 0; n < 100; n += 1) house.queue(house.account({}, after(600_000)), 5);
    await house.pass(20_000, 1_000);
    const good = house.account({}, after(10));
    house.queue(good, 50);
    await house.pass(11_000, 100);
    expect(house.states(good)).toEqual({ sent: 50 });
  });

  test("neither do those whose connection takes for ever, and one message opens one", async () => {
    const house = openHouse();
    const good = house.account({}, after(10));
    house.queue(good);
    await house.pass(100, 10);
    house.queue(good);
    await house.pass(100, 10);
    expect(house.lent.ever).toBe(2);
    house.world.lendMs = 600_000;
    for (let n = 0; n < 100; n += 1) house.queue(house.account(), 5);
    await house.pass(20_000, 1_000);
    house.world.lendMs = 0;
    house.queue(good, 50);
    await house.pass(11_000, 100);
    expect(house.states(good)).toEqual({ sent: 52 });
  });

  test("more accounts than hands are served in turns", async () => {
    const house = openHouse();
    const ids = Array.from({ length: 100 }, () => house.account({}, after(100)));
    for (const id of ids) house.queue(id, 200);
    await house.pass(5_000, 50);
    const least = Math.min(...ids.map((id) => house.dotsOf(id).length));
    expect(least).toBeGreaterThan(2);
    const atOnce = house.metrics.gauges.get("postern_submissions_under_way") ?? 0;
    expect(atOnce).toBeGreaterThan(48);
    expect(atOnce).toBeLessThanOrEqual(64);
  });

  test("a server that allows two connections gets two, and no message is the worse for it", async () => {
    const house = openHouse();
    const busy = refusal("account-busy", 421, "greeting");
    const id = house.account({}, () => (house.openOf(id) > 2 ? { ms: 1, fail: busy } : { ms: 20 }));
    house.queue(id, 100);
    await house.pass(3_000, 5);
    expect(house.states(id)).toEqual({ sent: 100 });
    expect([...house.rows.values()].every(({ attempts }) => attempts === 1)).toBe(true);
    expect(house.begunOf(id).length).toBeLessThan(105);
  });
});

describe("trying again", () => {
  test("goes by the schedule, to those only who are left", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: 1, ...(nth === 0 && { code: 451, only: "carol" }) }));
    const [row] = house.queue(id, 1, { recipients: people("bob", "carol") });
    await house.pass(10, 1);
    expect(row).toMatchObject({ state: "queued", attempts: 1, lastError: null });
    expect(row?.recipients.map(({ state }) => state)).toEqual(["accepted", "deferred"]);
    expect(row?.nextAttemptAt).toBeGreaterThanOrEqual(house.clock.now() + minute - 100);
    expect(house.events.map(({ type }) => type)).toEqual(["submission.deferred"]);
    await house.pass(2 * minute, 1_000);
    expect(row).toMatchObject({ state: "sent", attempts: 2 });
    expect(house.begun.map(({ to }) => to)).toEqual([["bob@example.org", "carol@example.org"], ["carol@example.org"]]);
  });

  test("a failure of the whole attempt is told with its code; one by a limit is final", async () => {
    const house = openHouse();
    const away = house.account({}, () => ({ ms: 1, fail: refusal("upstream-unreachable", 421, "connect") }));
    const small = house.account({}, () => ({ ms: 1, fail: refusal("message-too-large", 552, "MAIL FROM") }));
    const [first] = house.queue(away);
    const [second, third] = house.queue(small, 2);
    await house.pass(100, 1);
    expect(first).toMatchObject({ state: "queued", lastError: { code: "upstream-unreachable" } });
    expect(second).toMatchObject({ state: "failed", lastError: { code: "message-too-large" } });
    // It is no reason to doubt the server.
    expect(third?.state).toBe("failed");
  });

  test("454 defers the message, and does not stop the account", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) =>
      nth === 0 ? { ms: 1, fail: refusal("upstream-throttled", 454) } : { ms: 1 },
    );
    const [row] = house.queue(id);
    await house.pass(10, 1);
    expect(row).toMatchObject({ state: "queued", attempts: 1, recipients: [{ state: "deferred", code: 454 }] });
    expect(house.accounts.get(id)?.state).toBe("connected");
    await house.pass(2 * minute, 1_000);
    expect(row?.state).toBe("sent");
  });

  test.each([
    { code: 421, text: "closing" },
    { code: 450, enhancedCode: "4.7.0" },
    { code: 451, text: "Rate limit reached" },
  ])("$code $enhancedCode $text slows the account, not only the message", async (refused) => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: 1, ...(nth < 2 && refused) }));
    house.queue(id, 50);
    await house.pass(59_000, 500);
    expect(house.begunOf(id)).toHaveLength(1);
    await house.pass(2_000, 500);
    expect(house.begunOf(id)).toHaveLength(2);
    await house.pass(10 * minute, 1_000);
    expect(house.states(id)).toEqual({ sent: 50 });
    const attempts = [...house.rows.values()].map((row) => row.attempts);
    expect(attempts.filter((n) => n > 1).length).toBeLessThanOrEqual(2);
  });

  test("a message that only some servers refuse for now slows nobody", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: 1, ...(nth === 0 && { code: 450, enhancedCode: "4.2.0" }) }));
    house.queue(id, 20);
    await house.pass(200, 5);
    expect(house.states(id)).toEqual({ sent: 19, queued: 1 });
  });

  test("ends when the message expires, with the last answer as the reason", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, code: 451, text: "later" }));
    const [row] = house.queue(id);
    await house.pass(4 * day, 10 * minute);
    expect(row).toMatchObject({
      state: "failed",
      warnings: ["expired"],
      recipients: [{ state: "rejected", code: 451, text: "later" }],
    });
    expect(row?.attempts).toBe(house.begunOf(id).length);
    expect(row?.attempts).toBeGreaterThan(18);
    expect(house.events.at(-1)?.type).toBe("submission.failed");
  });

  test("a message that is found after its time is not sent", async () => {
    const house = openHouse();
    const id = house.account();
    const [row] = house.queue(id, 1, { deliverBefore: house.clock.now() - 1 });
    await house.pass(10);
    expect(row).toMatchObject({ state: "failed", attempts: 0, warnings: ["expired"] });
    expect(house.begun).toEqual([]);
  });
});

describe("a transaction that takes some only", () => {
  test("is followed by the next at once, and each dot says whom it is for", async () => {
    const house = openHouse();
    const marks: unknown[] = [];
    const id = house.account({}, () => ({ ms: 1, takes: 2 }));
    const [row] = house.queue(id, 1, { recipients: people("a", "b", "c", "d", "e") });
    house.world.beforeDot = () => marks.push(row?.recipients.map(({ state }) => state));
    await house.pass(50, 1);
    expect(row).toMatchObject({ state: "sent", attempts: 1 });
    expect(house.dots.map(({ to }) => to.map((email) => email[0]).join(""))).toEqual(["ab", "cd", "e"]);
    // As the row stood before the second and the third dot were announced.
    expect(marks[1]).toEqual(["uncertain", "uncertain", "pending", "pending", "pending"]);
    expect(marks[2]).toEqual(["accepted", "accepted", "uncertain", "uncertain", "pending"]);
  });

  test("and dies after the second dot: nobody of the first two is sent to again, the others are", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: nth === 1 ? day : 1, takes: 2 }));
    const [row] = house.queue(id, 1, { recipients: people("a", "b", "c", "d", "e") });
    await house.pass(50, 1);
    await house.sender().step();
    // The second transaction is under way: as though its dot had been announced.
    if (row !== undefined) {
      row.state = "committing";
      row.recipients = row.recipients.map((one, n) => ({
        ...one,
        state: (["accepted", "accepted", "uncertain", "uncertain", "pending"] as const)[n] ?? "pending",
      }));
    }
    house.die();
    house.serve(id, after(1));
    await house.pass(5 * minute, 1_000);
    expect(house.begun.at(-1)?.to).toEqual(["e@example.org"]);
    expect(row?.state).toBe("uncertain");
    expect(row?.recipients.map(({ state }) => state)).toEqual([
      "accepted",
      "accepted",
      "uncertain",
      "uncertain",
      "accepted",
    ]);
  });

  test("says so too where the write before the dot was begun early, for all", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, takes: 2 }));
    house.queue(id, 20);
    await house.pass(200, 1);
    const [row] = house.queue(id, 1, { recipients: people("a", "b", "c") });
    const marks: unknown[] = [];
    house.world.beforeDot = () => marks.push([row?.state, ...(row?.recipients ?? []).map(({ state }) => state)]);
    await house.pass(50, 1);
    expect(marks).toEqual([
      ["committing", "pending", "pending", "pending"],
      ["committing", "uncertain", "uncertain", "pending"],
    ]);
    expect(row).toMatchObject({ state: "sent", attempts: 1 });
  });

  test.each([2, 3])("and dies after the last dot, %i at once: nobody is sent to again", async (takes) => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, takes }));
    const [row] = house.queue(id, 1, { recipients: people("a", "b", "c", "d", "e") });
    house.world.failsOnly = "settle";
    await house.pass(100, 1);
    expect(house.dots.flatMap(({ to }) => to)).toHaveLength(5);
    house.die();
    house.world.failsOnly = null;
    await house.pass(10 * minute, 1_000);
    expect(house.dots.flatMap(({ to }) => to)).toHaveLength(5);
    expect(row).toMatchObject({ state: "uncertain", recipients: [{ state: "accepted" }, {}, {}, {}, {}] });
    expect(row?.recipients.at(-1)?.state).toBe("uncertain");
  });

  test("and gets nowhere, ends", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, takes: 1, code: 451 }));
    const [row] = house.queue(id, 1, { recipients: people("a", "b") });
    await house.pass(50, 1);
    expect(house.begun).toHaveLength(1);
    expect(row).toMatchObject({ state: "queued", recipients: [{ state: "deferred" }, { state: "pending" }] });
  });
});

describe("a line lost after the dot", () => {
  test("leaves it uncertain, and it is not sent again", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, lost: true }));
    const [row] = house.queue(id);
    await house.pass(day, minute);
    expect(row).toMatchObject({ state: "uncertain", recipients: [{ state: "uncertain" }], finishedAt: null });
    expect(house.dots).toHaveLength(1);
    expect(house.events.map(({ type }) => type)).toEqual(["submission.uncertain"]);
  });

  test("makes no queue uncertain at once", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, lost: true }));
    house.queue(id, 100);
    await house.pass(4_000, 10);
    expect(house.states(id)["uncertain"]).toBe(1);
  });

  test("is sent again where the account prefers a duplicate, and says so", async () => {
    const house = openHouse();
    const id = house.account({ onUncertain: "retry" }, (nth) => ({ ms: 1, lost: nth === 0 }));
    const [row] = house.queue(id);
    await house.pass(10, 1);
    expect(row).toMatchObject({ state: "queued", warnings: ["possible-duplicate"] });
    await house.pass(2 * minute, 1_000);
    expect(row).toMatchObject({ state: "sent", warnings: ["possible-duplicate"] });
    expect(house.dots).toHaveLength(2);
  });

  test("is asked for in the sent folder first where the provider files copies", async () => {
    const house = openHouse();
    const incoming = { ...outgoing("imap.gmail.com"), protocol: "imap" } as const;
    const id = house.account({ onUncertain: "retry", incoming }, () => ({ ms: 1, lost: true }));
    const [row] = house.queue(id);
    const woken = house.wake.wait("follow-ups", id, minute);
    await house.pass(10, 1);
    expect(row).toMatchObject({ state: "uncertain", followUps: ["look-in-sent"], warnings: [] });
    expect(row?.followUpAt).toBeGreaterThan(house.clock.now());
    expect(await woken).toBe(true);
  });
});

describe("a worker that died", () => {
  test("before the dot: the message is sent by the next", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: nth === 0 ? day : 1 }));
    const [row] = house.queue(id);
    await house.pass(10);
    house.die();
    await house.pass(100, 1);
    expect(row?.state).toBe("sent");
    expect(house.dots).toHaveLength(1);
  });

  test("between the dot and its outcome: nobody knows, and nobody sends it again", async () => {
    const house = openHouse();
    const id = house.account({}, after(1));
    const [row] = house.queue(id);
    house.world.failsOnly = "settle";
    await house.pass(100, 1);
    expect(row?.state).toBe("committing");
    expect(house.dots).toHaveLength(1);
    house.die();
    house.world.failsOnly = null;
    await house.pass(5 * minute, 1_000);
    expect(row).toMatchObject({ state: "uncertain", recipients: [{ state: "uncertain" }], attempts: 1 });
    expect(house.dots).toHaveLength(1);
  });

  test("three times over it: it is parked as failed, or as uncertain where a dot may have gone out", async () => {
    const house = openHouse();
    const id = house.account({ onUncertain: "retry" });
    const lost = { owner: "dead", leaseUntil: house.clock.now(), deaths: 2, nextAttemptAt: null };
    const [before] = house.queue(id, 1, { ...lost, state: "sending" });
    const [dotted] = house.queue(id, 1, { ...lost, state: "committing" });
    await house.pass(100, 1);
    expect(before).toMatchObject({ state: "failed", warnings: ["parked"], lastError: { code: "internal" } });
    expect(dotted).toMatchObject({ state: "uncertain", warnings: ["parked"] });
    expect(house.begun).toEqual([]);
    expect(house.logged.filter(({ event }) => event === "submission.parked")).toHaveLength(2);
  });

  test("twice over many: they are sent one at a time, and none waits for more than the one before", async () => {
    const house = openHouse();
    const id = house.account();
    const lost = { owner: "dead", leaseUntil: house.clock.now(), deaths: 1, nextAttemptAt: null };
    const rows = house.queue(id, 10, { ...lost, state: "sending" });
    await house.pass(1_000, 10);
    expect(rows.every(({ state }) => state === "sent")).toBe(true);
  });

  test("or froze: its dot is refused once another has the claim", async () => {
    const house = openHouse();
    const id = house.account();
    const [row] = house.queue(id);
    house.world.beforeDot = () => {
      if (row !== undefined) row.epoch += 1;
    };
    await house.pass(10, 1);
    expect(house.begun).toHaveLength(1);
    expect(house.dots).toEqual([]);
    expect(house.logged.map(({ event }) => event)).toEqual(["submission.abandoned"]);
    expect(row?.state).toBe("sending");
  });

  test("one claim of several that is another's holds back its own dot only", async () => {
    const house = openHouse();
    const id = house.account({}, after(10));
    house.queue(id, 1);
    await house.pass(20, 5);
    const all = house.queue(id, 3);
    const [, stolen] = all;
    house.world.beforeDot = (which) => {
      if (stolen !== undefined && which === stolen.id) stolen.epoch += 1;
    };
    await house.pass(100, 5);
    expect(Math.max(...house.sizes("commit"))).toBe(3);
    expect(all.map(({ state }) => state)).toEqual(["sent", "sending", "sent"]);
    expect(house.dots.some((dot) => dot.id === stolen?.id)).toBe(false);
  });

  test("is not taken for one that slept: what it holds is extended before more is claimed", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => ({ ms: nth % 3 === 0 ? 5_000 : 2_000 }));
    house.queue(id, 60);
    await house.pass(30_000, 500);
    for (let night = 0; night < 5; night += 1) {
      await house.clock.advance(60_000);
      await house.pass(10_000, 500);
    }
    await house.pass(10 * minute, 500);
    expect(house.states(id)).toEqual({ sent: 60 });
    expect(house.dots).toHaveLength(60);
    expect(house.logged.filter(({ event }) => event !== "submission")).toEqual([]);
    expect([...house.rows.values()].filter(({ attempts }) => attempts !== 1)).toEqual([]);
  });

  test("with its account stopped: it is told, and what had no dot can be taken back", async () => {
    const house = openHouse();
    const id = house.account({ state: "paused" });
    const lost = { owner: "dead", leaseUntil: house.clock.now(), nextAttemptAt: null, attempts: 1 };
    const [before] = house.queue(id, 1, { ...lost, state: "sending" });
    const [dotted] = house.queue(id, 1, { ...lost, state: "committing" });
    await house.pass(100, 1);
    expect(before).toMatchObject({ state: "queued", attempts: 1 });
    expect(dotted).toMatchObject({ state: "uncertain" });
    expect(house.begun).toEqual([]);
  });

  test("a lane that breaks does not keep its claim for ever", async () => {
    let breaks = false;
    const house = openHouse({
      random: () => {
        if (breaks) throw new Error("no luck");
        return 0.5;
      },
    });
    const id = house.account();
    const [row] = house.queue(id);
    house.world.beforeDot = () => {
      breaks = true;
    };
    await house.pass(10, 1);
    expect(house.logged.map(({ event }) => event)).toEqual(["submissions.lane_broke"]);
    breaks = false;
    await house.pass(minute, 1_000);
    expect(row?.state).toBe("uncertain");
    expect(house.dots).toHaveLength(1);
  });

  test("a long sending keeps its claim", async () => {
    const house = openHouse();
    const id = house.account({}, after(5 * minute));
    const [row] = house.queue(id);
    await house.pass(4 * minute, 1_000);
    expect(row).toMatchObject({ state: "sending", epoch: 1 });
    expect(row?.leaseUntil).toBeGreaterThan(house.clock.now());
    await house.pass(2 * minute, 1_000);
    expect(row?.state).toBe("sent");
  });
});

describe("the write before the dot", () => {
  test("is begun with the transaction where the server is fast, and waits for the dot where it is not", async () => {
    const house = openHouse();
    const fast = house.account({}, after(4));
    const slow = house.account({}, after(1_000));
    house.queue(fast, 100);
    house.queue(slow, 10);
    await house.pass(1_000, 1);
    expect(house.states(fast)).toEqual({ sent: 100 });
    const early = house.queue(fast);
    await house.pass(2, 1);
    expect(early[0]?.state).toBe("committing");
    await house.pass(5_000, 100);
    house.queue(slow);
    await house.pass(500, 100);
    expect(house.states(slow)["sending"]).toBeGreaterThan(0);
    expect(house.states(slow)["committing"]).toBeUndefined();
    await house.pass(10_000, 100);
    expect(new Set(house.dots.map(({ id }) => id)).size).toBe(house.dots.length);
  });

  test("leaves nothing uncertain where no dot came of it", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) =>
      nth < 100 ? { ms: 2 } : { ms: 2, fail: refusal("account-authentication-failed", 530, "MAIL FROM") },
    );
    house.queue(id, 110);
    await house.pass(minute, 5);
    const states = house.states(id);
    expect(Object.keys(states).toSorted()).toEqual(["queued", "sent"]);
    expect(states["sent"]).toBe(house.dots.length);
    const waiting = [...house.rows.values()].filter(({ state }) => state === "queued");
    expect(waiting.every(({ attempts }) => attempts === 0)).toBe(true);
  });
});

describe("a database that is away", () => {
  test("after the dot forgets nothing that the server said", async () => {
    const house = openHouse();
    const id = house.account({ onUncertain: "retry" }, after(1));
    const rows = house.queue(id, 5);
    house.world.beforeDot = () => {
      house.world.failsOnly = "settle";
    };
    await house.pass(30_000, 500);
    expect(house.states(id)["sent"]).toBeUndefined();
    house.world.failsOnly = null;
    house.world.beforeDot = () => {};
    await house.pass(10_000, 500);
    expect(rows.every(({ state }) => state === "sent")).toBe(true);
    expect(house.dots).toHaveLength(5);
  });

  test("while a dot is to be announced sends none, and counts no attempt", async () => {
    const house = openHouse();
    const id = house.account({}, after(1));
    const [row] = house.queue(id);
    house.world.failsOnly = "commit";
    await house.pass(1_000, 10);
    expect(house.dots).toEqual([]);
    expect(row).toMatchObject({ state: "queued", attempts: 0 });
    expect(house.events).toEqual([]);
    house.world.failsOnly = null;
    await house.pass(10_000, 500);
    expect(row).toMatchObject({ state: "sent", attempts: 1 });
  });

  test("altogether stops nothing for good", async () => {
    const house = openHouse();
    const id = house.account({}, after(1));
    house.world.isAway = true;
    house.queue(id, 10);
    await house.pass(10_000, 1_000);
    house.world.isAway = false;
    await house.pass(10_000, 1_000);
    expect(house.states(id)).toEqual({ sent: 10 });
  });
});

describe("a refused login", () => {
  const refused = () => ({ ms: 1, fail: refusal("account-authentication-failed", 535) });

  test("stops the queue and counts no attempt; it is tried at 0, 1 and 10 minutes, by one connection", async () => {
    const house = openHouse();
    const id = house.account({}, refused);
    house.queue(id, 20);
    const from = house.clock.now();
    await house.pass(10, 1);
    expect(house.accounts.get(id)?.state).toBe("degraded");
    await house.pass(10 * 60 * minute, 5_000);
    expect(house.accounts.get(id)?.state).toBe("authenticationFailed");
    expect(house.begunOf(id).map(({ at }) => Math.round((at - from) / minute))).toEqual([0, 1, 11]);
    expect(house.states(id)).toEqual({ queued: 20 });
    expect([...house.rows.values()].every(({ attempts }) => attempts === 0)).toBe(true);
    expect(house.events).toEqual([]);
  });

  test("lets the queue go on as soon as the account is changed and its queue woken", async () => {
    const house = openHouse();
    const id = house.account({}, refused);
    house.queue(id, 20);
    await house.pass(60 * minute, 5_000);
    house.alter(id, { sealedOutgoingPassword: "another", state: "connected", lastError: null });
    house.serve(id, after(1));
    house.wake.wake("submissions", id);
    await house.pass(1_000, 10);
    expect(house.states(id)).toEqual({ sent: 20 });
  });

  test("with a password that is another by now says nothing of that one", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => (nth === 0 ? { ...refused(), ms: 5_000 } : { ms: 1 }));
    house.queue(id);
    await house.pass(1_000, 100);
    house.alter(id, { sealedOutgoingPassword: "another" });
    house.queue(id);
    await house.pass(5_000, 100);
    expect(house.accounts.get(id)).toMatchObject({ state: "connected", lastError: null });
    expect(house.states(id)).toEqual({ sent: 2 });
  });

  test("lets messages expire all the same", async () => {
    const house = openHouse();
    const id = house.account({}, refused);
    const [short] = house.queue(id, 1, { deliverBefore: house.clock.now() + 30 * minute });
    const [long] = house.queue(id);
    await house.pass(31 * minute, 5_000);
    expect(short).toMatchObject({ state: "failed", warnings: ["expired"], attempts: 0 });
    expect(long?.state).toBe("queued");
    expect(house.sizes("claim expired").length).toBeLessThan(80);
  });

  test("in the middle of a message keeps what became of the others", async () => {
    const house = openHouse();
    const id = house.account({}, (nth) => (nth === 0 ? { ms: 1, takes: 1 } : refused()));
    const [row] = house.queue(id, 1, { recipients: people("a", "b") });
    await house.pass(50, 1);
    expect(row).toMatchObject({ state: "queued", attempts: 1 });
    expect(row?.recipients.map(({ state }) => state)).toEqual(["accepted", "deferred"]);
  });

  test("a paused account sends nothing until it is resumed", async () => {
    const house = openHouse();
    const id = house.account({ state: "paused" });
    house.queue(id, 3);
    const [short] = house.queue(id, 1, { deliverBefore: house.clock.now() + minute });
    await house.pass(2 * minute, 5_000);
    expect(house.begun).toEqual([]);
    expect(short).toMatchObject({ state: "failed", warnings: ["expired"] });
    house.alter(id, { state: "connecting" });
    await house.pass(40_000, 1_000);
    expect(house.states(id)).toEqual({ sent: 3, failed: 1 });
  });

  test("an account that is paused while it sends stops after what it has claimed", async () => {
    const house = openHouse();
    const id = house.account({}, after(100));
    house.queue(id, 500);
    await house.pass(2_000, 50);
    house.alter(id, { state: "paused" });
    const dots = house.dots.length;
    await house.pass(minute, 100);
    expect(house.dots.length - dots).toBeLessThan(60);
    expect(house.states(id)["sending"]).toBeUndefined();
  });
});

describe("a rate", () => {
  test("holds in every minute, and a few go at once", async () => {
    const house = openHouse();
    const id = house.account({ outgoing: outgoing("acc_001", 60) }, after(5));
    house.queue(id, 200);
    const from = house.clock.now();
    await house.pass(3 * minute, 50);
    const at = house.begunOf(id).map((one) => one.at - from);
    for (const start of at)
      expect(at.filter((one) => one >= start && one < start + minute).length).toBeLessThanOrEqual(60);
    expect(at.length).toBeGreaterThan(150);
    expect(at.filter((one) => one < 500).length).toBeGreaterThanOrEqual(2);
    expect(house.states(id)["sending"] ?? 0).toBeLessThanOrEqual(3);
  });

  test("is the provider's where the account has none", async () => {
    const house = openHouse();
    const id = house.account({ id: "smtp.office365.com" }, after(5));
    house.queue(id, 100);
    await house.pass(minute - 1, 100);
    const sent = house.dotsOf(id).length;
    expect(sent).toBeLessThanOrEqual(30);
    expect(sent).toBeGreaterThan(25);
  });
});

describe("the end", () => {
  test("gives back what was not begun, and waits for what was", async () => {
    const house = openHouse();
    const id = house.account({}, after(100));
    house.queue(id, 50);
    await house.pass(500, 50);
    const stopped = house.sender().stop();
    await house.clock.advance(100);
    await house.clock.advance(100);
    await house.clock.advance(100);
    await stopped;
    const states = house.states(id);
    expect(Object.keys(states).toSorted()).toEqual(["queued", "sent"]);
    expect(states["sent"]).toBe(house.dots.length);
    expect(
      [...house.rows.values()].filter(({ state }) => state === "queued").every(({ attempts }) => attempts === 0),
    ).toBe(true);
    expect(house.lent.now).toBe(0);
  });

  test("keeps the claims of what takes long: its outcome is nobody else's to find out", async () => {
    const house = openHouse();
    const id = house.account({}, after(minute));
    const [row] = house.queue(id);
    await house.pass(10);
    const stopped = house.sender().stop();
    for (let passed = 0; passed < 59_000; passed += 250) {
      await house.clock.advance(250);
      expect(row?.leaseUntil).toBeGreaterThan(house.clock.now());
    }
    for (let n = 0; n < 10; n += 1) await house.clock.advance(250);
    await stopped;
    expect(row?.state).toBe("sent");
  });
});

describe("what breaks", () => {
  test("is tried again, and tells nothing but our own fault", async () => {
    const house = openHouse({
      vault: {
        openText: () => {
          throw new Failure("internal", "The secret is another one.");
        },
      },
    });
    const id = house.account();
    const [row] = house.queue(id);
    await house.pass(100, 10);
    expect(row).toMatchObject({ state: "queued", lastError: { code: "internal" }, attempts: 1 });
  });
});
