import { afterEach, expect, test } from "vitest";
import { failureOf } from "../failure-of.ts";
import { makeBench, usualCapa } from "./scripted-pop3.ts";

const bench = makeBench();
afterEach(() => bench.end());

const delayed = [...usualCapa, "LOGIN-DELAY 120"];
/** A server that has not promised to say [AUTH]. */
const silentOnAuth = usualCapa.filter((name) => name !== "AUTH-RESP-CODE");

test.for([
  ["[AUTH] wrong", "account-authentication-failed"],
  ["[auth] wrong", "account-authentication-failed"],
  ["[AUTH] wrong, try again later", "account-authentication-failed"],
  ["[IN-USE] Do you have another session?", "mailbox-locked"],
  ["[LOGIN-DELAY] too soon", "upstream-throttled", 120],
  ["[LOGIN-DELAY] minimum time between mail checks: 90 seconds", "upstream-throttled", 90],
  ["[SYS/TEMP] mailbox on a failed disk", "upstream-throttled"],
  ["[SYS/PERM] your account is not enabled for POP", "refused-by-server"],
  ["[SYS] anything", "upstream-throttled"],
  ["Exceeded the login limit for a 15 minute period. Reduce the frequency of requests.", "upstream-throttled", 900],
  ["login allowed only every 15 minutes", "upstream-throttled", 900],
  ["login rate too high", "upstream-throttled", 120],
  ["Too many concurrent connections", "account-busy"],
  ["maildrop already locked", "mailbox-locked"],
  ["can't lock mailbox", "mailbox-locked"],
  ["Unable to lock maildrop: another POP3 session is active", "mailbox-locked"],
  ["temporary authentication failure", "upstream-throttled"],
  ["Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", "refused-by-server"],
  ["who knows", "refused-by-server"],
] as const)("a login refused with %j is %s", async ([words, code, retryAfter]) => {
  const { open } = await bench.serve({ capa: delayed, answers: { AUTH: `-ERR ${words}\r\n` } });
  const failure = await failureOf(open());
  expect([failure.code, failure.details.retryAfter]).toEqual([code, retryAfter]);
});

test("a login refused without a code is the password's fault, unless the server would have said so (RFC 3206 §6)", async () => {
  for (const answer of ["-ERR\r\n", "-ERR authentication failed\r\n", "-ERR invalid user or password\r\n"]) {
    const { open } = await bench.serve({ capa: silentOnAuth, answers: { AUTH: answer } });
    expect(await failureOf(open())).toMatchObject({ code: "account-authentication-failed" });
  }
});

test("what the server said is told with its code, on one line", async () => {
  const { open } = await bench.serve({ answers: { AUTH: "-ERR [IN-USE]  held\tby \x07 you\r\n" } });
  expect((await failureOf(open())).details.upstream).toEqual({
    protocol: "pop3",
    host: "localhost",
    phase: "login",
    responseCode: "IN-USE",
    text: "held by you",
  });
});

test.for([
  ["-ERR no such message, only 2 in maildrop", "message-gone"],
  ["-ERR There's no message 1.", "message-gone"],
  ["-ERR Message is deleted.", "message-gone"],
  ["-ERR message 1 does not exist", "message-gone"],
  ["-ERR [SYS/TEMP] the message can't be read", "upstream-throttled"],
  ["-ERR [SYS/PERM] broken", "refused-by-server"],
  ["-ERR", "refused-by-server"],
  ["-ERR whatever", "refused-by-server"],
] as const)("%j to RETR is %s, and the session lives on", async ([answer, code]) => {
  const { open } = await bench.serve({ answers: { RETR: `${answer}\r\n` } });
  const session = await open();
  expect(await failureOf(session.retr(1))).toMatchObject({ code, details: { upstream: { phase: "RETR" } } });
  expect(await session.stat()).toMatchObject({ count: 3 });
  expect(session.dead).toBe(false);
});
