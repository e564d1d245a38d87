import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Submitter, SubmitterLimits } from "../../src/mail/submitter.ts";
import { createSubmitters } from "../../src/sessions/lend-submitter.ts";
import { createFakeClock } from "../fake-clock.ts";

const limits: SubmitterLimits = { size: 1_000, smtpUtf8: false, eightBitMime: true, recipients: null };

/** @param refuse what the server says to a session more beside those that are open */
function setup(refuse: (open: number) => Failure | null = () => null) {
  const clock = createFakeClock();
  const log: string[] = [];
  let count = 0;
  let alive = 0;
  const open = (): Submitter => {
    const name = `submitter ${++count}`;
    let isOpen = false;
    return {
      async limits() {
        const refusal = isOpen ? null : refuse(alive);
        if (refusal !== null) throw refusal;
        if (!isOpen) log.push(`open ${name}`);
        if (!isOpen) alive += 1;
        isOpen = true;
        return limits;
      },
      submit: async () => ({ recipients: [], left: [] }),
      async close() {
        log.push(`close ${name}`);
        alive -= 1;
      },
    };
  };
  return { clock, log, open, submitters: createSubmitters({ clock }) };
}

const one = { id: "acc_1", version: "1" };

test("lends what is idle again, and closes it after half a minute", async () => {
  const { clock, log, open, submitters } = setup();
  const first = await submitters.lend(one, open);
  first.release();
  const second = await submitters.lend(one, open);
  expect(second.submitter).toBe(first.submitter);
  second.release();
  await clock.advance(29_999);
  expect(log).toEqual(["open submitter 1"]);
  await clock.advance(1);
  expect(log).toEqual(["open submitter 1", "close submitter 1"]);
});

test("opens three per account at most; a fourth loan waits ten seconds", async () => {
  const { clock, open, submitters } = setup();
  const first = await submitters.lend(one, open);
  await submitters.lend(one, open);
  await submitters.lend(one, open);
  const served = submitters.lend(one, open);
  first.release();
  expect((await served).submitter).toBe(first.submitter);
  const busy = submitters.lend(one, open).catch((error: unknown) => error);
  expect((await submitters.lend({ id: "acc_2", version: "1" }, open)).submitter).not.toBe(first.submitter);
  await clock.advance(10_000);
  expect(await busy).toMatchObject({ code: "account-busy" });
});

test("a server that allows one session only gets one, and the others wait for that", async () => {
  const busy = new Failure("account-busy", "The mail server allows no more connections for this account.");
  const { log, open, submitters } = setup((alive) => (alive > 0 ? busy : null));
  const first = await submitters.lend(one, open);
  const second = submitters.lend(one, open);
  const third = submitters.lend(one, open);
  first.release();
  const lease = await second;
  expect(lease.submitter).toBe(first.submitter);
  lease.release();
  expect((await third).submitter).toBe(first.submitter);
  expect(log).toEqual(["open submitter 1"]);
});

test("a login that fails is what lending fails with, and the next loan tries again", async () => {
  let refusal: Failure | null = new Failure("upstream-throttled", "The mail server can't check logins at the moment.");
  const { open, submitters } = setup(() => refusal);
  await expect(submitters.lend(one, open)).rejects.toBe(refusal);
  expect(submitters.limitsOf(one)).toBeNull();
  refusal = null;
  await expect(submitters.lend(one, open)).resolves.toBeDefined();
});

test("never lends what was opened for another version, was discarded, or is the account's no longer", async () => {
  const { log, open, submitters } = setup();
  (await submitters.lend(one, open)).release();
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

test("remembers what a login's server takes, for an hour, and not another's", async () => {
  const { clock, open, submitters } = setup();
  expect(submitters.limitsOf(one)).toBeNull();
  (await submitters.lend(one, open)).release();
  expect(submitters.limitsOf(one)).toEqual(limits);
  expect(submitters.limitsOf({ id: "acc_1", version: "2" })).toBeNull();
  expect(submitters.limitsOf({ id: "acc_2", version: "1" })).toBeNull();
  await clock.advance(3_600_000);
  expect(submitters.limitsOf(one)).toBeNull();
});

test("a session that is opened to verify the account tells it too, and closing the account's sessions forgets it not", async () => {
  const { open, submitters } = setup();
  await submitters.noted(one, open()).limits();
  submitters.drop("acc_1");
  expect(submitters.limitsOf(one)).toEqual(limits);
  await submitters.noted({ id: "acc_1", version: "2" }, open()).limits();
  expect(submitters.limitsOf(one)).toBeNull();
});
