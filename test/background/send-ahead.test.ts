import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import type { AccountRow } from "../../src/store/rows.ts";
import type { SubmissionRow } from "../../src/store/submission-rows.ts";
import { type Answer, type Scripted, startScripted } from "../protocols/smtp/scripted.ts";
import { openOutbox, type Outbox } from "./outbox.ts";
import { openHouse } from "./sending-house.ts";

/** On a fast server, the write before a message's dot is begun while the answer to the dot of the one before is awaited. */

const opened: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

type Said = (nth: number) => Answer | null;

/**
 * An account whose server has been fast so far. `dot` and `mail` say what becomes of the messages from then on, counted from 0; null: what
 * is usual. `atDots` are the states on disk of the rows, as the dots came in.
 */
async function provenOutbox({ dot, mail }: { dot?: Said; mail?: Said } = {}) {
  let begun = Infinity;
  const atDots: string[] = [];
  const said = (how: Said | undefined, nth: number): Answer => how?.(nth - begun) ?? "250 2.0.0 ok";
  const server: Scripted = await startScripted({
    MAIL: (_, nth) => said(mail, nth),
    dot(_, nth) {
      const sent = server.heard.findLast((line) => line.startsWith("message:")) ?? "";
      atDots.push(stateOf(/Message-ID: <(\S+)@/.exec(sent)?.[1] ?? ""));
      return said(dot, nth);
    },
  });
  opened.push(server);
  const outbox = await openOutbox();
  opened.push(outbox);
  const disk = new Database(join(outbox.directory, "postern.db"), { readonly: true });
  opened.push({ close: () => void disk.close() });
  const stateOf = (id: string): string => {
    const row = disk.prepare<[string], { state: string }>("select state from submissions where id = ?").get(id);
    return row?.state ?? "none";
  };

  const account = await outbox.account({ port: server.port });
  for (let n = 0; n < 10; n += 1) await outbox.accept(account);
  await outbox.flush();
  begun = atDots.length;
  return { outbox, server, account, atDots };
}

async function accept(outbox: Outbox, account: AccountRow, howMany: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < howMany; n += 1) ids.push(await outbox.accept(account, { body: `number ${n}\r\n` }));
  return ids;
}

async function rowsOf(outbox: Outbox, account: AccountRow, ids: string[]): Promise<SubmissionRow[]> {
  return Promise.all(ids.map((id) => outbox.row(account, id)));
}

/** How often each message went out whole. */
function timesSent(server: Scripted, ids: string[]): number[] {
  const messages = server.heard.filter((line) => line.startsWith("message:"));
  return ids.map((id) => messages.filter((message) => message.includes(`<${id}@`)).length);
}

const count = <T>(some: T[], one: T): number => some.filter((other) => other === one).length;

describe("a message that is written to be committing before its turn", () => {
  test("is so on disk when its dot comes in, and goes out once", async () => {
    const { outbox, server, account, atDots } = await provenOutbox();
    const ids = await accept(outbox, account, 40);
    await outbox.flush();
    expect(atDots).toEqual(Array(50).fill("committing"));
    expect(
      (await rowsOf(outbox, account, ids)).every(({ state, attempts }) => state === "sent" && attempts === 1),
    ).toBe(true);
    expect(timesSent(server, ids)).toEqual(Array(40).fill(1));
  });

  test("is tried again, and not uncertain, when the line of the one before is lost after its dot", async () => {
    const { outbox, server, account, atDots } = await provenOutbox({
      dot: (nth) => (nth === 5 ? { end: "close" } : null),
    });
    const ids = await accept(outbox, account, 30);
    await outbox.flush();
    const then = (await rowsOf(outbox, account, ids)).map(({ state }) => state);
    expect(count(then, "uncertain")).toBe(1);
    expect(count(then, "queued") + count(then, "sent")).toBe(29);
    expect(count(then, "queued")).toBeGreaterThan(0);
    const queued = (await rowsOf(outbox, account, ids)).filter(({ state }) => state === "queued");
    expect(queued.every(({ attempts }) => attempts === 0)).toBe(true);
    await outbox.clock.advance(10_000);
    await outbox.flush();
    const now = (await rowsOf(outbox, account, ids)).map(({ state }) => state);
    expect([count(now, "uncertain"), count(now, "sent")]).toEqual([1, 29]);
    expect(timesSent(server, ids)).toEqual(Array(30).fill(1));
    expect(atDots).toEqual(Array(40).fill("committing"));
  });

  test("goes over another line when the server takes the one before and then leaves", async () => {
    const { outbox, server, account } = await provenOutbox({
      dot: (nth) => (nth === 5 ? { end: "close", say: "250 2.0.0 ok\r\n421 4.3.2 leaving" } : null),
    });
    const ids = await accept(outbox, account, 30);
    await outbox.flush();
    expect((await rowsOf(outbox, account, ids)).map(({ state }) => state)).toEqual(Array(30).fill("sent"));
    expect(timesSent(server, ids)).toEqual(Array(30).fill(1));
  });

  test.each([
    ["for good", "550 5.7.1 not you", "failed"],
    ["for now", "451 4.3.0 later", "queued"],
  ])("and whose MAIL is refused %s has that outcome, and no other", async (_, said, state) => {
    const { outbox, server, account } = await provenOutbox({ mail: (nth) => (nth === 6 ? said : null) });
    const ids = await accept(outbox, account, 30);
    await outbox.flush();
    const rows = await rowsOf(outbox, account, ids);
    expect(
      count(
        rows.map((row) => row.state),
        state,
      ),
    ).toBe(1);
    expect(
      count(
        rows.map((row) => row.state),
        "sent",
      ),
    ).toBe(29);
    const times = timesSent(server, ids);
    expect([count(times, 0), count(times, 1)]).toEqual([1, 29]);
  });
});

describe("what is committing ahead", () => {
  const lanes = 3;

  /** A fast account, whose server then takes dots and says nothing. */
  async function silentHouse() {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1 }));
    house.queue(id, 20);
    await house.pass(60, 1);
    house.serve(id, () => ({ ms: 1, replyMs: 1_000_000 }));
    const rows = house.queue(id, 40);
    await house.pass(20, 1);
    return { house, id, rows };
  }

  test("is no more than a message for each line", async () => {
    const { house, id, rows } = await silentHouse();
    expect(house.states(id)).toEqual({ sent: 20, committing: 2 * lanes, sending: rows.length - 2 * lanes });
    expect(house.dotsOf(id)).toHaveLength(20 + lanes);
  });

  test("is given back as it was when nothing may be sent any more", async () => {
    const { house, id, rows } = await silentHouse();
    void house.sender().stop();
    for (let n = 0; n < 10; n += 1) await house.clock.advance(10);
    expect(house.states(id)).toEqual({ sent: 20, committing: lanes, queued: rows.length - lanes });
    const given = rows.filter(({ state }) => state === "queued");
    expect(given.every(({ attempts, owner }) => attempts === 0 && owner === null)).toBe(true);
  });

  test("is uncertain after a death, and none is sent twice", async () => {
    const { house, id } = await silentHouse();
    house.die();
    house.serve(id, () => ({ ms: 1 }));
    await house.pass(60_000, 500);
    expect(house.states(id)).toEqual({ sent: 54, uncertain: 2 * lanes });
    const dotted = house.dotsOf(id).map((one) => one.id);
    expect(new Set(dotted).size).toBe(dotted.length);
  });
});
