import { expect, test } from "vitest";
import { createFakeClock } from "../../fake-clock.ts";
import { answers, firstPage, floods, openDialog, place, three } from "./dialog.ts";
import { fetchResponse, type Script } from "./scripted-imap.ts";
import { collect } from "../failure-of.ts";
import { failureOf } from "./session-on-dovecot.ts";

/** What ends the session when STATUS is answered so. */
const fatal: [what: string, script: Script, code: string][] = [
  ["a literal of 2 GiB", answers([/^STATUS/, "* STATUS {2147483648}\r\n"]), "upstream-protocol-error"],
  ["a literal of 10^30", answers([/^STATUS/, `* STATUS {1${"0".repeat(30)}}\r\n`]), "upstream-protocol-error"],
  [
    "a literal of a size in a million digits",
    answers([/^STATUS/, `* STATUS {${"9".repeat(1_000_000)}}\r\n`]),
    "upstream-protocol-error",
  ],
  ["a line that never ends", floods(/^STATUS/, `* STATUS ${"x".repeat(65_536)}`), "upstream-protocol-error"],
  ["a hundred million tokens", floods(/^STATUS/, "1 ".repeat(32_768)), "upstream-protocol-error"],
  [
    "parentheses 100,000 deep",
    answers([/^STATUS/, `* STATUS "x" ${"(".repeat(100_000)}${")".repeat(100_000)}\r\n<tag> OK\r\n`]),
    "upstream-protocol-error",
  ],
  [
    "STATUS responses without end",
    floods(/^STATUS/, '* STATUS "x" (MESSAGES 1)\r\n'.repeat(999)),
    "upstream-protocol-error",
  ],
  [
    "literals without end in one response",
    floods(/^STATUS/, `* STATUS "x" (${`{1000}\r\n${"x".repeat(1_000)} `.repeat(50)}`),
    "upstream-protocol-error",
  ],
  ["a list that is not closed", answers([/^STATUS/, '* STATUS "a" ((\r\n<tag> OK\r\n']), "upstream-protocol-error"],
  ["an open quote", answers([/^STATUS/, '* STATUS "Other (MESSAGES 1)\r\n<tag> OK\r\n']), "upstream-protocol-error"],
  [
    "a NUL in an atom",
    answers([/^STATUS/, "* STATUS Ot\u0000her (MESSAGES 1)\r\n<tag> OK\r\n"]),
    "upstream-protocol-error",
  ],
  [
    "a literal in the place of the status",
    answers([/^STATUS/, "* {5}\r\nhello (MESSAGES 1)\r\n<tag> OK\r\n"]),
    "upstream-protocol-error",
  ],
  ["a BYE", answers([/^STATUS/, "* BYE shutting down\r\n"]), "upstream-unreachable"],
  [
    "a reset",
    (command, _tag, socket) => {
      if (!command.startsWith("STATUS")) return undefined;
      socket.resetAndDestroy();
      return "";
    },
    "upstream-unreachable",
  ],
  ["a tagged BYE", answers([/^STATUS/, "<tag> BYE enough\r\n"]), "upstream-unreachable"],
  ["a tagged answer that is none", answers([/^STATUS/, "<tag> MAYBE\r\n"]), "upstream-protocol-error"],
  ["a BYE before the OK", answers([/^STATUS/, "* BYE done\r\n<tag> OK done\r\n"]), "upstream-unreachable"],
  ["a BYE with UNAVAILABLE", answers([/^STATUS/, "* BYE [UNAVAILABLE] maintenance\r\n"]), "upstream-throttled"],
  [
    "a BYE that asks for time",
    answers([/^STATUS/, "* BYE Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n"]),
    "upstream-throttled",
  ],
  [
    "a NO that asks for time",
    answers([/^STATUS/, "<tag> NO Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n* BYE 14\r\n"]),
    "upstream-throttled",
  ],
];
for (const [what, script, code] of fatal) {
  test(`${what} ends the session as ${code}`, async () => {
    const { mailbox, server } = await openDialog({ script });
    const startedAt = Date.now();
    expect((await failureOf(mailbox.status("Other"))).code).toBe(code);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(mailbox.dead).toBe(true);
    const sent = server.heard.length;
    expect((await failureOf(mailbox.list("INBOX", firstPage))).code).toBe(code);
    expect(server.heard).toHaveLength(sent);
  });
}

test("tells a BYE's words", async () => {
  const { mailbox } = await openDialog({ script: answers([/^STATUS/, "* BYE shutting down\r\n"]) });
  expect(await failureOf(mailbox.status("Other"))).toMatchObject({
    upstream: { phase: "STATUS", text: "shutting down" },
  });
});

/** What is odd, and can be lived with. */
const harmless: [what: string, script: Script][] = [
  ["lines end with LF only", answers([/^STATUS/, '* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\n<tag> OK\n'])],
  ["the OK has no words", answers([/^STATUS/, '* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n'])],
  ["the name is a literal", answers([/^STATUS/, "* STATUS {5}\r\nOther (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n"])],
  [
    "another command's tag is answered",
    answers([/^STATUS/, 'ZZ99 OK not yours\r\n* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n']),
  ],
  [
    "empty lines and continuations come unasked",
    answers([/^STATUS/, '\r\n+ go on\r\n* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n']),
  ],
  [
    "NULs stand before the line",
    answers([/^STATUS/, '\u0000\u0000* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n']),
  ],
  [
    "unknown responses come first",
    answers([
      /^STATUS/,
      '* XYZZY (1 2 "3")\r\n* 7 FROB\r\n* STATUS "Other" (MESSAGES 4 UIDVALIDITY 9)\r\n<tag> OK\r\n',
    ]),
  ],
];
for (const [what, script] of harmless) {
  test(`goes on where ${what}`, async () => {
    const { mailbox } = await openDialog({ script });
    expect(await mailbox.status("Other")).toMatchObject({ messages: 4, uidValidity: 9 });
    expect(mailbox.dead).toBe(false);
  });
}

test("does not wait for ever where only another command's tag is answered", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await openDialog({ script: answers([/^STATUS/, "ZZ99 OK not yours\r\n"]) }, { clock });
  const failed = failureOf(mailbox.status("Other"));
  await expect.poll(() => server.commands.some((command) => command.startsWith("STATUS"))).toBe(true);
  await clock.advance(29_000);
  expect(mailbox.dead).toBe(false);
  await clock.advance(2_000);
  expect((await failed).code).toBe("upstream-timeout");
  expect(mailbox.dead).toBe(true);
});

test("does not listen for ever to a server that talks of other things", async () => {
  const clock = createFakeClock();
  let heard = 0;
  const chatter: Script = (command, _tag, socket) => {
    if (!command.startsWith("STATUS")) return undefined;
    const more = setInterval(() => {
      heard++;
      socket.write("* OK still here\r\n".repeat(100));
      if (socket.destroyed) clearInterval(more);
    }, 1);
    return "";
  };
  const { mailbox } = await openDialog({ script: chatter }, { clock });
  const failed = failureOf(mailbox.status("Other"));
  await expect.poll(() => heard).toBeGreaterThan(20);
  await clock.advance(30_000);
  expect((await failed).code).toBe("upstream-timeout");
});

test("reads octet by octet what comes octet by octet", async () => {
  const line = "* STATUS {5}\r\nOther (MESSAGES 4 UIDVALIDITY 9)\r\n";
  const slow: Script = (command, tag, socket) => {
    if (!command.startsWith("STATUS")) return undefined;
    const octets = `${line}${tag} OK\r\n`.split("");
    const next = (): void => {
      const octet = octets.shift();
      if (octet !== undefined && !socket.destroyed) socket.write(octet, () => setImmediate(next));
    };
    next();
    return "";
  };
  const { mailbox } = await openDialog({ script: slow });
  expect(await mailbox.status("Other")).toMatchObject({ messages: 4, uidValidity: 9 });
});

const body = "x".repeat(1_000);
const raw = (announced: number, octets: string, after = ")\r\n<tag> OK\r\n"): string =>
  `* 2 FETCH (UID 12 RFC822.SIZE 1000 BODY[]<0> {${announced}}\r\n${octets}${after}`;

/** How a download fares: as a failure, never as a short success. */
const downloads: [what: string, script: Script, code: string][] = [
  [
    "the line is cut in the middle of the literal",
    (command, _tag, socket) => {
      if (!command.startsWith("UID FETCH")) return undefined;
      setTimeout(() => socket.destroy(), 20);
      return raw(1_000, body.slice(0, 400), "");
    },
    "upstream-unreachable",
  ],
  ["BYE comes before the OK", answers([/^UID FETCH/, raw(1_000, body, ")\r\n* BYE bye\r\n")]), "upstream-unreachable"],
  ["the literal is longer than announced", answers([/^UID FETCH/, raw(990, body)]), "upstream-protocol-error"],
  ["the literal is of 2 GiB", answers([/^UID FETCH/, raw(2_147_483_648, "")]), "upstream-protocol-error"],
  [
    "more comes than was asked for",
    answers([/^UID FETCH/, raw(300_000, "x".repeat(300_000))]),
    "upstream-protocol-error",
  ],
  [
    "the message comes again and again",
    floods(/^UID FETCH/, raw(100_000, "x".repeat(100_000), ")\r\n")),
    "upstream-protocol-error",
  ],
];
for (const [what, script, code] of downloads) {
  test(`a download fails where ${what}`, async () => {
    const { mailbox } = await openDialog({ script });
    expect((await failureOf(mailbox.openRaw(place).then(({ stream }) => collect(stream)))).code).toBe(code);
  });
}

test("a download fails where the literal is shorter than announced", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await openDialog(
    { script: answers([/^UID FETCH/, raw(1_000, body.slice(5)), ""]) },
    { clock },
  );
  const failed = failureOf(mailbox.openRaw(place).then(({ stream }) => collect(stream)));
  await expect.poll(() => server.commands.some((command) => command.startsWith("UID FETCH"))).toBe(true);
  // The end of the answer went into the literal: what is left of it is garbage, or silence.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await clock.advance(30_000);
  expect(["upstream-timeout", "upstream-protocol-error"]).toContain((await failed).code);
  expect(mailbox.dead).toBe(true);
});

test("the words of a tagged NO are told, without a code and without a text too", async () => {
  const { mailbox } = await openDialog({
    script: answers(
      [/^STATUS/, "<tag> NO Nope, not today\r\n", "<tag> NO\r\n", "<tag> NO [X-ODD (a b)]\r\n"],
      [/^LIST/, '* LIST () "/" "Other"\r\n<tag> OK\r\n'],
    ),
  });
  expect(await failureOf(mailbox.status("Other"))).toMatchObject({
    code: "refused-by-server",
    upstream: { phase: "STATUS", text: "Nope, not today" },
  });
  expect((await failureOf(mailbox.status("Other"))).code).toBe("refused-by-server");
  expect(await failureOf(mailbox.status("Other"))).toMatchObject({ upstream: { responseCode: "X-ODD" } });
  expect(mailbox.dead).toBe(false);
});

test("a listing goes on after a storm of news", async () => {
  const storm = "* 9 EXISTS\r\n* 1 EXPUNGE\r\n".repeat(20_000);
  const { mailbox } = await openDialog({
    script: answers(
      [/^NOOP/, `${storm}* 3 EXISTS\r\n<tag> OK\r\n`],
      [/^FETCH/, `${three}<tag> OK\r\n`],
      [/^UID FETCH/, `${fetchResponse(2, 12)}<tag> OK\r\n`],
    ),
  });
  expect((await mailbox.list("INBOX", firstPage)).messages.map((message) => message.place.uid)).toEqual([13, 12, 11]);
});
