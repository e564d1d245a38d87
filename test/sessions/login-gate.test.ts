import { expect, test } from "vitest";
import { createLoginGate } from "../../src/sessions/login-gate.ts";
import { createFakeClock } from "../fake-clock.ts";

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
