import { expect, test } from "vitest";
import type { Expression } from "../../../src/mail/search.ts";
import { systemClock } from "../../../src/observe.ts";
import type { Call } from "../../../src/protocols/pop3/call.ts";
import { listedFields } from "../../../src/protocols/pop3/header-facts.ts";
import { makeJudge } from "../../../src/protocols/pop3/judge.ts";
import type { Maildrop } from "../../../src/protocols/pop3/maildrop.ts";
import type { Pop3Session } from "../../../src/protocols/pop3/open-pop3.ts";
import { keptInMemory } from "./kept-maildrop.ts";

test("others have their turns while many long headers are looked through", async () => {
  const words = Array.from({ length: 4_000 }, () => "=?utf-8?q?a?=").join(" ");
  const listed = listedFields(Buffer.from(`Subject: ${words}\r\n\r\n`));
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
  const maildrop: Pick<Maildrop, "numbers" | "keyOf" | "identify" | "sizesOf" | "readFieldsOf"> = {
    numbers,
    keyOf: (number) => ({ kind: "uidl", value: `u${number}` }),
    identify: async () => {},
    sizesOf: async () => new Map(numbers.map((number) => [number, 70_000])),
    readFieldsOf: () => listed,
  };
  const call: Call = {
    session: { host: "localhost" } as Pop3Session,
    maildrop: maildrop as Maildrop,
    kept: keptInMemory(),
    clock: systemClock,
    log: { write() {} },
    until: systemClock.now() + 20_000,
  };
  const expression: Expression = { op: "subject", value: "b" };
  const judge = await makeJudge(call, expression);
  let turns = 0;
  let isOver = false;
  const take = (): void => {
    turns++;
    if (!isOver) setImmediate(take);
  };
  setImmediate(take);
  const { judged } = await judge(call, numbers, 10);
  isOver = true;
  expect(judged.map(({ is }) => is)).toEqual(numbers.map(() => false));
  expect(turns).toBeGreaterThanOrEqual(19);
});
