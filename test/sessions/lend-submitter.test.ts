import { expect, test } from "vitest";
import type { Submitter } from "../../src/mail/submitter.ts";
import { createSubmitters } from "../../src/sessions/lend-submitter.ts";
import { createFakeClock } from "../fake-clock.ts";

function setup() {
  const clock = createFakeClock();
  const log: string[] = [];
  let count = 0;
  const open = (): Submitter => {
    const name = `submitter ${++count}`;
    log.push(`open ${name}`);
    return {
      limits: async () => ({ size: null, smtpUtf8: false, eightBitMime: false }),
      submit: async () => ({ recipients: [] }),
      close: async () => void log.push(`close ${name}`),
    };
  };
  return { clock, log, open, submitters: createSubmitters({ clock }) };
}

test("lends what is idle again, and closes it after half a minute", async () => {
  const { clock, log, open, submitters } = setup();
  const first = await submitters.lend({ id: "acc_1", version: "1" }, open);
  first.release();
  const second = await submitters.lend({ id: "acc_1", version: "1" }, open);
  expect(second.submitter).toBe(first.submitter);
  second.release();
  await clock.advance(29_999);
  expect(log).toEqual(["open submitter 1"]);
  await clock.advance(1);
  expect(log).toEqual(["open submitter 1", "close submitter 1"]);
});

test("opens two per account at most; a third loan waits ten seconds", async () => {
  const { clock, open, submitters } = setup();
  const first = await submitters.lend({ id: "acc_1", version: "1" }, open);
  await submitters.lend({ id: "acc_1", version: "1" }, open);
  const served = submitters.lend({ id: "acc_1", version: "1" }, open);
  first.release();
  expect((await served).submitter).toBe(first.submitter);
  const busy = submitters.lend({ id: "acc_1", version: "1" }, open).catch((error: unknown) => error);
  expect((await submitters.lend({ id: "acc_2", version: "1" }, open)).submitter).not.toBe(first.submitter);
  await clock.advance(10_000);
  expect(await busy).toMatchObject({ code: "account-busy" });
});

test("never lends what was opened for another version, was discarded, or is the account's no longer", async () => {
  const { log, open, submitters } = setup();
  (await submitters.lend({ id: "acc_1", version: "1" }, open)).release();
  (await submitters.lend({ id: "acc_1", version: "2" }, open)).discard();
  (await submitters.lend({ id: "acc_1", version: "2" }, open)).release();
  submitters.drop("acc_1");
  expect(log.filter((line) => line.startsWith("close"))).toHaveLength(3);
  const account = { id: "acc_1", version: "2" };
  submitters.gate.refused(account);
  expect(() => submitters.gate.check(account)).toThrow(/refused/);
  submitters.drop("acc_1");
  expect(() => submitters.gate.check(account)).not.toThrow();
});
