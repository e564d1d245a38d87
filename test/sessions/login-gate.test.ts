import { expect, test } from "vitest";
import { createLoginGate } from "../../src/sessions/login-gate.ts";
import { loginKey } from "../../src/sessions/login-key.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

const account = { id: "acc_1", version: "1" };
const refused = (code = "account-authentication-failed") => expect.objectContaining({ code });

test("a refused password is tried at 0, 1 and 10 minutes, and then no more", async () => {
  const clock = createFakeClock();
  const gate = createLoginGate(clock);
  gate.check(account);
  expect(gate.refused(account)).toEqual({ final: false });
  expect(() => gate.check(account)).toThrow(refused());
  await clock.advance(60_000);
  gate.check(account);
  expect(gate.refused(account)).toEqual({ final: false });
  await clock.advance(599_999);
  expect(() => gate.check(account)).toThrow(refused());
  await clock.advance(1);
  gate.check(account);
  expect(gate.refused(account)).toEqual({ final: true });
  await clock.advance(365 * 86_400_000);
  expect(() => gate.check(account)).toThrow(refused());
});

test("parallel refusals count once, a change of the account starts anew, a success forgets", () => {
  const gate = createLoginGate(createFakeClock());
  gate.refused(account);
  gate.refused(account);
  expect(gate.refused(account)).toEqual({ final: false });
  gate.check({ ...account, version: "2" });
  gate.passed(account.id);
  gate.check(account);
});

test("a login that went through in another process is told by the account's state, and forgets what was refused before it", async () => {
  const clock = createFakeClock();
  const gate = createLoginGate(clock);
  const row = accountRow({ state: "connected", stateSince: clock.now() });
  const incoming = (account = row) => loginKey(account, "incoming");
  await clock.advance(1_000);
  for (const wait of [60_000, 600_000, 1_000]) {
    gate.refused(incoming());
    await clock.advance(wait);
  }
  // Read before it was refused, or said to work no more.
  expect(() => gate.check(incoming())).toThrow(refused());
  const [state, stateSince] = ["degraded" as const, clock.now()];
  expect(() => gate.check(incoming({ ...row, state, stateSince }))).toThrow(refused());
  gate.check(incoming({ ...row, stateSince }));
  expect(gate.refused(incoming({ ...row, stateSince }))).toEqual({ final: false });
});
